"""Limits, base load and journals through the interface, without a loop in this process."""

from tests.unit.serve.api.world import World, run


def test_a_limit_from_outside_is_kept_and_taken_back(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/owner") as client:
            path = "/api/v1/sites/north-site/limits"
            set_ = await client.put(f"{path}/site", json={"max_kw": 80.0, "source": "grid operator", "until": "2026-09-22T00:00:00Z"})
            assert set_.status_code == 200
            assert (await client.get(path)).json() == [set_.json()]
            assert (await client.put(f"{path}/cellar", json={"max_kw": 80.0})).status_code == 404
            assert (await client.delete(f"{path}/site")).status_code == 204
            assert (await client.get(path)).json() == []

    run(tmp_path, job)


def test_without_a_loop_the_board_says_so(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/owner") as client:
            for path in ("board", "forecast"):
                answer = await client.get(f"/api/v1/sites/north-site/{path}")
                assert (answer.status_code, answer.json()["code"]) == (503, "no-loop")

    run(tmp_path, job)


def test_files_of_the_journal_are_listed_and_read_and_nothing_else(tmp_path):
    folder = tmp_path / "journal" / "north-site"
    folder.mkdir(parents=True)
    (folder / "2026-09-21T00.jsonl.gz").write_bytes(b"gz")
    (folder / "2026-09-21T00.toml").write_text("x = 1")
    (tmp_path / "secret.toml").write_text("y = 2")

    async def job(world: World) -> None:
        async with world.client("north/reader") as client:
            listed = (await client.get("/api/v1/sites/north-site/journal")).json()
            assert sorted(file["file"] for file in listed) == ["2026-09-21T00.jsonl.gz", "2026-09-21T00.toml"]
            read = await client.get("/api/v1/sites/north-site/journal/2026-09-21T00.jsonl.gz")
            assert (read.content, read.headers["content-type"]) == (b"gz", "application/gzip")
            for name in ("%2e%2e", "%2e%2e%2f%2e%2e%2fsecret.toml", "none.toml", ".hidden"):
                answer = await client.get(f"/api/v1/sites/north-site/journal/{name}")
                assert answer.status_code == 404
                assert "y = 2" not in answer.text
        async with world.client("south/reader") as client:
            assert (await client.get("/api/v1/sites/north-site/journal")).status_code == 404

    run(tmp_path, job)
