"""Seeing: STATUS, ROUND, HISTORY, RULES, MEMBERS, VERIFY. Nothing here changes anything."""

from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core import groups, ledger, payouts
from core import sentences as say
from core.cycle import rounds
from core.cycle.rounds import Round
from core.groups import Group, Member, Seat
from core.messages import Kind, Message
from core.operator.rights import member_may
from core.order import auctions, draws, found, ways
from core.order.draw import PaperDraw, Record, lots_of, record_seal, verify
from core.order.found import Draw
from core.settings import settings
from core.talking.asks import WhichGroup, Words
from core.talking.command import command
from core.talking.commands import earlier, pausing
from core.talking.commands.joining import share_words
from core.talking.describing import method_word, rhythm_words, rule_lines
from core.talking.talk import Talk
from core.telling import notices
from core.treasury import contributions

MOST_LINES = 30
MOST_NAMED = 10

_STATES: dict[str, Kind] = {
    "claimed": say.CLAIMED_WORD,
    "declined": say.DECLINED_WORD,
    "recorded": say.RECORDED_WORD,
    "verified": say.VERIFIED_WORD,
    "reversed": say.REVERSED_WORD,
}


@command("STATUS", about=say.ABOUT_STATUS)
async def status(talk: Talk, group: Annotated[Group, WhichGroup()]) -> Message | list[Message]:
    """What is due and when, what is paid, my lots and when mine came."""
    member = await talk.membership(group)
    talk.group = group
    if group.status == "forming":
        taken = await groups.lots_taken(talk.tx, group)
        forming = say.STATUS_FORMING(group=group.name, code=group.code, taken=taken, lots=group.rule_set.lots)
        return [forming, *await earlier.lines(talk, group, member)]
    mine = await _my_lots(talk, group, member)
    if member.status == "suspended":
        mine.append(say.STATUS_SUSPENDED())
    lines = (mine or [say.STATUS_NO_LOT()]) + await earlier.lines(talk, group, member)
    names = [f"advance/{member.number}", f"held/{member.number}"]
    balances = await ledger.balances(talk.tx, group_id=group.group_id, accounts=names)
    later = [due for due in await rounds.open_dues(talk.tx, group.group_id, member_id=member.id) if due.ahead]
    if later:
        owed = group.money(sum(due.open_minor for due in later))
        first = say.STATUS_LATER(amount=owed, due=later[0].due_at)
        lines.append(notices.of_it(group, first, [(due.kind, due.open_minor) for due in later]))
    if balances.get(names[0]):
        lines.append(say.STATUS_ADVANCE(amount=group.money(balances[names[0]])))
    for claim in await contributions.waiting_claims(talk.tx, group.group_id, member_id=member.id):
        lines.append(say.STATUS_CLAIM(amount=group.money(claim.amount_minor), code=claim.code))
    if balances.get(names[1]):
        lines.append(say.STATUS_HOLDS(amount=group.money(balances[names[1]])))
    lines += await pausing.lines(talk, group)
    return say.STATUS(group=group.name, due=await _my_dues(talk, group, member, holds=bool(mine)), lots=lines)


async def _my_dues(talk: Talk, group: Group, member: Member, *, holds: bool) -> Message:
    dues = await rounds.open_dues(talk.tx, group.group_id, member_id=member.id)
    dues = [due for due in dues if not due.ahead]
    if dues:
        owed = group.money(sum(due.open_minor for due in dues))
        late = dues[0].due_at < talk.tx.now
        first = (say.STATUS_LATE if late else say.STATUS_OWES)(amount=owed, due=dues[0].due_at)
        return notices.of_it(group, first, [(due.kind, due.open_minor) for due in dues])
    following = await rounds.next_due_at(talk.tx, group) if holds else None
    return say.STATUS_PAID(due=following) if following else say.STATUS_ALL_PAID()


# The lots somebody holds a share of, with the round whose turn each is, where turns are fixed.
_MY_PLACES = """
SELECT l.number, l.status, (SELECT max(t.round_number) FROM turns t
    WHERE t.group_id = l.group_id AND t.cycle = l.cycle AND t.lot_id = l.id)
FROM lots l JOIN holdings h ON h.group_id = l.group_id AND h.lot_id = l.id
WHERE l.group_id = $1 AND l.cycle = $2 AND h.member_id = $3
"""


