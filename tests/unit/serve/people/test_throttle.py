"""Wrong passwords cost time where they come from, and lock nobody out elsewhere."""

from evloom.serve.people.throttle import FREE_TRIES, KEPT_MAX, WAIT_MAX_S, LoginThrottle


def test_a_thousand_wrong_passwords_wait_and_the_right_user_gets_in_from_elsewhere():
    throttle, now_s, tried = LoginThrottle(), 0.0, 0
    for _ in range(1000):
        if throttle.wait_s("Ada", "192.0.2.1", now_s) == 0.0:
            throttle.failed("ada", "192.0.2.1", now_s)
            tried += 1
        now_s += 1.0
    assert tried < 30
    assert 0.0 < throttle.wait_s("ada", "192.0.2.1", now_s) <= WAIT_MAX_S
    assert throttle.wait_s("ada", "198.51.100.9", now_s) == 0.0


def test_an_address_that_tries_many_accounts_waits_too():
    throttle = LoginThrottle()
    for index in range(40):
        throttle.failed(f"user{index}", "192.0.2.1", 0.0)
    assert throttle.wait_s("somebody", "192.0.2.1", 0.0) > 0.0
    assert throttle.wait_s("somebody", "192.0.2.2", 0.0) == 0.0


def test_an_account_tried_from_everywhere_is_answered_slowly():
    throttle = LoginThrottle()
    for index in range(60):
        throttle.failed("ada", f"192.0.2.{index}", 0.0)
    assert throttle.slow_s("ada", 0.0) > 0.0
    assert throttle.slow_s("ada", 1e6) == 0.0


def test_the_right_password_clears_the_count_and_memory_is_bounded():
    throttle = LoginThrottle()
    for _ in range(FREE_TRIES + 3):
        throttle.failed("ada", "192.0.2.1", 0.0)
    throttle.succeeded("ada", "192.0.2.1")
    assert throttle.wait_s("ada", "192.0.2.1", 0.0) == 0.0
    for index in range(KEPT_MAX + 500):
        throttle.failed(f"u{index}", "192.0.2.9", 0.0)
    assert len(throttle._counts) <= KEPT_MAX
