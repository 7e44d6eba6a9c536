"""Lists in pages, versions in headers, and what is asked twice."""

from tests.unit.serve.api.world import World, run


def test_pages_give_everything_once_in_order(tmp_path, url):
    async def job(world: World) -> None:
        async with world.client("north/operator") as client:
            for number in range(25):
                await client.post("/api/v1/tokens", json={"token": f"c{number:02d}"})
            seen, cursor = [], None
            while True:
                query = {"limit": "7", **({"cursor": cursor} if cursor else {})}
                page = (await client.get("/api/v1/tokens", params=query)).json()
                seen += [token["token"] for token in page["items"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
                await client.post("/api/v1/tokens", json={"token": "a-new-one-before"})
            assert seen == sorted(seen)
            assert len(seen) == len(set(seen)) == 26
            forged = await client.get("/api/v1/tokens", params={"cursor": "bm9uc2Vuc2U"})
            assert (forged.status_code, forged.json()["code"]) == (404, "cursor-unknown")

    run(tmp_path, job, url=url)


def test_a_document_that_was_changed_meanwhile_is_not_written_over(tmp_path, url):
    async def job(world: World) -> None:
        async with world.client("north/operator") as client:
            path = "/api/v1/sites/north-site/plan"
            read = await client.get(path)
            first = await client.put(path, json={**read.json(), "max_kw": 50.0}, headers={"if-match": read.headers["etag"]})
            assert first.status_code == 200
            late = await client.put(path, json={**read.json(), "max_kw": 60.0}, headers={"if-match": read.headers["etag"]})
            assert (late.status_code, late.headers["etag"]) == (412, first.headers["etag"])
            same = await client.get(path, headers={"if-none-match": first.headers["etag"]})
            assert (same.status_code, same.content) == (304, b"")
            assert (await client.get(path)).json()["max_kw"] == 50.0
            tariff = {"document": {"price_per_kwh": 0.3, "currency": "EUR", "zone": "UTC", "name": "flat"}}
            made = await client.put("/api/v1/tariffs/flat", json=tariff, headers={"if-match": '"0"'})
            assert made.status_code == 200, made.text
            assert (await client.put("/api/v1/tariffs/flat", json=tariff, headers={"if-match": '"0"'})).status_code == 412

    run(tmp_path, job, url=url)


def test_wrong_documents_of_a_site_come_back_with_findings(tmp_path, url):
    async def job(world: World) -> None:
        async with world.client("north/operator") as client:
            path = "/api/v1/sites/north-site/plan"
            plan = (await client.get(path)).json()
            wrong = {**plan, "zone": "Mars/Olympus"}
            assert (await client.put(path, json=wrong)).json()["findings"][0]["code"] == "site.zone"
            lost = {**plan, "limits": [{"id": "hall", "parent": "cellar", "max_kw": 20}]}
            answer = await client.put(path, json=lost)
            assert (answer.status_code, answer.json()["findings"][0]["code"]) == (422, "site.no-way-to-root")
            assert (await client.put(path, json={**plan, "evse": []})).status_code == 200
            other = {**plan, "evse": [{**plan["evse"][0], "rating_kw": 3.0}]}
            assert (await client.put(path, json=other)).json()["findings"][0]["code"] == "site.evse"

    run(tmp_path, job, url=url)


def test_every_write_leaves_a_line_in_the_audit_log(tmp_path, url):
    async def job(world: World) -> None:
        async with world.client("north/operator", remote="192.0.2.5") as client:
            await client.patch("/api/v1/drivers/north-driver", json={"name": "Ada"})
            await client.delete("/api/v1/tokens/ISO14443/north-card")
            (await client.get("/api/v1/audit")).json()
            lines = (await client.get("/api/v1/audit")).json()["items"]
            removed, changed = lines[0], lines[1]
            assert (removed["action"], removed["subject"], removed["actor"]) == (
                "token.remove",
                "ISO14443/north-card",
                "key:north-operator",
            )
            assert removed["before_digest"]
            assert not removed["after_digest"]
            assert (changed["action"], changed["remote"], changed["org_id"]) == ("driver.change", "192.0.2.5", "north")
            assert changed["before_digest"] != changed["after_digest"]

    run(tmp_path, job, url=url)
