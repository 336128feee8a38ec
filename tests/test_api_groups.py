"""Setting up groups through the admin API: people, rules that add up, exact shares, offices, and the beginning."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from asking import WEEKLY, Admin, birr, neighbours, owner_of, person

from core import groups
from core.db import transaction
from core.rules import Rules


@pytest.fixture
async def owner(tenant: UUID) -> AsyncIterator[Admin]:
    async with owner_of(tenant) as signed_in:
        yield signed_in


# --- People --------------------------------------------------------------------------------------


async def test_phones_are_masked_unless_one_may_see_them(owner: Admin) -> None:
    made = await person(owner, "Abebe", 1)
    assert made["phone"] == "+251911000001"
    for role in ("viewer", "cashier", "approver"):
        seen = await owner.as_(role).get(f"/people/{made['id']}")
        assert seen["phone"] == "+251911****01"
        assert "000001" not in str(await owner.as_(role).get("/people"))
    assert (await owner.as_("support").get("/people"))["items"][0]["phone"] == "+251911000001"
    assert [one["address"] for one in made["addresses"]] == ["+251911****01"]


async def test_consent_is_kept_only_where_it_was_given(owner: Admin) -> None:
    assert (await person(owner, "Abebe", 1))["consented_at"] is not None
    assert (await person(owner, "Sara", 2, consent=False))["consented_at"] is None


async def test_a_phone_belongs_to_one_person_however_it_is_written(owner: Admin) -> None:
    made = await person(owner, "Abebe", 1)
    taken = await owner.post("/people", {"phone": "0911 000 001", "name": "Kebede", "language": "en"}, status=409)
    assert (taken["type"], taken["person"]) == ("/problems/person.phone_taken", made["id"])


async def test_a_person_gets_another_name_or_language(owner: Admin) -> None:
    made = await person(owner, "Abebe", 1)
    changed = await owner.patch(f"/people/{made['id']}", {"name": "  Abebe   Kebede "})
    assert (changed["name"], changed["language"]) == ("Abebe Kebede", "en")
    refused = await owner.patch(f"/people/{made['id']}", {"name": "123"}, status=422)
    assert refused["type"] == "/problems/name.not_understood"
    await owner.patch(f"/people/{made['id']}", {"phone": "+251911000009"}, status=422)


# --- Rules ---------------------------------------------------------------------------------------


async def test_rules_that_do_not_add_up_are_refused_with_what_would(owner: Admin) -> None:
    rules = {"contribution": birr("500.00"), "lots": 10, "rhythm": {"kind": "monthly"}}
    refused = await owner.post("/groups", {"name": "Sefer", "rules": rules, "pot": birr("10000.00")}, status=422)
    assert refused["type"] == "/problems/rules.does_not_add_up"
    assert (refused["fits"], refused["fitting_lots"], refused["pot"]) == (True, 20, birr("5000.00"))
    assert refused["said"] == birr("10000.00")
    assert "10 lots of 500 birr make a pot of 5,000 birr" in refused["title"]
    assert await owner.all("/groups") == []
    group = await owner.post("/groups", {"name": "Sefer", "rules": rules | {"lots": 20}, "pot": birr("10000.00")})
    assert (group["pot"], group["lots"], group["rounds"]) == (birr("10000.00"), 20, 20)


async def test_a_daily_equb_keeps_whole_instalments_as_its_fee(owner: Admin) -> None:
    fee = {"kind": "instalments", "instalments": 5}
    rules = {"contribution": birr("200.00"), "lots": 105, "rhythm": {"kind": "daily"}, "fee": fee}
    group = await owner.post("/groups", {"name": "Suk", "rules": rules})
    assert group["pot"] == birr("20000.00")
    shown = await owner.get(f"/groups/{group['id']}/rules")
    assert shown["fee"] == {
        "kind": "instalments",
        "instalments": 5,
        "per_mille": None,
        "amount": None,
        "collect": "pot",
    }
    assert (shown["rhythm"]["kind"], shown["rhythm"]["every"]) == ("daily", 1)
    flat = {"kind": "flat", "amount": {"amount": "10.00", "currency": "USD"}}
    refused = await owner.patch(f"/groups/{group['id']}", {"rules": rules | {"fee": flat}}, status=422)
    assert refused["type"] == "/problems/money.other_currency"


async def test_rules_change_while_a_group_forms_and_every_version_stays(owner: Admin) -> None:
    equb = await neighbours(owner)
    changed = await owner.patch(equb.path, {"name": "Merkato 2", "rules": WEEKLY | {"lots": 6, "grace_hours": 12}})
    assert (changed["name"], changed["lots"], changed["rules_version"]) == ("Merkato 2", 6, 2)
    fewer = await owner.patch(equb.path, {"rules": WEEKLY | {"lots": 3}}, status=409)
    assert (fewer["type"], fewer["taken"]) == ("/problems/rules.fewer_lots_than_taken", 4)
    history = await owner.all(f"{equb.path}/rules/history")
    assert [version["rules"]["lots"] for version in history] == [4, 6]
    assert history[1]["hash"] == (await owner.get(f"{equb.path}/rules"))["hash"]
    # Nobody is bound by rules they have not accepted: on their phone, or on paper that an administrator has seen.
    refused = await owner.post(f"{equb.path}/begin", {}, status=422)
    assert (refused["type"], refused["who"]) == (
        "/problems/rule.not_accepted",
        "1. Abebe, 2. Sara, 3. Lema, 4. Hana",
    )
    for member in equb.members.values():
        await owner.post(f"{equb.path}/members/{member['id']}/acceptance", {})
    await equb.begin()
    late = await owner.patch(equb.path, {"name": "Merkato 3"}, status=409)
    assert (late["type"], late["state"]) == ("/problems/group.not_forming", "running")


# --- Members and lots ----------------------------------------------------------------------------


async def test_exact_shares_fill_a_lot_and_no_more(owner: Admin) -> None:
    equb = await neighbours(owner)
    (lot,) = [one for one in await owner.all(f"{equb.path}/lots") if one["lot"] == "L004"]
    assert [(one["name"], one["share"]) for one in lot["holdings"]] == [("Lema", "3/10"), ("Hana", "7/10")]
    assert lot["free"] == "0"
    assert equb.members["Sara"]["holdings"] == [{"lot": "L002", "share": "1"}, {"lot": "L003", "share": "1"}]
    more = {"member": equb.members["Sara"]["number"], "share": "1/10"}
    full = await owner.post(f"{equb.path}/lots/L004/holdings", more, status=409)
    assert full["type"] == "/problems/lot.no_room"
    again = {"member": equb.members["Lema"]["id"], "share": "1/10"}
    held = await owner.post(f"{equb.path}/lots/4/holdings", again, status=409)
    assert held["type"] == "/problems/lot.held_already"
    assert (await owner.post(f"{equb.path}/lots/9/holdings", more, status=404))["type"] == "/problems/lot.unknown"
    for share in ("0", "2", "1/101", "1.5", "-1/2", "1/0"):
        await owner.post(f"{equb.path}/lots/1/holdings", {"member": 2, "share": share}, status=422)


async def test_a_lot_shared_by_five_pays_a_fifth_each(owner: Admin) -> None:
    group = await owner.post("/groups", {"name": "Alemayehu", "rules": WEEKLY | {"lots": 2}})
    path = f"/groups/{group['id']}"
    for number in range(1, 11):
        added = await person(owner, f"Person {chr(64 + number)}", number)
        member = await owner.post(f"{path}/members", {"person": added["id"], "share": "0"})
        await owner.post(f"{path}/lots/{1 + (number > 5)}/holdings", {"member": member["id"], "share": "1/5"})
    begun = await owner.post(f"{path}/begin", status=200)
    assert (begun["lots"], begun["rounds"], len(begun["anchor"])) == (2, 2, 64)
    for lot in await owner.all(f"{path}/lots"):
        assert [one["pays"] for one in lot["holdings"]] == [birr("200.00")] * 5


async def test_who_is_added_hears_of_it_if_they_have_consented(owner: Admin, superuser: Any) -> None:
    equb = await neighbours(owner)
    silent = await person(owner, "Tola", 9, consent=False)
    await owner.patch(equb.path, {"rules": WEEKLY | {"lots": 6}})
    await owner.post(f"{equb.path}/members", {"person": silent["id"], "share": "1"})
    texts = superuser.rows("SELECT text FROM outbox WHERE kind LIKE 'joined%' ORDER BY seq")
    assert [row[0].split(",")[0] for row in texts] == [
        "You are member 2 of Merkato",
        "You are member 3 of Merkato",
        "You are member 4 of Merkato",
    ]


async def test_a_person_is_a_member_once_and_there_is_one_organiser(owner: Admin) -> None:
    equb = await neighbours(owner)
    again = await owner.post(f"{equb.path}/members", {"person": equb.members["Sara"]["person"]}, status=409)
    assert (again["type"], again["member"]) == ("/problems/member.in_already", equb.members["Sara"]["id"])
    second = await person(owner, "Tola", 9)
    asked = {"person": second["id"], "role": "organiser", "share": "0"}
    refused = await owner.post(f"{equb.path}/members", asked, status=409)
    assert refused["type"] == "/problems/group.has_organiser"
    sara = equb.members["Sara"]["id"]
    await owner.post(f"{equb.path}/members/{sara}/role", {"role": "organiser", "by": 1}, status=422)
    unknown = await owner.post(f"{equb.path}/members", {"person": str(uuid4())}, status=404)
    assert unknown["type"] == "/problems/person.unknown"


# --- The beginning -------------------------------------------------------------------------------


async def test_a_group_begins_when_every_lot_is_full(owner: Admin) -> None:
    equb = await neighbours(owner, lots=5)
    lema = {"member": equb.members["Lema"]["id"], "share": "1/2"}
    await owner.post(f"{equb.path}/lots/5/holdings", lema)
    refused = await owner.post(f"{equb.path}/begin", status=409)
    assert (refused["type"], refused["lot"], refused["free"]) == ("/problems/cycle.lot_not_full", 5, "1/2")
    await owner.post(f"{equb.path}/lots/5/holdings", {"member": 4, "share": "1/2"})
    await equb.begin()
    group = await owner.get(equb.path)
    assert (group["status"], group["members"], group["lots"], group["rounds_held"]) == ("running", 4, 5, 0)
    rounds = await owner.all(f"{equb.path}/rounds")
    assert [one["status"] for one in rounds] == ["open", "planned", "planned", "planned", "planned"]
    assert {one["pot"]["amount"] for one in rounds} == {"5000.00"}
    dues = await owner.all(f"{equb.path}/dues")
    assert sum(float(due["amount"]["amount"]) for due in dues) == 5000
    await owner.post(f"{equb.path}/begin", status=409)


async def test_a_draw_can_be_checked_from_what_the_api_says(owner: Admin) -> None:

    equb = await neighbours(owner)
    await equb.begin()
    for name, amount in (("Abebe", "1000.00"), ("Sara", "2000.00"), ("Lema", "300.00"), ("Hana", "700.00")):
        await equb.pay(name, amount)
    await equb.until_drawn(1)
    (draw,) = await owner.all(f"{equb.path}/draws")
    assert hashlib.sha256(draw["list"].encode()).hexdigest() == draw["list_hash"]
    lots = draw["list"].split()
    assert lots == ["L001", "L002", "L003", "L004"]
    said = f"equb-draw-v1|{equb.group['code']}|1|{draw['list_hash']}|{draw['link']}|{draw['proof']['counter']}"
    value = hmac.digest(bytes.fromhex(draw["beacon"]), said.encode(), "sha256")
    assert lots[int.from_bytes(value) % len(lots)] == draw["lot"]
    assert await owner.get(f"{equb.path}/draws/{draw['code'].lower()}") == draw
    (lot,) = [one for one in await owner.all(f"{equb.path}/lots") if one["lot"] == draw["lot"]]
    assert lot["drawn_in"] == 1
    assert (await owner.get(equb.path))["rounds_held"] == 1


async def test_a_lock_shows_what_was_committed_while_waiting_for_it(tenant: UUID) -> None:
    async with transaction(tenant) as tx:
        rules = Rules(contribution_minor=1000, lots=3)
        made = await groups.found(tx, None, name="Merkato", currency="ETB", rules=rules)
    async with transaction(tenant) as tx:
        assert (await groups.by_id(tx, made.group_id)).status == "forming"
        async with transaction(tenant) as other:
            (await groups.by_id(other, made.group_id, lock=True)).status = "running"
        assert (await groups.by_id(tx, made.group_id, lock=True)).status == "running"


async def test_of_two_beginnings_at_once_one_is_the_first(owner: Admin) -> None:
    equb = await neighbours(owner)
    answers = await asyncio.gather(*(owner.ask("POST", f"{equb.path}/begin") for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