async def _my_lots(talk: Talk, group: Group, member: Member) -> list[Message]:
    paid, promised, round_of = await _legs(talk, group, member.id)
    lines = []
    drawn = group.rule_set.orders == {"drawn"}
    rows = await talk.tx.rows(_MY_PLACES, group.group_id, group.cycle, member.id)
    left = {number for number, status, _ in rows if status == "withdrawn"}
    turn_of = {number: turn for number, _, turn in rows if turn is not None}
    for held in await groups.holdings(talk.tx, group, member_id=member.id):
        if held.lot_number in left:
            lines.append(say.STATUS_LOT_LEFT(lot=held.lot_number, share=share_words(held.share)))
            continue
        if held.holding_id not in promised:
            told = {"lot": held.lot_number, "share": share_words(held.share)}
            if held.lot_number in turn_of:
                lines.append(say.STATUS_LOT_TURN(**told, round=turn_of[held.lot_number]))
            else:
                lines.append(say.STATUS_LOT(**told) if drawn else say.STATUS_LOT_WAITS(**told))
            continue
        lines.append(
            (say.STATUS_LOT_DRAWN if drawn else say.STATUS_LOT_RECEIVED)(
                lot=held.lot_number,
                share=share_words(held.share),
                round=round_of[held.holding_id],
                paid=group.money(paid.get(held.holding_id, 0)),
                amount=group.money(promised[held.holding_id]),
            )
        )
    return lines


_LEGS = """
SELECT g.holding_id, g.amount_minor, g.paid_at, r.number
FROM payout_legs g JOIN payouts o ON o.group_id = g.group_id AND o.id = g.payout_id
JOIN rounds r ON r.group_id = o.group_id AND r.id = o.round_id
WHERE g.group_id = $1 AND g.member_id = $2 AND r.cycle = $3 AND g.kind = 'pot' AND o.kind = 'pot'
"""


async def _legs(talk: Talk, group: Group, member_id: UUID) -> tuple[dict[UUID, int], dict[UUID, int], dict[UUID, int]]:
    """By holding: what has been paid out, what is promised, in which round it was drawn."""
    rows = await talk.tx.rows(_LEGS, group.group_id, member_id, group.cycle)
    paid: dict[UUID, int] = {}
    promised: dict[UUID, int] = {}
    round_of: dict[UUID, int] = {}
    for holding_id, amount, paid_at, number in rows:
        promised[holding_id] = promised.get(holding_id, 0) + amount
        round_of[holding_id] = number
        if paid_at is not None:
            paid[holding_id] = paid.get(holding_id, 0) + amount
    return paid, promised, round_of


@command("ROUND", about=say.ABOUT_ROUND)
async def round_(talk: Talk, group: Annotated[Group, WhichGroup(statuses=("running",))]) -> Message | list[Message]:
    """The round that is open: what has come in, when it is due and drawn."""
    contributions.require_cycle(group)
    current = await rounds.current_round(talk.tx, group)
    if current is None:
        return say.STATUS_FORMING(
            group=group.name,
            code=group.code,
            taken=await groups.lots_taken(talk.tx, group),
            lots=group.rule_set.lots,
        )
    rules = group.rule_set
    common = {
        "group": group.name,
        "round": current.number,
        "rounds": rules.rounds,
        "collected": group.money(await rounds.collected(talk.tx, current)),
        "pot": group.money((await payouts.gross_parts(talk.tx, current, 1))[0]),
    }
    order = draws.order_of(rules, current.number)
    paused = await pausing.lines(talk, group)
    if current.drawn_at:
        drawn = [found.kept_of(d).lot.lstrip("L0") for d in await found.of_round(talk.tx, current)]
        return [(say.ROUND_DRAWN if order == "drawn" else say.ROUND_FOUND)(**common, lots=", ".join(drawn)), *paused]
    if order != "drawn":
        said = say.ROUND_ORDER(**common, due=current.due_at)
        return [said, *([await _highest(talk, group, current)] if _auctioned(group, current) else []), *paused]
    return [say.ROUND(**common, due=current.due_at, draw=current.draw_at), *paused]


def _auctioned(group: Group, current: Round) -> bool:
    """Whether bids are open that everybody may know."""
    rules = group.rule_set
    is_open = draws.order_of(rules, current.number) == "auction" and rules.auction.form == "open"
    return is_open and current.frozen_at is None


