"""Fines: what is owed for a due that was not paid in time, by the rules or because an officer says so.

A fine is a due of its own, of the kind ``fine``, made once for each deadline: a day late twice is two of them. What
counts as paid in time is what was paid, or claimed and then verified, by the deadline. A claim that waits for an answer
holds the fine back, and a claim that is declined brings it as if it had never been made. Excused and deferred dues are
not fined, and fines are not fined. Refuses to fine more than the rules' cap. A fine that turns out wrong is excused
(``core.membership.excusing``) on record; nobody changes one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text

from core import groups, people
from core import sentences as say
from core.cycle import rounds
from core.cycle.rounds import Due, Round
from core.db import Tx, columns
from core.errors import NotFound, Refusal
from core.groups import Group, Member
from core.messages import Message
from core.operator.audit import note
from core.people import Address, Person
from core.rules import Fine, Rules
from core.telling import outbox

DAY = timedelta(days=1)
# Fines by the rules are numbered from 1 by their deadline; those of officers from here on.
BY_HAND = 10_000

# Where a fine goes.
_ACCOUNTS = {"fund": "fund/fines", "organiser": "fee/organiser", "charity": "fund/charity", "members": "fund/members"}


def account_of(rule: Fine) -> str:
    """The account that fines are paid into."""
    return _ACCOUNTS[rule.to]


def is_daily(rule: Fine) -> bool:
    """Whether every day begun is fined."""
    return rule.kind in ("daily", "daily_per_mille")


def next_deadline(rules: Rules, round_: Round) -> datetime | None:
    """The next instant at which what of the round is not paid may be fined; None: none any more."""
    rule = rules.fine
    if rule.kind == "none" or round_.fines_done_at is not None or round_.opened_at is None:
        return None
    if round_.fined_until is None:
        return round_.due_at + timedelta(hours=rule.grace_hours)
    return round_.fined_until + DAY


@dataclass(frozen=True)
class _Late:
    """A holding's dues in a round at a deadline. ``first_*``: the member's first holding in that round."""

    holding_id: UUID
    lot_id: UUID
    member_id: UUID
    first_holding_id: UUID
    first_lot_id: UUID
    open_minor: int


# What of a holding's dues was not paid by the deadline. A payment counts from when it was claimed, once it is verified.
_LATE = """
SELECT o.holding_id, o.lot_id, o.member_id,
       first_value(o.holding_id) OVER (PARTITION BY o.member_id ORDER BY o.number, o.holding_id),
       first_value(o.lot_id) OVER (PARTITION BY o.member_id ORDER BY o.number, o.holding_id),
       o.open_minor
FROM (SELECT d.holding_id, d.lot_id, d.member_id, l.number, sum(CASE
          WHEN d.excused_at IS NOT NULL OR d.deferred_until IS NOT NULL OR d.due_at + :grace > :deadline THEN 0
          ELSE greatest(0, d.amount_minor - (
              SELECT coalesce(sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END), 0)
              FROM ledger_transfers t LEFT JOIN payments p ON p.group_id = t.group_id AND p.id = t.payment_id
              WHERE t.group_id = d.group_id AND t.due_id = d.id AND CASE WHEN t.reverses IS NULL
                  AND p.verified_at IS NOT NULL THEN coalesce(p.claimed_at, t.at) ELSE t.at END <= :deadline)) END
          )::bigint AS open_minor
      FROM dues d JOIN lots l ON l.group_id = d.group_id AND l.id = d.lot_id
      WHERE d.group_id = :group AND d.round_id = :round AND d.kind <> 'fine'
          AND (CAST(:member AS uuid) IS NULL OR d.member_id = :member)
      GROUP BY d.holding_id, d.lot_id, d.member_id, l.number) o
ORDER BY o.number, o.holding_id
"""

_FINED = """
SELECT d.holding_id, sum(d.amount_minor)::bigint FROM dues d
WHERE d.group_id = :group AND d.round_id = :round AND d.kind = 'fine' AND d.ordinal < :by_hand GROUP BY d.holding_id
"""

# Whose claims made by the deadline nobody has answered.
_HELD_BACK = """
SELECT DISTINCT p.member_id FROM payments p
WHERE p.group_id = :group AND p.recorded_at IS NULL AND p.declined_at IS NULL AND p.reversed_at IS NULL
    AND p.claimed_at <= :deadline
