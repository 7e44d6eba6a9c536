"""The corpus through the platform: a station that breaks the rules gets an answer, and what was done is kept."""

import json

import pytest

from evloom.wire.ocpp.version import Version
from tests.unit.serve.desk.counter import run
from tests.unit.wire.ocpp.test_dirty import CORPUS

ASKED = [case for case in CORPUS if not case["answer"]]


@pytest.mark.parametrize("version", list(Version))
def test_every_station_of_the_corpus_is_answered(tmp_path, version):
    async def story(here):
        await here.boot(version)
        for case in ASKED:
            if case["version"] != version.value:
                continue
            for earlier in case.get("before", ()):
                await here.ask_raw(version, earlier["action"], json.dumps(earlier["payload"]).encode())
            kept = len(await here.kept("Deviated"))
            answer = await here.ask_raw(version, case["action"], json.dumps(case["payload"]).encode())
            if case["refusal"]:
                assert answer == case["refusal"], case["note"]
            else:
                assert isinstance(answer, dict), (case["note"], answer)
            rules = {one.rule for one in (await here.kept("Deviated"))[kept:]}
            assert rules >= set(case["rules"]), case["note"]

    run(tmp_path, story)
