from evloom.serve.gateway.throttle import Bucket, Echo, Guesses


def test_a_bucket_lets_its_burst_through_and_then_its_mean():
    bucket = Bucket(per_s=10.0, burst=5.0, now_s=100.0)
    assert [bucket.take(100.0) for _ in range(5)] == [0.0] * 5
    assert bucket.take(100.0) == 0.1
    assert bucket.take(100.0) == 0.2
    assert bucket.take(101.0) == 0.0  # 8 came, 3 were owed


def test_an_instant_of_the_past_refills_nothing_and_the_time_since_counts_once():
    bucket = Bucket(per_s=1.0, burst=2.0, now_s=100.0)
    assert [bucket.take(100.0), bucket.take(100.0), bucket.take(50.0)] == [0.0, 0.0, 1.0]
    assert bucket.wait_s(101.0) == 1.0


def test_guessing_is_slowed_within_a_dozen_and_forgotten_within_seconds():
    guesses = Guesses()
    n_tried = 0
    for _ in range(1000):
        if guesses.wait_s("CP1", "10.0.0.9", 0.0) == 0.0:
            guesses.failed("CP1", "10.0.0.9", 0.0)
            n_tried += 1
    assert n_tried == 10
    assert 0.0 < guesses.wait_s("CP1", "10.0.0.9", 0.0) <= 1.0
    assert guesses.wait_s("CP1", "10.0.0.7", 0.0) == 0.0  # the right station at its own address is not asked to wait
    assert guesses.wait_s("CP1", "10.0.0.9", 1.1) == 0.0


def test_guessing_from_many_addresses_or_for_many_stations_is_slowed_too():
    guesses = Guesses()
    for n in range(60):
        guesses.failed("CP1", f"10.0.0.{n}", 0.0)
    assert 0.0 < guesses.wait_s("CP1", "10.0.1.1", 0.0) < 3.0
    for n in range(110):
        guesses.failed(f"CP{n}", "10.9.9.9", 0.0)
    assert 0.0 < guesses.wait_s("CPnew", "10.9.9.9", 0.0) < 3.0


def test_an_echo_says_the_first_few_and_then_once_a_minute():
    echo = Echo()
    said = [echo.times("wrong", "CP1", float(second)) for second in range(130)]
    assert said[:3] == [1, 1, 1]
    assert sum(said) == 3 + 58 + 60
    assert sum(1 for times in said if times) == 5
    assert echo.times("wrong", "CP2", 130.0) == 1
