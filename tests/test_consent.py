"""Consent before notices: whoever others have entered gets one invitation, and nothing else until they agree.

People come in through the admin API and with paper books; what leaves is counted where it would leave, at a sender
that stands in for the gateways.
"""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from asking import WEEKLY, Admin, Json, birr, neighbours, owner_of, person
from books import Paper, bring_in, small
from conftest import Superuser
from doors import Doors, doors_of
from talking import Scene

from core import clock, people
from core.inbox import Inbound
from core.messages import TELEGRAM
from core.talking import conversation
from core.telling import outbox
from core.telling.outbox import NOTICE, Delivery, Outgoing

TOLA = "+251911000009"
ABEBE, SARA = "+251911000001", "+251911000002"


@dataclass
class Town:
    """An administrator, the SMS door, and everything that has left for anybody's phone."""

    owner: Admin
    doors: Doors
    left: list[Outgoing] = field(default_factory=list)

    async def deliver(self) -> None:
        """Let go whatever is due now, as a worker would."""

        async def goes(outgoing: Outgoing) -> Delivery:
            self.left.append(outgoing)
            return Delivery("sent")

        rows = await self.doors.rows(
            "SELECT DISTINCT address_id FROM outbox WHERE state = 'queued' AND send_after <= :now", now=clock.now()
        )
        for (address_id,) in rows:
            await outbox.drain(self.doors.tenant.id, UUID(str(address_id)), goes, most=1000)

    async def notices(self, phone: str) -> list[str]:
        """What has left for a phone without having been asked for."""
        await self.deliver()
        return [one.text for one in self.left if one.address == phone and one.priority == NOTICE]

    async def pass_time(self, wait: timedelta) -> None:
        await self.doors.pass_time(wait)
        await self.deliver()

    async def entered(self, group: Json, name: str, number: int, *, share: str = "1") -> Json:
        """Somebody whom an administrator enters in a group, without consent."""
        silent = await person(self.owner, name, number, consent=False)
        return await self.owner.post(f"/groups/{group['id']}/members", {"person": silent["id"], "share": share})


@pytest.fixture
async def town(tenant: UUID, at: Callable[[str], Any]) -> AsyncIterator[Town]:
    at("2026-11-24 10:00")
    people.forget_tenants()
    async with owner_of(tenant) as owner, doors_of(tenant) as doors:
        yield Town(owner, doors)


async def equb_of(town: Town, name: str = "Merkato", **rules: Any) -> Json:
    """A group with an organiser who has agreed."""
    known = (await town.owner.all("/people")) or [await person(town.owner, "Abebe", 1)]
    organiser = next(one for one in known if one["name"] == "Abebe")
    return await town.owner.post("/groups", {"name": name, "rules": WEEKLY | rules, "organiser": organiser["id"]})


# --- the invitation ------------------------------------------------------------------------------


async def test_who_is_entered_gets_one_invitation_that_says_by_whom_where_and_what_is_kept(town: Town) -> None:
    group = await equb_of(town)
    made = await town.entered(group, "Tola", 9)
    assert made["consent"] == "asked"
    (said,) = await town.notices(TOLA)
    assert said == (
        "Abebe entered you in the equb Merkato. We keep your name, number and payments. Agree to this and to our "
        "messages? STOP: never again.\n1 Yes\n2 No"
    )
    # A further share, and being asked for by hand, bring no second one.
    await town.owner.post(f"/groups/{group['id']}/lots/3/holdings", {"member": made["number"], "share": "1/2"})
    assert (await town.owner.post(f"/groups/{group['id']}/invitations"))["invited"] == 0
    assert await town.notices(TOLA) == [said]


