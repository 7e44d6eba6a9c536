"""Logs: one line each, with fields, and without secrets."""

import io
import json
import logging

from evloom.serve import logs


def lines(form: str, job) -> list[str]:
    """What is logged while `job(log)` runs."""
    stream, root = io.StringIO(), logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.configure("info", form, stream)
        job(logging.getLogger("evloom.test"))
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    return stream.getvalue().splitlines()


def test_an_event_is_one_line_of_json_with_its_fields():
    def job(log: logging.Logger) -> None:
        logs.told(log, logging.INFO, "login.failed", login='<"x">\n', count=3)
        logs.told(log, logging.DEBUG, "unseen")

    (line,) = lines("json", job)
    said = json.loads(line)
    assert (said["event"], said["login"], said["count"], said["level"]) == ("login.failed", '<"x">\n', 3, "INFO")


def test_secrets_never_get_into_a_line():
    def job(log: logging.Logger) -> None:
        logs.told(log, logging.INFO, "x", password="p1", headers={"Authorization": "p2", "x": "seen"}, csrf_token="p3")

    for form in ("json", "plain"):
        (line,) = lines(form, job)
        assert "seen" in line
        assert not any(secret in line for secret in ("p1", "p2", "p3"))


def test_an_exception_and_a_line_break_stay_in_their_line():
    def job(log: logging.Logger) -> None:
        try:
            raise ValueError("broken")
        except ValueError:
            log.exception("request.failed")

    (line,) = lines("json", job)
    assert "ValueError: broken" in json.loads(line)["error"]
    (plain,) = lines("plain", lambda log: logs.told(log, logging.INFO, "x", name="a\nb"))
    assert plain.endswith("name=a\\nb")


def test_the_chatter_of_libraries_at_a_start_is_left_out():
    def job(log: logging.Logger) -> None:
        logging.getLogger("alembic.runtime.migration").info("Context impl SQLiteImpl.")
        logging.getLogger("sqlalchemy.pool").info("Pool recreating")
        logging.getLogger("alembic.runtime.migration").warning("seen")

    (line,) = lines("plain", job)
    assert line.endswith("WARNING seen")
