"""Whose part of a round's pots is how much: of what its dues add up to, and of what has come in by now.

A pot is what the round's contributions really add up to, not what they would if nobody was excused, late to join or
gone. Everybody with a part in it, the holders of its legs and every deduction, is entitled to their part of what is
there, in proportion to what they are promised, to the last santim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from uuid import UUID

from sqlalchemy import select, text

from core import ledger
from core.cycle.rounds import Round
from core.db import Tx
from core.groups import Group, Lot
from core.money import split
from core.payouts.records import Leg, Payable, Payout, source
from core.rules import Rules

# A leg's party: all legs of a payout to a holding for the same reason.
Party = tuple[UUID, UUID, str]
LegOfRound = tuple[Leg, Payout, int]

# What a bid leaves to the others is taken from the holder's part and goes out again in legs to the others.
IN_LEGS = frozenset({"discount"})

# What fills small pots, where the rules say so.
RESERVE = "fund/reserve"


def account_of(deduction: str) -> str:
    """Where a deduction goes: the organiser's fee, or a fund of its own name."""
    return "fee/organiser" if deduction == "fee" else f"fund/{deduction}"


@dataclass(frozen=True)
class Came:
    """What has come into a round's pot: for dues; less what is lent out of it; from the reserve."""

    paid_minor: int
    repaid_minor: int
    lent_minor: int
    filled_minor: int

    @property
    def total_minor(self) -> int:
        """All there was to share, payouts and deductions not yet taken."""
        return self.paid_minor - self.lent_minor + self.filled_minor

    @property
    def own_minor(self) -> int:
        """Without what was lent and came back: the contributions, and what the reserve filled."""
        return self.paid_minor - self.repaid_minor + self.filled_minor


async def came_in(tx: Tx, round_: Round) -> Came:
    """What has come into the round's pot so far, less what was reversed."""
    row = (
        await tx.session.execute(
            text(
                """
                SELECT coalesce(sum(m.change) FILTER (WHERE m.due_id IS NOT NULL), 0)::bigint,
                       (SELECT coalesce(sum(d.paid_minor), 0) FROM dues d
                        WHERE d.group_id = :group AND d.loan_id IS NOT NULL AND d.account = :pot)::bigint,
                       coalesce(-sum(m.change) FILTER (WHERE m.kind IN ('loan', 'loan.reversal')), 0)::bigint,
                       coalesce(sum(m.change) FILTER (WHERE m.kind LIKE 'reserve%'), 0)::bigint
                FROM (SELECT t.due_id, t.kind, t.amount_minor AS change FROM ledger_transfers t
                      WHERE t.group_id = :group AND t.credit = :pot
                      UNION ALL SELECT t.due_id, t.kind, -t.amount_minor FROM ledger_transfers t
                      WHERE t.group_id = :group AND t.debit = :pot) m
                """
            ),
            {"group": round_.group_id, "pot": round_.pot},
        )
    ).one()
    return Came(*(int(value) for value in row))


async def gross_parts(tx: Tx, round_: Round, lots: int) -> list[int]:
    """What each of ``lots`` pots of a round is: the contributions that really fall due in it, divided.

    Of an excused due only what was paid counts.
    """
    total = await tx.session.scalar(
        text(
            """
            SELECT coalesce(sum(CASE WHEN d.excused_at IS NULL THEN d.amount_minor ELSE d.paid_minor END), 0)::bigint
            FROM dues d WHERE d.group_id = :group AND d.round_id = :round AND d.account = :pot
                AND d.kind = 'contribution'
            """
        ),
        {"group": round_.group_id, "round": round_.id, "pot": round_.pot},
    )
    return split(int(total or 0), [Fraction(1, lots)] * lots)


def lots_of(rules: Rules, round_: Round, found: int) -> int:
    """Over how many lots a round's pots are divided: those found, and those still to be found in it."""
    return found if round_.drawn_at is not None else max(rules.lots_per_round, found)


def fitted(deductions: Sequence[tuple[str, int]], gross_minor: int) -> list[tuple[str, int]]:
    """The deductions, made smaller in proportion where they would leave nothing of a pot that is itself small."""
    whole = sum(amount for _, amount in deductions)
    if whole < gross_minor:
        return list(deductions)
    parts = split(gross_minor - 1, [Fraction(amount, whole) for _, amount in deductions])
    return [(kind, part) for (kind, _), part in zip(deductions, parts, strict=True) if part]


def split_above(total_minor: int, shares: Sequence[Fraction], floors: Sequence[int]) -> list[int]:
    """Split a total by shares so that no part falls below its floor; what is given more is taken from the others.

    Adds up to ``total_minor``, or to the floors where these are more.
    """
    parts = list(floors)
    open_ones = list(range(len(shares)))
    while open_ones:
        whole = sum((shares[i] for i in open_ones), Fraction(0))
        left = total_minor - sum(parts[i] for i in range(len(shares)) if i not in open_ones)
        tried = split(max(left, 0), [shares[i] / whole for i in open_ones])
        if all(part >= floors[i] for i, part in zip(open_ones, tried, strict=True)):
            for i, part in zip(open_ones, tried, strict=True):
                parts[i] = part
            break
        open_ones = [i for i, part in zip(open_ones, tried, strict=True) if part > floors[i]]
    return parts


async def legs_of_round(tx: Tx, round_: Round) -> list[LegOfRound]:
    """Every leg of the round's payouts, with the number of its lot."""
    rows = await tx.session.execute(
        select(Leg, Payout, Lot.number)
        .join(Payout, (Payout.group_id == Leg.group_id) & (Payout.id == Leg.payout_id))
        .join(Lot, (Lot.group_id == Payout.group_id) & (Lot.id == Payout.lot_id))
        .where(Leg.group_id == round_.group_id, Payout.round_id == round_.id)
        .order_by(Lot.number, Leg.created_at, Leg.id)
    )
    return [(leg, payout, number) for leg, payout, number in rows]