async def test_a_second_group_waits_a_week_and_is_silent_once_the_first_was_answered(town: Town) -> None:
    first, second = await equb_of(town), await equb_of(town, "Bole")
    await town.entered(first, "Tola", 9)
    tola = next(one for one in await town.owner.all("/people") if one["name"] == "Tola")
    await town.owner.post(f"/groups/{second['id']}/members", {"person": tola["id"]})
    hana = await town.entered(first, "Hana", 4)
    await town.owner.post(f"/groups/{second['id']}/members", {"person": hana["person"]})
    assert len(await town.notices(TOLA)) == 1
    assert "From now on you hear from Bole, Merkato" in await town.doors.sms("+251911000004", "YES")
    await town.pass_time(timedelta(days=6, hours=23))
    assert len(await town.notices(TOLA)) == 1
    await town.pass_time(timedelta(hours=2))
    assert [("Merkato" in one, "Bole" in one) for one in await town.notices(TOLA)] == [(True, False), (False, True)]
    assert len(await town.notices("+251911000004")) == 1
    await town.pass_time(timedelta(days=30))
    assert len(await town.notices(TOLA)) == 2


async def test_a_thousand_of_a_paper_book_are_invited_at_the_pace_of_notices(
    town: Town, superuser: Superuser, tenant: UUID
) -> None:
    count = 1000
    paper = Paper().rules(name_of_the_equb="Addis", contribution="1000", lots="200", rhythm="weekly")
    for number in range(1, count + 1):
        role = "organiser" if number == 1 else ""
        paper.write("people", str(number), f"Person {number}", f"+2519200{number:05}", role, "en")
        paper.write("lots", str(-(-number // 5)), str(number), "1/5")
    group = await bring_in(town.owner, paper)
    waiting = superuser.rows("SELECT kind, priority, count(*) AS many FROM outbox WHERE state = 'queued' GROUP BY 1, 2")
    # Behind every reply, and as many a second as the gateway takes: that is what a notice's priority means.
    assert [(row["kind"], row["priority"], row["many"]) for row in waiting] == [("consent_entered", NOTICE, count)]
    await town.doors.wake()
    await town.pass_time(timedelta(days=21))
    assert len(town.left) == count
    assert len({one.address for one in town.left}) == count
    await town.owner.post(f"/imports/{group['import']}/undo", status=409)


async def test_an_import_that_is_undone_invites_nobody_any_more(town: Town) -> None:
    group = await bring_in(town.owner, small())
    await town.owner.post(f"/imports/{group['import']}/undo", status=200)
    assert await town.notices(ABEBE) == []


# --- the answer ----------------------------------------------------------------------------------


async def test_a_yes_after_weeks_is_recorded_with_the_sentence_that_was_shown(town: Town) -> None:
    made = await town.entered(await equb_of(town), "Tola", 9)
    (shown,) = await town.notices(TOLA)
    await town.pass_time(timedelta(days=40))
    answer = await town.doors.sms(TOLA, "yes")
    assert answer == (
        "Thank you, Tola. From now on you hear from Merkato. STATUS: how things stand. STOP: no more messages."
    )
    (given,) = (await town.owner.get(f"/people/{made['person']}/consents"))["items"]
    assert (given["act"], given["channel"], given["language"]) == ("given", "sms", "en")
    assert (given["wording"], given["text_hash"]) == ("consent_entered", hashlib.sha256(shown.encode()).hexdigest())
    assert given["actor"] == f"person:{made['person']}"
    assert given["at"] == (await town.owner.get(f"/people/{made['person']}"))["consented_at"]
    # Said once; a second yes finds nothing to answer.
    assert "no open question" in await town.doors.sms(TOLA, "yes")
    assert len((await town.owner.get(f"/people/{made['person']}/consents"))["items"]) == 1


async def test_the_record_of_consent_can_only_grow(town: Town, superuser: Superuser, superuser_url: str) -> None:
    await person(town.owner, "Abebe", 1)
    (kept,) = superuser.rows("SELECT act, channel, wording, text_hash, actor FROM consents")
    assert tuple(kept) == ("given", "paper", None, None, "admin:almaz")
    connection = await asyncpg.connect(superuser_url)
    try:
        for statement in ("UPDATE consents SET act = 'refused'", "DELETE FROM consents", "TRUNCATE consents"):
            with pytest.raises(asyncpg.PostgresError, match="append-only"):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("words", ["STOP", "አቁም"])
async def test_stop_from_the_invited_is_kept_and_nobody_may_ask_again(town: Town, words: str) -> None:
    group = await equb_of(town)
    made = await town.entered(group, "Tola", 9)
    await town.deliver()
    await town.doors.sms(TOLA, words)
    path = f"/groups/{group['id']}/members/{made['id']}"
    assert (await town.owner.get(path))["consent"] == "refused"
    await town.entered(group, "Hana", 4)
    other = await equb_of(town, "Bole")
    await town.owner.post(f"/groups/{other['id']}/members", {"person": made["person"]})
    await town.pass_time(timedelta(days=60))
    assert len(await town.notices(TOLA)) == 1
    refused = await town.doors.sms(ABEBE, f"INVITE Bole {TOLA}")
    assert refused == "+251911****09 wants no messages from Equb. Talk to them yourself."
    # They can come back whenever they want, and are asked then, because they write.
    back = await town.doors.sms(TOLA, "START")
    assert "Agree to this and to our messages?" in back
    assert "you hear from" in await town.doors.sms(TOLA, "1")
    assert (await town.owner.get(path))["consent"] == "given"


async def test_a_no_is_kept_and_can_become_a_yes(town: Town) -> None:
    group = await equb_of(town)
    made = await town.entered(group, "Tola", 9)
    await town.deliver()
    assert "We do not write to you" in await town.doors.sms(TOLA, "2")
    # What they ask they are told; they are not asked again.
    assert await town.doors.sms(TOLA, "STATUS") == "Merkato (code {}): 2 of 4 lots are taken. It has not begun.".format(
        group["code"]
    )
    assert "From now on" in await town.doors.sms(TOLA, "YES")
    acts = [one["act"] for one in (await town.owner.get(f"/people/{made['person']}/consents"))["items"]]
    assert acts == ["refused", "given"]


async def test_who_writes_without_having_agreed_is_asked_once_a_day(town: Town) -> None:
    await town.entered(await equb_of(town), "Tola", 9)
    await town.pass_time(timedelta(days=3))
    assert "Agree to this and to our messages?" in await town.doors.sms(TOLA, "STATUS")
    assert "Agree" not in await town.doors.sms(TOLA, "STATUS")
    await town.pass_time(timedelta(days=1))
    assert "Agree" in await town.doors.sms(TOLA, "thanks")


async def test_a_join_of_somebody_who_was_entered_is_consent_to_what_it_says(town: Town) -> None:
    group = await equb_of(town)
    made = await town.entered(group, "Tola", 9)
    await town.deliver()
    assert "We keep your name and number" in await town.doors.sms(TOLA, f"JOIN {group['code']}")
    assert "You are in Merkato already" in await town.doors.sms(TOLA, "1")
    (given,) = (await town.owner.get(f"/people/{made['person']}/consents"))["items"]
    assert (given["act"], given["wording"]) == ("given", "consent_join")


async def test_a_shared_contact_says_who_it_is_and_is_asked_for_consent_there(town: Town) -> None:
    made = await town.entered(await equb_of(town), "Tola", 9)
    await town.deliver()
    scene = Scene(town.owner.tenant)
    inbound = Inbound(
        channel=TELEGRAM,
        gateway="telegram",
        address="7770009",
        text="",
        external_id="contact-1",
        received_at=clock.now(),
        name="Tola",
        contact_phone=TOLA,
    )
    await conversation.receive(town.owner.tenant, inbound)
    said = [words for phone, words in await scene.heard() if phone.address == "7770009"]
    assert "are one person now, Tola" in said[0]
    assert said[1].startswith("You were entered in Merkato. Equb keeps your name, number and payments for it")
    asked = await _buttons(town)
    pressed = Inbound(
        channel=TELEGRAM,
        gateway="telegram",
        address="7770009",
        text=asked["Yes"],
        external_id="press-1",
        received_at=clock.now(),
    )
    await conversation.receive(town.owner.tenant, pressed)
    await scene.heard()
    (given,) = (await town.owner.get(f"/people/{made['person']}/consents"))["items"]
    assert (given["act"], given["channel"], given["wording"]) == ("given", "telegram", "consent_asked")
    # From now on on Telegram; the phone got its one invitation.
    await town.owner.post(
        f"/groups/{(await town.owner.all('/groups'))[0]['id']}/announcements", {"by": 1, "text": "Hi"}
    )
    await town.deliver()
    assert [one.text for one in town.left if one.address == "7770009"] == ["Merkato, Abebe says: Hi"]
    assert len(await town.notices(TOLA)) == 1


async def _buttons(town: Town) -> dict[str, str]:
    rows = await town.doors.rows(
        "SELECT o.choices FROM outbox o WHERE o.kind = 'consent_asked' ORDER BY o.seq DESC LIMIT 1"
    )
    return dict(rows[0][0])


async def test_an_invitation_by_an_officer_goes_once_a_group_and_once_a_week(town: Town) -> None:
    await equb_of(town)
    await equb_of(town, "Bole")
    assert "has been invited" in await town.doors.sms(ABEBE, f"INVITE Merkato {TOLA}")
    assert "knows of Merkato already" in await town.doors.sms(ABEBE, f"INVITE Merkato {TOLA}")
    assert "Please try again after" in await town.doors.sms(ABEBE, f"INVITE Bole {TOLA}")
    await town.pass_time(timedelta(days=7))
    assert "has been invited" in await town.doors.sms(ABEBE, f"INVITE Bole {TOLA}")
    assert len(await town.notices(TOLA)) == 2


# --- a whole cycle -------------------------------------------------------------------------------


async def test_nobody_who_has_not_agreed_is_told_anything_in_a_whole_cycle(town: Town) -> None:
    """Abebe and Sara agree, Tola never answers: officers pay in for him, hand him the pot, and confirm it."""
    group = await equb_of(town, lots=3)
    sara = await person(town.owner, "Sara", 2)
    await town.owner.post(f"/groups/{group['id']}/members", {"person": sara["id"], "role": "secretary"})
    await town.deliver()
    await town.doors.sms(SARA, "1")
    tola = await town.entered(group, "Tola", 9)
    await town.owner.post(f"/groups/{group['id']}/begin", status=200)
    await town.doors.wake()
    confirmed = 0
    for number in (1, 2, 3):
        for member in (1, 2, 3):
            assert "Recorded" in await town.doors.sms(ABEBE, f"CASH {member} 1000")
        draw_at = await town.doors.value("SELECT draw_at FROM rounds WHERE number = :n", n=number)
        await town.pass_time(draw_at + timedelta(minutes=1) - clock.now())
        paid = await town.owner.all(f"/groups/{group['id']}/payouts", round=number)
        who = {member["id"]: member["number"] for member in await town.owner.all(f"/groups/{group['id']}/members")}
        holder = who[paid[0]["legs"][0]["member"]]
        await town.doors.sms(ABEBE, f"PAYOUT {holder}")
        said = await town.doors.sms(ABEBE, "1")
        await town.deliver()
        if holder == tola["number"]:
            assert "Tola gets no messages: another officer may confirm it" in said
            assert "confirms the payout of 3,000 birr to Tola" in await town.doors.sms(SARA, "1")
            confirmed += 1
        elif holder == 2:
            assert "is confirmed" in await town.doors.sms(SARA, "1")
    assert confirmed == 1
    await town.pass_time(timedelta(days=30))
    assert (await town.owner.get(f"/groups/{group['id']}"))["status"] == "closed"
    assert len(await town.notices(TOLA)) == 1
    assert len(await town.notices(SARA)) > 10
    assert (await town.doors.audit()).findings == ()


async def test_officers_see_who_has_not_agreed_and_other_members_do_not(town: Town) -> None:
    equb = await neighbours(town.owner, lots=5)
    await town.entered(equb.group, "Tola", 9)
    line = "Get no messages, have not agreed yet: 5. Tola"
    assert line in await town.doors.sms(ABEBE, "MEMBERS")
    assert line not in await town.doors.sms(SARA, "MEMBERS")
    await equb.begin()
    assert line in await town.doors.sms(ABEBE, "WHO")
    told = await town.owner.post(f"{equb.path}/announcements", {"by": 1, "text": "We meet on Saturday."})
    assert told["told"] == 3
    await town.doors.sms(TOLA, "STATUS")
    await town.doors.sms(TOLA, "1")
    assert "Tola" not in (await town.doors.sms(ABEBE, "MEMBERS")).replace("5. Tola: 1 lot", "")


async def test_what_only_they_can_agree_to_is_not_asked_of_who_gets_no_messages(town: Town) -> None:
    equb = await neighbours(town.owner, lots=5)
    await town.entered(equb.group, "Tola", 9)
    refused = await town.doors.sms(ABEBE, "ROLE 5 collector")
    assert refused == "Tola has not agreed to get messages, and cannot be asked."
    await equb.begin()
    answer = await town.owner.post(f"{equb.path}/guarantees", {"member": 2, "guarantor": 5, "by": 1}, status=409)
    assert answer["type"] == "/problems/proposal.unreached"


async def test_rules_that_changed_before_they_agreed_are_put_to_them_when_they_do(town: Town) -> None:
    group = await equb_of(town, lots=2)
    await town.entered(group, "Tola", 9)
    await town.owner.patch(f"/groups/{group['id']}", {"rules": WEEKLY | {"lots": 2, "grace_hours": 12}})
    await town.doors.sms(ABEBE, "1")
    assert len(await town.notices(TOLA)) == 1
    await town.doors.sms(TOLA, "YES")
    _, asked = await town.notices(TOLA)
    assert "Merkato" in asked
    await town.doors.sms(TOLA, "1")
    await town.owner.post(f"/groups/{group['id']}/members/{(await _abebe(town, group))['id']}/acceptance", {})
    begun = await town.owner.post(f"/groups/{group['id']}/begin", status=200)
    assert begun["lots"] == 2


async def _abebe(town: Town, group: Json) -> Json:
    return (await town.owner.all(f"/groups/{group['id']}/members"))[0]


async def test_consent_on_paper_is_recorded_by_an_administrator_and_taken_back(town: Town) -> None:
    made = await town.entered(await equb_of(town), "Tola", 9)
    path = f"/people/{made['person']}/consents"
    assert (await town.owner.post(path, {"given": True}))["consented_at"] is not None
    assert (await town.owner.post(path, {"given": False}))["consented_at"] is None
    items = (await town.owner.get(path))["items"]
    assert [(one["act"], one["channel"], one["actor"]) for one in items] == [
        ("given", "paper", "admin:almaz"),
        ("withdrawn", "paper", "admin:almaz"),
    ]
    await town.owner.as_("viewer").post(path, {"given": True}, status=403)
    assert await town.notices(TOLA) == []


async def test_a_payment_for_somebody_silent_leaves_no_receipt_behind(town: Town) -> None:
    group = await equb_of(town, lots=2)
    await town.entered(group, "Tola", 9)
    await town.owner.post(f"/groups/{group['id']}/begin", status=200)
    await town.doors.wake()
    paid = {"member": 2, "amount": birr("1000.00"), "held_by": 1}
    await town.owner.post(f"/groups/{group['id']}/payments", paid)
    assert [one.split(" ")[0] for one in await town.notices(TOLA)] == ["Abebe"]
    assert await town.doors.value("SELECT count(*) FROM outbox WHERE kind LIKE 'receipt%'") == 0
    await town.doors.sms(TOLA, "YES")
    assert "you have paid everything" in await town.doors.sms(TOLA, "STATUS")


async def test_what_waits_for_somebody_who_takes_consent_back_stays_and_is_not_sent_by_hand(town: Town) -> None:
    equb = await neighbours(town.owner)
    await town.deliver()
    await town.owner.post(f"{equb.path}/announcements", {"by": 1, "text": "We meet on Saturday."})
    await town.owner.post(f"/people/{equb.members['Sara']['person']}/consents", {"given": False})
    before = len(await town.notices(SARA))
    (held,) = await town.doors.rows("SELECT id FROM outbox WHERE state = 'held'")
    refused = await town.owner.post(f"/messages/{held[0]}/resend", status=409)
    assert refused["type"] == "/problems/message.not_agreed"
    await town.pass_time(timedelta(days=1))
    assert len(await town.notices(SARA)) == before
    assert "We meet" not in " ".join(await town.notices(SARA))