async def _highest(talk: Talk, group: Group, current: Round) -> Message:
    bids = await auctions.standing(talk.tx, current)
    if not bids:
        return say.NO_BID(due=current.cutoff_at)
    lot = await talk.tx.session.get(groups.Lot, (group.group_id, bids[0].lot_id))
    amount = group.money(bids[0].discount_minor)
    return say.HIGHEST_BID(amount=amount, lot=lot.number if lot else 0, due=current.cutoff_at)


_RECEIVED = """
SELECT g.paid_at, g.amount_minor, l.number, g.method, g.kind
FROM payout_legs g JOIN payouts o ON o.group_id = g.group_id AND o.id = g.payout_id
JOIN lots l ON l.group_id = o.group_id AND l.id = o.lot_id
WHERE g.group_id = $1 AND g.member_id = $2 AND g.paid_at IS NOT NULL ORDER BY g.paid_at DESC
"""


# What reached nobody's hand, because it was kept for something.
_KEPT: dict[str, Kind] = {"netted": say.NETTED_LINE, "set_off": say.SET_OFF_LINE}


def _paid_line(method: str, **said: Any) -> Message:
    """A payment; cash is what everybody pays with, every other way is named."""
    return say.HISTORY_LINE(**said) if method == "cash" else say.HISTORY_LINE_WAY(**said, method=method_word(method))


def _received_line(method: str, kind: str, **told: Any) -> Message:
    """What came of a pot: in money or as a thing, or kept for what was owed or falls due."""
    kept = _KEPT.get(kind) or _KEPT.get(method)
    if kept is not None:
        return kept(**told)
    return say.RECEIVED_LINE(**told) if method == "cash" else say.RECEIVED_LINE_WAY(**told, method=method_word(method))


@command("HISTORY", about=say.ABOUT_HISTORY)
async def history(talk: Talk, group: Annotated[Group, WhichGroup()]) -> Message:
    """The speaker's last payments, in and out."""
    member = await talk.membership(group)
    zone = ZoneInfo(talk.tenant.timezone)
    dated: list[tuple[datetime, Message]] = []
    for payment in await contributions.of_member(talk.tx, group.group_id, member.id):
        at = payment.claimed_at or payment.recorded_at or payment.created_at
        said = {"on": at.astimezone(zone).date(), "amount": group.money(payment.amount_minor), "code": payment.code}
        dated.append((at, _paid_line(payment.method, **said, state=_STATES[payment.status]())))
    for at, amount, lot, method, kind in await talk.tx.rows(_RECEIVED, group.group_id, member.id):
        on = at.astimezone(zone).date()
        dated.append((at, _received_line(method, kind, on=on, amount=group.money(amount), lot=lot)))
    lines = [line for _, line in sorted(dated, key=lambda one: one[0], reverse=True)]
    lines += await pausing.history(talk, group)
    if not lines:
        return say.HISTORY_NONE(group=group.name)
    return say.HISTORY(group=group.name, lines=lines)


@command("RULES", about=say.ABOUT_RULES)
async def rules(talk: Talk, group: Annotated[Group, WhichGroup()]) -> Message:
    """The rules of the group, from the rules themselves."""
    have = group.rule_set
    facts = {
        "group": group.name,
        "code": group.code,
        "amount": group.money(have.contribution_minor),
        "rhythm": rhythm_words(have.rhythm),
        "lots": have.lots,
        "rounds": have.rounds,
        "drawn": have.lots_per_round,
        "pot": group.money(have.pot_minor),
    }
    lines = [*rule_lines(group, have), *await pausing.lines(talk, group)]
    if not lines:
        return say.RULES(**facts, fee=group.money(have.fee_minor))
    if have.fee_minor:
        lines.insert(0, say.RULE_FEE_POT(amount=group.money(have.fee_minor)))
    return say.RULES_CHOSEN(**facts, lines=lines)


