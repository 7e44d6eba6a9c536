"""The conformance cards say what is true: against the catalogues both ways, the desk, the commands, and the page."""

import msgspec
import pytest

from evloom.pile.command import Command
from evloom.serve.desk.desk import Caller
from evloom.wire.ocpp.card import DONE, EXEMPT, TO_DO, card
from evloom.wire.ocpp.check import catalog
from evloom.wire.ocpp.command import Unsupported, outcome_of, request_of
from evloom.wire.ocpp.version import Version
from tests.unit.serve.desk.counter import FOLDERS, run
from tests.unit.wire.ocpp import orders_to_try
from tests.unit.wire.ocpp.samples import originals, payload
from tools.fault import ROOT
from tools.ocpp_messages import PAGE, page_text


@pytest.mark.parametrize("version", list(Version))
def test_a_card_has_every_message_once(version):
    rows = card(version)
    assert [row.action for row in rows] == sorted(catalog(version))
    assert {row.state for row in rows} <= {DONE, TO_DO, EXEMPT}
    for row in rows:
        assert (row.reason != "") == (row.state == EXEMPT)


@pytest.mark.parametrize("version", list(Version))
def test_what_stations_send_is_answered_where_the_card_says_so(tmp_path, version):
    schemas = originals(FOLDERS[version])

    async def story(here):
        await here.boot(version)
        for row in card(version):
            if row.asks == "platform" or row.state == TO_DO:
                continue
            schema = schemas[f"{row.action}Request"]
            text = msgspec.json.encode(payload(schema, schema, "most"))
            if catalog(version)[row.action].response is None:
                before = len(await here.kept())
                await here.desk.sent(Caller("S", version), row.action, text, b"[6]")
                assert len(await here.kept()) > before
            else:
                assert isinstance(await here.ask_raw(version, row.action, text), dict), row

    run(tmp_path, story)


@pytest.mark.parametrize("version", list(Version))
def test_what_we_send_is_said_and_its_answer_read_where_the_card_says_so(version):
    said: dict[str, Command] = {}
    for command in orders_to_try.ALL:
        try:
            said.setdefault(request_of(version, command)[0], command)
        except Unsupported:
            continue
    for row in card(version):
        if row.asks == "station" or row.state != DONE:
            continue
        schema = originals(FOLDERS[version])[f"{row.action}Response"]
        outcome = outcome_of(version, said[row.action], msgspec.json.encode(payload(schema, schema, "most")))
        assert isinstance(outcome.status, str), row


def test_the_page_has_the_cards_and_the_rules():
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert page == page_text(page), "run: python -m tools.ocpp_messages --card"
    assert "| Heartbeat | station | G | done | done | done |" in page
