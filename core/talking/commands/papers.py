"""Papers: STATEMENT, BOOK, CIRCLE, RECEIPT. A chat gets the paper itself, a basic phone the figures and a link."""

from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from core import groups, ledger, papers, people
from core import sentences as say
from core.cycle import cycles, rounds
from core.errors import NotFound, Refusal
from core.groups import Group, Seat
from core.messages import SMS, Kind, Message
from core.operator.rights import member_may
from core.papers.handing import Asked
from core.papers.handing import Kind as PaperKind
from core.talking.asks import Ask, Found, Given, WhichGroup, WhichMember
from core.talking.command import command
from core.talking.talk import Talk
from core.treasury import contributions
from core.treasury.contributions import Payment

MOST_LOTS_NAMED = 20

_STATES: dict[str, Kind] = {
    "claimed": say.CLAIMED_WORD,
    "declined": say.DECLINED_WORD,
    "recorded": say.RECORDED_WORD,
    "verified": say.VERIFIED_WORD,
    "reversed": say.REVERSED_WORD,
}


class WhoseStatement(WhichMember):
    """The speaker; an officer may name another member."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        found = await super().find(talk, given, words)
        if found is not None:
            own = await talk.membership(given["group"])
            if found[0].member.id != own.id and not member_may(own.role, "see_book"):
                raise Refusal("rights.office", right="see_book")
        return found

    async def known(self, talk: Talk, given: Given) -> Any:
        own = await talk.membership(given["group"])
        return await groups.seat(talk.tx, own.group_id, own.id)


class ReceiptCode(Ask):
    """A receipt's code."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        return (words[0][:20], words[1:]) if words else None

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_RECEIPT()


async def _asked(talk: Talk, group: Group, kind: PaperKind, *, member: int | None = None) -> Asked:
    return await papers.ask(
        talk.tx,
        group,
        kind=kind,
        person_id=talk.me.id,
        language=talk.language,
        by_link=talk.address.channel == SMS,
        member=member,
    )


def _carrying(asked: Asked, talk: Talk, message: Message) -> Message:
    """The message with the paper, where the channel can carry one."""
    if talk.address.channel == SMS:
        return message
    return message.showing(paper=str(asked.id), without_paper=say.NO_PAPER())


@command("STATEMENT", about=say.ABOUT_STATEMENT)
async def statement(
    talk: Talk, group: Annotated[Group, WhichGroup()], member: Annotated[Seat, WhoseStatement()]
) -> Message:
    """The statement of the one who asks, or of the member whom an officer names."""
    talk.group = group
    asked = await _asked(talk, group, "statement", member=member.member.number)
    paid, received = await _in_and_out(talk, group, member.member.id)
    dues = await rounds.open_dues(talk.tx, group.group_id, member_id=member.member.id)
    facts = {
        "group": group.name,
        "name": member.person.name,
        "paid": group.money(paid),
        "owed": group.money(sum(due.open_minor for due in dues)),
        "received": group.money(received),
    }
    message = say.STATEMENT_LINK(**facts, url=asked.link) if asked.link else say.STATEMENT(**facts)
    return _carrying(asked, talk, message)


async def _in_and_out(talk: Talk, group: Group, member_id: UUID) -> tuple[int, int]:
    """(what a member has paid in, what they have received), in minor units."""
    row = (
        await talk.tx.session.execute(
            text(
                "SELECT (SELECT coalesce(sum(p.amount_minor), 0)::bigint FROM payments p WHERE p.group_id = :group"
                " AND p.member_id = :member AND p.recorded_at IS NOT NULL AND p.reversed_at IS NULL) AS paid,"
                " (SELECT coalesce(sum(l.amount_minor), 0)::bigint FROM payout_legs l WHERE l.group_id = :group"
                " AND l.member_id = :member AND l.paid_at IS NOT NULL) AS received"
            ),
            {"group": group.group_id, "member": member_id},
        )
    ).one()
    return row.paid, row.received


