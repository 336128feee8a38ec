"""Offices, proposals and forgotten PINs: an administrator asks and looks, people say yes on their own phones."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from asking import Admin, Equb, neighbours, owner_of, person
from doors import Doors
from talking import Scene

from core import clock, people
from core.beacon import Beacon
from core.errors import TryLater
from core.messages import SMS, TELEGRAM

ABEBE, SARA = "+251911000001", "+251911000002"


@pytest.fixture
async def owner(tenant: UUID, at: Callable[[str], Any]) -> AsyncIterator[Admin]:
    at("2026-11-24 10:00")
    people.forget_tenants()
    async with owner_of(tenant) as signed_in:
        yield signed_in


async def role_of(equb: Equb, name: str) -> str:
    return str((await equb.admin.get(f"{equb.path}/members/{equb.members[name]['id']}"))["role"])


# --- offices -------------------------------------------------------------------------------------


async def test_an_office_offered_by_an_administrator_is_accepted_on_the_members_own_phone(
    owner: Admin, doors: Doors
) -> None:
    equb = await neighbours(owner)
    path = f"{equb.path}/members/{equb.members['Sara']['id']}/role"
    offered = await owner.post(path, {"role": "secretary", "by": 1})
    assert await role_of(equb, "Sara") == "member"
    waiting = await owner.get(f"{equb.path}/proposals/{offered['proposal']}")
    assert (waiting["kind"], waiting["what"], waiting["outcome"]) == ("role", "Sara as secretary", None)
    assert waiting["answers"] == [{"member": equb.members["Sara"]["id"], "answer": None, "answered_at": None}]
    await doors.deliver()
    await doors.sms(SARA, "YES")
    assert await role_of(equb, "Sara") == "secretary"
    done = await owner.get(f"{equb.path}/proposals/{offered['proposal']}")
    assert (done["outcome"], [one["answer"] for one in done["answers"]]) == ("done", [True])
    # Taking it away needs nobody's consent.
    assert await owner.post(path, {"role": "member", "by": 1}) == {"proposal": None}
    assert await role_of(equb, "Sara") == "member"


async def test_who_may_not_appoint_offers_no_office_and_nobody_hands_over_the_organisers(owner: Admin) -> None:
    equb = await neighbours(owner)
    path = f"{equb.path}/members/{equb.members['Sara']['id']}/role"
    assert (await owner.post(path, {"role": "secretary", "by": 3}, status=403))["type"] == "/problems/rights.office"
    await owner.as_("cashier").post(path, {"role": "secretary", "by": 1}, status=403)
    await owner.post(path, {"role": "organiser", "by": 1}, status=422)
    organiser = f"{equb.path}/members/{equb.members['Abebe']['id']}/role"
    refused = await owner.post(organiser, {"role": "member", "by": 1}, status=409)
    assert refused["type"] == "/problems/member.organiser_stays"
    assert (await owner.post(path, {"role": "member", "by": 1}, status=409))["type"] == "/problems/role.same"
    assert await owner.all(f"{equb.path}/proposals") == []


async def test_an_office_at_entering_is_offered_too(owner: Admin, doors: Doors) -> None:
    equb = await neighbours(owner, lots=6)
    tola = await person(owner, "Tola", 9)
    added = await owner.post(f"{equb.path}/members", {"person": tola["id"], "role": "collector"})
    assert added["role"] == "member"
    await doors.deliver()
    await doors.sms("+251911000009", "1")
    assert (await owner.get(f"{equb.path}/members/{added['id']}"))["role"] == "collector"
    silent = await person(owner, "Hirut", 10, consent=False)
    refused = await owner.post(f"{equb.path}/members", {"person": silent["id"], "role": "secretary"}, status=409)
    assert refused["type"] == "/problems/proposal.unreached"
    assert len(await owner.all(f"{equb.path}/members")) == 5
    empty = await owner.post("/groups", {"name": "Bole", "rules": {**_WEEKLY, "lots": 3}})
    refused = await owner.post(
        f"/groups/{empty['id']}/members", {"person": tola["id"], "role": "secretary"}, status=409
    )
    assert refused["type"] == "/problems/role.no_organiser"


_WEEKLY = {"contribution": {"amount": "1000.00", "currency": "ETB"}, "lots": 3, "rhythm": {"kind": "weekly"}}


# --- what waits ----------------------------------------------------------------------------------


async def test_proposals_are_listed_the_newest_first_by_what_became_of_them(owner: Admin, doors: Doors) -> None:
    equb = await neighbours(owner)
    await equb.begin()
    for name in ("Sara", "Lema", "Hana"):
        await owner.post(f"{equb.path}/members/{equb.members[name]['id']}/role", {"role": "collector", "by": 1})
        await doors.deliver()
        await doors.sms({"Sara": SARA, "Lema": "+251911000003", "Hana": "+251911000004"}[name], "NO")
    await owner.post(f"{equb.path}/guarantees", {"member": 3, "guarantor": 2, "by": 1})
    everything = await owner.all(f"{equb.path}/proposals", limit=2)
    assert [(one["kind"], one["outcome"]) for one in everything] == [
        ("guarantee", None),
        ("role", "refused"),
        ("role", "refused"),
        ("role", "refused"),
    ]
    assert [one["kind"] for one in await owner.all(f"{equb.path}/proposals", waiting=True)] == ["guarantee"]
    await owner.get(f"{equb.path}/proposals/{uuid4()}", expect=404)


async def test_one_dispute_and_one_guarantee_are_shown(owner: Admin, doors: Doors) -> None:
    equb = await neighbours(owner)
    await equb.begin()
    paid = await equb.pay("Sara", "1000.00")
    said = {"member": 2, "about": "payment", "subject": paid["id"], "said": "it was more"}
    dispute = await owner.post(f"{equb.path}/disputes", said)
    assert await owner.get(f"{equb.path}/disputes/{dispute['id']}") == dispute
    await owner.get(f"{equb.path}/disputes/{uuid4()}", expect=404)
    await owner.post(f"{equb.path}/guarantees", {"member": 3, "guarantor": 2, "by": 1})
    await doors.deliver()
    await doors.sms(SARA, "1")
    (given,) = await owner.all(f"{equb.path}/guarantees")
    assert await owner.get(f"{equb.path}/guarantees/{given['id']}") == given
    await owner.get(f"{equb.path}/guarantees/{uuid4()}", expect=404)


# --- a forgotten PIN -----------------------------------------------------------------------------


async def test_a_forgotten_pin_is_set_anew_by_an_administrator_and_the_own_phone_together(
    owner: Admin, doors: Doors
) -> None:
    equb = await neighbours(owner)
    sara = equb.members["Sara"]["person"]
    refused = await owner.post(f"/people/{sara}/pin-reset", {"reason": "came herself"}, status=409)
    assert refused["type"] == "/problems/pin.none"
    await doors.sms(SARA, "PIN 1234")
    # The phone alone does not set it, and officers have no word for it.
    assert "the old and the new" in await doors.sms(SARA, "PIN 9876")
    await owner.as_("cashier").post(f"/people/{sara}/pin-reset", {"reason": "came herself"}, status=403)
    until = (await owner.post(f"/people/{sara}/pin-reset", {"reason": "came herself"}, status=200))["until"]
    assert until.startswith("2026-11-25T07:00")
    answer = await doors.sms(SARA, "PIN 9876")
    assert answer.startswith("Your PIN was set anew without the old one. It confirms nothing before 25 Nov 2026")
    assert "the old and the new" in await doors.sms(SARA, "PIN 1111")
    assert "It is set" in await doors.sms(SARA, "PIN 9876 2222")
    acts = [one["action"] for one in (await owner.get("/audit"))["items"]]
    assert {"pin.set", "pin.reset_allowed", "pin.set_anew"} <= set(acts)
    texts = [row[0] for row in await doors.rows("SELECT text FROM inbox UNION ALL SELECT text FROM outbox")]
    assert not [text for text in texts if "9876" in text or "1234" in text]


async def test_the_permission_ends_with_the_day_or_with_the_old_pin(owner: Admin, doors: Doors) -> None:
    equb = await neighbours(owner)
    sara = equb.members["Sara"]["person"]
    await doors.sms(SARA, "PIN 1234")
    await owner.post(f"/people/{sara}/pin-reset", {"reason": "by telephone"}, status=200)
    (said,) = await doors.rows("SELECT text FROM outbox WHERE kind = 'pin_reset'")
    assert "Not you? PIN, the old and a new one ends it." in said[0]
    assert "It is set" in await doors.sms(SARA, "PIN 1234 4321")
    assert "the old and the new" in await doors.sms(SARA, "PIN 9876")
    await owner.post(f"/people/{sara}/pin-reset", {"reason": "by telephone"}, status=200)
    clock.set_to(clock.now() + timedelta(days=1))
    assert "the old and the new" in await doors.sms(SARA, "PIN 9876")


async def test_a_thief_who_links_an_account_of_their_own_sets_no_pin_there(owner: Admin, doors: Doors) -> None:
    """The stolen phone gives a code, the account that is linked with it came after the permission."""
    equb = await neighbours(owner)
    sara = equb.members["Sara"]["person"]
    await doors.sms(SARA, "PIN 1234")
    await owner.post(f"/people/{sara}/pin-reset", {"reason": "by telephone"}, status=200)
    clock.set_to(clock.now() + timedelta(minutes=5))
    code = (await doors.sms(SARA, "LINK")).split("Your code is ")[1][:9]
    scene = Scene(owner.tenant)
    scene.phone("Thief", TELEGRAM)
    linked = [words for phone, words in await scene.say("Thief", TELEGRAM, f"LINK {code}") if phone.name == "Thief"]
    assert "are one person now, Sara" in linked[0]
    (refused,) = [words for phone, words in await scene.say("Thief", TELEGRAM, "PIN 9876") if phone.name == "Thief"]
    assert "the old and the new" in refused


async def test_every_address_hears_of_a_permission_and_of_a_pin_set_anew(owner: Admin, doors: Doors) -> None:
    equb = await neighbours(owner)
    sara = equb.members["Sara"]["person"]
    await doors.sms(SARA, "PIN 1234")
    code = (await doors.sms(SARA, "LINK")).split("Your code is ")[1][:9]
    scene = Scene(owner.tenant)
    await scene.say("Sara", TELEGRAM, f"LINK {code}")
    clock.set_to(clock.now() + timedelta(minutes=5))
    await owner.post(f"/people/{sara}/pin-reset", {"reason": "came herself"}, status=200)
    heard = [phone.channel for phone, words in await scene.heard() if "lets you set a new PIN" in words]
    assert sorted(heard) == [SMS, TELEGRAM]
    await doors.sms(SARA, "PIN 9876")
    heard = [phone.channel for phone, words in await scene.heard() if "was set anew" in words]
    assert heard == [TELEGRAM]


async def test_a_pin_set_anew_confirms_no_paper_lot_for_a_day(
    owner: Admin, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two witnesses with PINs; one forgets hers, and has to wait with her word until the next day."""

    async def unreachable(number: int) -> Beacon:
        raise TryLater(f"no beacon round {number}")

    monkeypatch.setattr("doors.fetch", unreachable)
    equb = await neighbours(owner)
    await equb.begin()
    for name, amount in (("Abebe", "1000.00"), ("Sara", "2000.00"), ("Lema", "300.00"), ("Hana", "700.00")):
        await equb.pay(name, amount)
    for number in (2, 3, 4):
        await doors.sms(f"+25191100000{number}", "PIN 1234")
    draw_at = await doors.value("SELECT draw_at FROM rounds WHERE number = 1")
    for instant in (await doors.value("SELECT cutoff_at FROM rounds WHERE number = 1"), draw_at):
        clock.set_to(instant)
        try:
            await doors.wake()
        except TryLater:
            continue
    clock.set_to(draw_at + timedelta(hours=24))
    await owner.post(f"/people/{equb.members['Sara']['person']}/pin-reset", {"reason": "came herself"}, status=200)
    await doors.sms(SARA, "PIN 5555")
    assert "asked" in await doors.sms(ABEBE, "WITNESS 1")
    await doors.deliver()
    await doors.sms("+251911000003", "1")
    assert "Thank you" in await doors.sms("+251911000003", "1234")
    await doors.sms(SARA, "1")
    assert "It confirms nothing before" in await doors.sms(SARA, "5555")
    assert await doors.rows("SELECT id FROM draws") == []
    clock.set_to(clock.now() + timedelta(days=1, minutes=1))
    assert "Thank you" in await doors.sms(SARA, "5555")
    assert await doors.rows("SELECT kind FROM draws") == [("witnessed",)]