@dataclass(frozen=True)
class Parts:
    """``more_minor``: what each party of legs may get more. ``deducted_minor``: what each deduction is altogether."""

    more_minor: Mapping[Party, int]
    deducted_minor: Mapping[str, int]


def party(leg: Leg) -> Party:
    """Whose part a leg is."""
    return (leg.payout_id, leg.holding_id, leg.kind)


def whole_of(legs: Sequence[LegOfRound], *, waiting_minor: int) -> int:
    """All that is promised of a round's pots."""
    deducted = sum(_deductions(legs).values())
    return sum(leg.amount_minor for leg, _, _ in legs) + deducted + waiting_minor


def _deductions(legs: Sequence[LegOfRound]) -> dict[str, int]:
    taken: dict[str, int] = {}
    for payout in {payout.id: payout for _, payout, _ in legs}.values():
        for item in payout.deductions:
            if item["kind"] not in IN_LEGS and item["amount_minor"]:
                taken[item["kind"]] = taken.get(item["kind"], 0) + item["amount_minor"]
    return taken


def entitlements(legs: Sequence[LegOfRound], came_in_minor: int, *, waiting_minor: int) -> Parts:
    """What everybody is entitled to of what came in.

    Each part is in proportion to what is promised, ``waiting_minor`` of it to lots that are not found yet; together
    the parts are what came in.
    """
    promised: dict[Party, int] = {}
    paid: dict[Party, int] = {}
    for leg, _, _ in legs:
        promised[party(leg)] = promised.get(party(leg), 0) + leg.amount_minor
        paid[party(leg)] = paid.get(party(leg), 0) + (leg.amount_minor if leg.paid_at else 0)
    deducted = _deductions(legs)
    whole = sum(promised.values()) + sum(deducted.values()) + waiting_minor
    if not whole:
        return Parts({}, {})
    amounts = [amount for amount in (*promised.values(), *deducted.values(), waiting_minor) if amount]
    parts = iter(split(min(max(came_in_minor, 0), whole), [Fraction(amount, whole) for amount in amounts]))
    more = {one: max(0, next(parts) - paid[one]) for one in promised}
    return Parts(more, {kind: next(parts) for kind in deducted})


async def waiting_for_lots(tx: Tx, group: Group, round_: Round, legs: Sequence[LegOfRound]) -> int:
    """What is kept for lots of the round that are still to be found, when not all could be found at once."""
    if round_.drawn_at is not None:
        return 0
    found = {payout.id for _, payout, _ in legs}
    lots = lots_of(group.rule_set, round_, len(found))
    return sum((await gross_parts(tx, round_, lots))[len(found) :]) if lots > len(found) else 0


@dataclass(frozen=True)
class Standing:
    """How a round's pots stand: their legs, what came in, and what could come from the reserve for a payout now."""

    legs: list[LegOfRound]
    from_funds: list[LegOfRound]
    came: Came
    waiting_minor: int
    there_minor: int
    fill_minor: int

    @property
    def missing_minor(self) -> int:
        """What the contributions still lack of what is promised; what is lent out is not missing."""
        return max(0, whole_of(self.legs, waiting_minor=self.waiting_minor) - self.came.own_minor)

    def parts(self) -> Parts:
        """What everybody may get now."""
        return entitlements(self.legs, self.came.total_minor + self.fill_minor, waiting_minor=self.waiting_minor)


async def standing(tx: Tx, group: Group, round_: Round) -> Standing:
    """How the round's pots stand now."""
    all_legs = await legs_of_round(tx, round_)
    legs = [one for one in all_legs if source(one[1], round_, one[2]) == round_.pot]
    from_funds = [one for one in all_legs if source(one[1], round_, one[2]) != round_.pot]
    came = await came_in(tx, round_)
    waiting_minor = await waiting_for_lots(tx, group, round_, legs)
    names = [round_.pot, RESERVE]
    there = await ledger.balances(tx.session, group_id=group.group_id, accounts=names)
    now = Standing(legs, from_funds, came, waiting_minor, there.get(round_.pot, 0), 0)
    if group.rule_set.shortfall != "reserve":
        return now
    return replace(now, fill_minor=min(now.missing_minor, there.get(RESERVE, 0)))


async def payable(tx: Tx, group: Group, round_: Round) -> list[Payable]:
    """The legs of a round that wait, each with what can be paid of it now."""
    now = await standing(tx, group, round_)
    missing = now.missing_minor if group.rule_set.shortfall == "wait" else 0
    parts = now.parts().more_minor
    # As the pot fills, rounding may give a part a santim less than it had: what is not there is nobody's yet.
    there = now.there_minor + now.fill_minor
    answer = []
    for leg, payout, number in now.legs:
        if leg.paid_at is None:
            can = 0 if missing else min(leg.amount_minor, parts[party(leg)], there)
            answer.append(Payable(leg, payout, round_, number, can, missing))
    return answer + await _from_funds(tx, group, round_, [one for one in now.from_funds if one[0].paid_at is None])


async def _from_funds(tx: Tx, group: Group, round_: Round, waiting: Sequence[LegOfRound]) -> list[Payable]:
    if not waiting:
        return []
    names = {source(payout, round_, number) for _, payout, number in waiting}
    there = await ledger.balances(tx.session, group_id=group.group_id, accounts=names)
    return [
        Payable(leg, payout, round_, number, min(leg.amount_minor, there.get(source(payout, round_, number), 0)))
        for leg, payout, number in waiting
    ]