@command("BOOK", about=say.ABOUT_BOOK, office=True)
async def book(talk: Talk, group: Annotated[Group, WhichGroup(right="see_book")]) -> Message:
    """The whole book of the group, for its officers."""
    talk.group = group
    asked = await _asked(talk, group, "book")
    paid, out = await cycles.totals(talk.tx, group)
    balances = await ledger.balances(talk.tx.session, group_id=group.group_id)
    held = sum(minor for name, minor in balances.items() if name.startswith(("held/", "provider/")))
    facts = {
        "group": group.name,
        "paid": group.money(paid),
        "out": group.money(out),
        "hand": group.money(held),
    }
    return _carrying(asked, talk, say.BOOK_LINK(**facts, url=asked.link) if asked.link else say.BOOK(**facts))


@command("CIRCLE", about=say.ABOUT_CIRCLE)
async def circle(talk: Talk, group: Annotated[Group, WhichGroup()]) -> Message:
    """Who has received, who is next, who is due: a picture, and in words what may be told without it."""
    await talk.membership(group)
    talk.group = group
    now = await papers.circle_of(talk.tx, group, public=True)
    if now.round is None:
        taken = await groups.lots_taken(talk.tx, group)
        return say.STATUS_FORMING(group=group.name, code=group.code, taken=taken, lots=group.rule_set.lots)
    asked = await _asked(talk, group, "circle")
    received = [str(place.number) for place in now.places if place.received]
    facts = {
        "group": group.name,
        "round": now.round,
        "rounds": now.rounds,
        "collected": group.money(now.collected_minor),
        "pot": group.money(now.pot_minor),
    }
    named = ", ".join(received[:MOST_LOTS_NAMED]) + (", …" if len(received) > MOST_LOTS_NAMED else "")
    message = say.CIRCLE(**facts, lots=named.replace("…", "...")) if received else say.CIRCLE_NONE(**facts)
    return _carrying(asked, talk, say.CIRCLE_LINK(circle=message, url=asked.link) if asked.link else message)


@command("RECEIPT", about=say.ABOUT_RECEIPT)
async def receipt(talk: Talk, code: Annotated[str, ReceiptCode()]) -> Message:
    """A contribution's receipt again, for who paid it and for the officers of the group."""
    group, payment = await _my_receipt(talk, code)
    talk.group = group
    seat = await groups.seat(talk.tx, group.group_id, payment.member_id)
    zone = ZoneInfo(talk.tenant.timezone)
    facts = {
        "group": group.name,
        "code": payment.code,
        "amount": group.money(payment.amount_minor),
        "name": seat.person.name,
        "number": seat.member.number,
        "on": (payment.recorded_at or payment.claimed_at or payment.created_at).astimezone(zone).date(),
        "state": _STATES[payment.status](),
    }
    if payment.recorded_at is None:
        return say.RECEIPT_CLAIM(**facts)
    by = await _recorder(talk, payment)
    numbers = await _rounds_of(talk, payment)
    if numbers:
        return say.RECEIPT_SHOWN(**facts, by=by, rounds=", ".join(map(str, numbers)))
    return say.RECEIPT_SHOWN_AHEAD(**facts, by=by)


async def _my_receipt(talk: Talk, code: str) -> tuple[Group, Payment]:
    """The payment of that code which the speaker made or may see. Raises ``NotFound("payment.unknown_code")``."""
    for group, member in await talk.my_groups():
        try:
            payment = await contributions.by_code(talk.tx, group.group_id, code)
        except NotFound:
            continue
        if payment.member_id == member.id or member_may(member.role, "see_dues"):
            return group, payment
    # A stranger's receipt and none at all are answered alike.
    raise NotFound("payment.unknown_code", typed=code)


async def _recorder(talk: Talk, payment: Payment) -> Message | str:
    """Who wrote it down, by name; an administrator is the office."""
    kind, _, who = (payment.recorded_by or "").partition(":")
    if kind != "person":
        return say.THE_OFFICE()
    try:
        return (await people.person(talk.tx, UUID(who))).name
    except NotFound:
        return say.THE_OFFICE()


async def _rounds_of(talk: Talk, payment: Payment) -> list[int]:
    """The rounds that the money went to, also where it was taken back since."""
    rows = await talk.tx.session.scalars(
        text(
            "SELECT DISTINCT r.number FROM ledger_transfers t"
            " JOIN dues d ON d.group_id = t.group_id AND d.id = t.due_id"
            " JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id"
            " WHERE t.group_id = :group AND t.payment_id = :payment ORDER BY r.number"
        ),
        {"group": payment.group_id, "payment": payment.id},
    )
    return list(rows)