"""


async def assess(tx: Tx, group: Group, round_: Round, deadline: datetime, *, member_id: UUID | None = None) -> None:
    """Fine whatever of the round was not paid by a deadline: of one member or of all. Repeats change nothing."""
    rule = (await rounds.rules_of(tx, group, round_)).fine
    late = await _late(tx, group, round_, deadline, rule, member_id)
    held_back = set(
        await tx.session.scalars(text(_HELD_BACK), {"group": group.group_id, "deadline": deadline})
        if any(one.open_minor for one in late)
        else ()
    )
    fined = {
        holding_id: int(amount)
        for holding_id, amount in await tx.session.execute(
            text(_FINED), {"group": group.group_id, "round": round_.id, "by_hand": BY_HAND}
        )
    }
    owed: list[tuple[UUID, UUID, UUID, int]] = []
    more_to_come = any(one.member_id in held_back for one in late if one.open_minor)
    for holding_id, lot_id, who, open_minor in _units(rule, late):
        if who in held_back or not open_minor:
            continue
        amount = _amount(rule, open_minor)
        if rule.most_minor:
            amount = min(amount, rule.most_minor - fined.get(holding_id, 0))
            more_to_come |= fined.get(holding_id, 0) + amount < rule.most_minor
        else:
            more_to_come = True
        owed.append((holding_id, lot_id, who, amount))
    first = round_.due_at + timedelta(hours=rule.grace_hours)
    members = await rounds.make_dues(
        tx,
        round_,
        owed,
        kind="fine",
        account=account_of(rule),
        due_at=deadline,
        ordinal=(deadline - first) // DAY + 1,
        reason="late",
    )
    if member_id is None:
        round_.fined_until = deadline
        round_.fines_done_at = None if is_daily(rule) and more_to_come else tx.now
    await tx.session.flush()
    await _tell_fined(tx, group, round_, deadline, owed, set(members))


async def _late(
    tx: Tx, group: Group, round_: Round, deadline: datetime, rule: Fine, member_id: UUID | None
) -> list[_Late]:
    rows = await tx.session.execute(
        text(_LATE),
        {
            "group": group.group_id,
            "round": round_.id,
            "deadline": deadline,
            "grace": timedelta(hours=rule.grace_hours),
            "member": member_id,
        },
    )
    return [_Late(*row) for row in rows]


def _units(rule: Fine, late: Sequence[_Late]) -> list[tuple[UUID, UUID, UUID, int]]:
    """What is fined once, as (holding, lot, member, open amount): each holding's due, or all of a member's."""
    if rule.per == "due":
        return [(one.holding_id, one.lot_id, one.member_id, one.open_minor) for one in late]
    by_member: dict[UUID, tuple[UUID, UUID, UUID, int]] = {}
    for one in late:
        open_minor = one.open_minor + by_member.get(one.member_id, (None, None, None, 0))[3]
        by_member[one.member_id] = (one.first_holding_id, one.first_lot_id, one.member_id, open_minor)
    return list(by_member.values())


def _amount(rule: Fine, open_minor: int) -> int:
    """What is owed for a due of which so much was open."""
    return open_minor * rule.value // 1000 if rule.kind in ("per_mille", "daily_per_mille") else rule.value


async def _tell_fined(
    tx: Tx,
    group: Group,
    round_: Round,
    deadline: datetime,
    owed: Sequence[tuple[UUID, UUID, UUID, int]],
    new: set[UUID],
) -> None:
    """To each who is fined: how much, and for what."""
    amounts: dict[UUID, int] = {}
    for _, _, member_id, amount in owed:
        if member_id in new:
            amounts[member_id] = amounts.get(member_id, 0) + amount
    if not amounts:
        return
    seats = {s.person.id: s for s in await groups.seats(tx, group.group_id) if s.member.id in amounts}

    async def message(person: Person, _address: Address) -> Message:
        amount = group.money(amounts[seats[person.id].member.id])
        return say.FINED(group=group.name, amount=amount, round=round_.number)

    timezone = (await people.tenant_of(tx)).timezone
    event = f"fined:{round_.id}:{deadline.isoformat()}"
    await outbox.tell(tx, list(seats), message, event=event, timezone=timezone, group_id=group.group_id)
    await note(
        tx,
        "fine.assessed",
        group_id=group.group_id,
        subject=f"round:{round_.cycle}/{round_.number}",
        members=len(amounts),
        amount_minor=sum(amounts.values()),
        deadline=deadline.isoformat(),
    )


_FINED_SINCE = f"""
SELECT {columns(Round, "r")} FROM rounds r
WHERE r.group_id = $1 AND r.cycle = $2 AND r.fined_until >= $3 ORDER BY r.number
"""  # noqa: S608 (ours alone)


async def answered(tx: Tx, group: Group, member_id: UUID, *, claimed_at: datetime) -> None:
    """A claim of the member was answered: what it had held back is assessed now, as of its deadlines.

    A claim holds nothing back of what was assessed before it was made, so that no older round is looked at.
    """
    rows = await tx.rows(_FINED_SINCE, group.group_id, group.cycle, claimed_at)
    for round_ in [tx.entity(Round, row[:]) for row in rows]:
        rule = (await rounds.rules_of(tx, group, round_)).fine
        deadline = round_.due_at + timedelta(hours=rule.grace_hours)
        if not any(one.open_minor for one in await _late(tx, group, round_, deadline, rule, member_id)):
            continue
        while round_.fined_until is not None and deadline <= round_.fined_until:
            await assess(tx, group, round_, deadline, member_id=member_id)
            deadline += DAY


async def reopened(tx: Tx, group: Group, due_ids: Sequence[UUID]) -> None:
    """Dues that were paid are open again: from now on every day counts again, where days count."""
    if not due_ids:
        return
    fined = await tx.session.scalars(
        select(Round)
        .join(Due, (Due.group_id == Round.group_id) & (Due.round_id == Round.id))
        .where(
            Round.group_id == group.group_id, Round.fined_until.is_not(None), Due.id.in_(due_ids), Due.kind != "fine"
        )
        .distinct()
    )
    daily = [one for one in fined.all() if is_daily((await rounds.rules_of(tx, group, one)).fine)]
    for round_ in daily:
        round_.fines_done_at = None
    if daily:
        group.wake_at = tx.now
    await tx.session.flush()


async def impose(tx: Tx, group: Group, who: Member, *, amount_minor: int, reason: str) -> Due:
    """An officer fines a member, in the present round. Raises ``Refusal("fine.no_lot")``, ``("amount.…")``."""
    if amount_minor <= 0:
        raise Refusal("amount.not_positive")
    current = await rounds.current_round(tx, group)
    held = await groups.holdings(tx, group, member_id=who.id)
    if current is None or not held:
        raise Refusal("fine.no_lot")
    holding = await tx.session.get(groups.Holding, (group.group_id, held[0].holding_id))
    if holding is None:
        raise NotFound("member.unknown")
    before = await tx.session.scalar(
        select(func.max(Due.ordinal)).where(
            Due.group_id == group.group_id, Due.round_id == current.id, Due.holding_id == holding.id, Due.kind == "fine"
        )
    )
    ordinal = max(int(before or 0) + 1, BY_HAND)
    await rounds.make_dues(
        tx,
        current,
        [(holding.id, holding.lot_id, who.id, amount_minor)],
        kind="fine",
        account=account_of(group.rule_set.fine),
        due_at=tx.now,
        ordinal=ordinal,
        reason=reason[:200],
    )
    due = await tx.session.scalar(
        select(Due).where(
            Due.group_id == group.group_id,
            Due.round_id == current.id,
            Due.holding_id == holding.id,
            Due.kind == "fine",
            Due.ordinal == ordinal,
        )
    )
    if due is None:
        raise NotFound("fine.unknown")
    await note(
        tx, "fine.imposed", group_id=group.group_id, subject=f"due:{due.id}", amount_minor=amount_minor, reason=reason
    )
    return due