@command("MEMBERS", about=say.ABOUT_MEMBERS)
async def members(talk: Talk, group: Annotated[Group, WhichGroup()]) -> Message:
    """Who is in, with which share; names and numbers, never phones."""
    me = await talk.membership(group)
    shares: dict[UUID, Fraction] = {}
    for held in await groups.holdings(talk.tx, group):
        shares[held.member_id] = shares.get(held.member_id, Fraction(0)) + held.share
    lines: list[Message] = []
    everyone = await groups.seats(talk.tx, group.group_id)
    for seat in everyone[:MOST_LINES]:
        values = {
            "number": seat.member.number,
            "name": seat.person.name,
            "share": share_words(shares.get(seat.member.id, Fraction(0))),
        }
        office = ways.OFFICES.get(seat.member.role)
        if seat.member.status == "suspended":
            lines.append(say.MEMBER_LINE_SUSPENDED(**values))
            continue
        lines.append(say.MEMBER_LINE_OFFICE(**values, office=office()) if office else say.MEMBER_LINE(**values))
    if len(everyone) > MOST_LINES:
        lines.append(say.AND_MORE(count=len(everyone) - MOST_LINES))
    if member_may(me.role, "see_dues"):
        lines += silent_line(everyone)
    return say.MEMBERS(group=group.name, count=len(everyone), lines=lines)


def silent_line(everyone: Sequence[Seat]) -> list[Message]:
    """For officers: who has not agreed to be written to, for whom they must speak and pay in; nothing when all have."""
    silent = [f"{s.member.number}. {s.person.name}" for s in everyone if s.person.consented_at is None]
    if not silent:
        return []
    more = [f"+{len(silent) - MOST_NAMED}"] if len(silent) > MOST_NAMED else []
    return [say.SILENT_MEMBERS(who=", ".join([*silent[:MOST_NAMED], *more]))]


@command("VERIFY", about=say.ABOUT_VERIFY)
async def verify_(talk: Talk, code: Annotated[str, Words()]) -> Message:
    """Checks a draw again, and says where anybody can do so without us. Without a code: the speaker's last draw."""
    if not code:
        code = await _last_code(talk)
    row = await found.by_code(talk.tx, code)
    proof = found.kept_of(row)
    if isinstance(proof, Record):
        return _not_computed(proof)
    if isinstance(proof, PaperDraw):
        return _on_paper(proof)
    verdict = verify(proof)
    url = f"{settings().public_url}/verify/{proof.code}"
    if not verdict.ok:
        count = sum(not check.ok for check in verdict.checks)
        return say.VERIFY_FAILED(code=proof.code, count=count, checks=len(verdict.checks), url=url)
    if isinstance(row, found.OrderDraw):
        lot = proof.lot.lstrip("L0")
        turn = say.VERIFIED_TURN(code=proof.code, number=row.ordinal, lot=lot, checks=len(verdict.checks), url=url)
        return turn.showing(link=url)
    return say.VERIFIED(
        code=proof.code,
        lot=proof.lot.lstrip("L0"),
        count=len(lots_of(proof.list_text)),
        list=proof.list_hash[:12],
        beacon=proof.beacon.round,
        link=proof.link[:12],
        checks=len(verdict.checks),
        url=url,
    ).showing(link=url)


def _on_paper(paper: PaperDraw) -> Message:
    """What can be said of a draw that was held before the equb came here: that nobody here has computed it."""
    return say.VERIFIED_PAPER(
        code=paper.code,
        lot=paper.lot.lstrip("L0"),
        round=paper.round_number,
        on=date.fromisoformat(paper.held_on),
        entered=date.fromisoformat(paper.entered_on),
        url=f"{settings().public_url}/verify/{paper.code}",
    )


def _not_computed(record: Record) -> Message:
    """Said as what it is: nothing was computed, and nothing but the seal can be checked."""
    url = f"{settings().public_url}/verify/{record.code}"
    if record_seal(record) != record.record:
        return say.VERIFY_FAILED(code=record.code, count=1, checks=1, url=url)
    return say.NOT_COMPUTED(
        code=record.code,
        lot=record.lot.lstrip("L0"),
        round=record.round_number,
        how=ways.how_words(record),
        record=record.record[:12],
        url=url,
    ).showing(link=url)


async def _last_code(talk: Talk) -> str:
    """The code of the lot that was found last in any of the speaker's equbs, asked of one after the other."""
    last: tuple[datetime, str] | None = None
    for group, _ in await talk.my_groups():
        row = (
            await talk.tx.session.execute(
                select(Draw.drawn_at, Draw.code)
                .where(Draw.group_id == group.group_id)
                .order_by(Draw.drawn_at.desc(), Draw.ordinal.desc())
                .limit(1)
            )
        ).one_or_none()
        if row is not None and (last is None or row[0] > last[0]):
            last = (row[0], row[1])
    return last[1] if last else ""
