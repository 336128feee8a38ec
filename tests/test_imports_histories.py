"""Any history of a group under any rules, written down as a paper book and brought in, leaves the same money.

Groups and what happens in them are those of ``histories``: shares, fees in every form, deductions, fines, netting, a
reserve, several lots a round; payments whole, in part, late and in advance, reversals, payouts and holders who deny.
The book is written out line by line as an organiser would have kept it, and nothing that follows from its rules.
"""

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from books import Paper
from histories import Event, begun, fees, happen, ways_to_fill_a_lot, ways_with_money
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core import clock, groups, imports, ledger, people
from core.cycle import cycles
from core.db import Tx, transaction
from core.groups import Group
from core.money import Money
from core.rules import Deduction, Fee, Fine, Rules


def _birr(minor: int) -> str:
    return Money(minor, "ETB").decimal


def _part(per_mille: int) -> str:
    return f"{per_mille // 10}.{per_mille % 10}%"


def _fee(fee: Fee) -> str:
    forms = {"per_mille": _part(fee.value), "flat": _birr(fee.value), "instalments": f"{fee.value} instalments"}
    how = {"pot": "", "begin": " begin", "round": " round"}[fee.collect]
    return forms[fee.kind] + how if fee.kind != "none" else "none"


def _fine(fine: Fine) -> str:
    if fine.kind == "none":
        return "none"
    words = [_part(fine.value) if fine.kind.endswith("per_mille") else _birr(fine.value)]
    words += ["daily"] if fine.kind.startswith("daily") else []
    words += ["max", _birr(fine.most_minor)] if fine.most_minor else []
    words += ["grace", str(fine.grace_hours)] if fine.grace_hours else []
    return " ".join([*words, *(["lot"] if fine.per == "due" else []), "to", fine.to])


def _deduction(one: Deduction) -> str:
    amount = _birr(one.value) if one.kind == "flat" else _part(one.value)
    return f"{one.name} {amount}{' first' if one.rounds == 'first' else ''}"


def _said(paper: Paper, rules: Rules) -> None:
    """The rules as an organiser would write them."""
    said = {"name_of_the_equb": "Again", "contribution": _birr(rules.contribution_minor), "lots": str(rules.lots)}
    paper.rules(**said, rhythm="weekly", fee=_fee(rules.fee), fine=_fine(rules.fine))
    paper.rules(lots_per_round=str(rules.lots_per_round), netting="yes" if rules.netting else "no")
    short = {"pay_there": "there", "wait": "wait", "reserve": "reserve"}[rules.shortfall]
    paper.rules(when_a_pot_is_not_full=short)
    for one in rules.deductions:
        paper.rules(deduction=_deduction(one))


async def _exported(tx: Tx, group: Group) -> Paper:
    """What stands in the running book, as somebody would have kept it on paper."""
    paper = Paper()
    _said(paper, group.rule_set)
    everybody = await groups.seats(tx, group.group_id)
    for seat in everybody:
        paper.write("people", str(seat.member.number), seat.person.name, "", seat.member.role)
    numbers = {seat.member.id: str(seat.member.number) for seat in everybody}
    for held in await groups.holdings(tx, group):
        paper.write("lots", str(held.lot_number), numbers[held.member_id], str(held.share))
    drawn = await _rows(tx, group, _DRAWN)
    for number, day, lots in drawn:
        paper.write("rounds", str(number), day, lots)
    for day, what, member, amount, number, lot in await _rows(tx, group, _LINES):
        ahead = number or len(drawn) + 1
        paper.write("payments", day, what, str(member), _birr(amount), "", "", str(ahead), str(lot or ""))
    for member, amount in await _rows(tx, group, _FINES_OPEN):
        paper.write("debts", str(member), _birr(amount), "", "fine")
    return paper


async def _rows(tx: Tx, group: Group, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await tx.session.execute(text(query), {"g": group.group_id})]


_DRAWN = """
SELECT r.number, to_char(r.drawn_at AT TIME ZONE 'Africa/Addis_Ababa', 'DD/MM/YYYY'),
       string_agg(l.number::text, ', ' ORDER BY d.ordinal)
FROM rounds r JOIN draws d ON d.group_id = r.group_id AND d.round_id = r.id
JOIN lots l ON l.group_id = d.group_id AND l.id = d.lot_id
WHERE r.group_id = :g AND r.drawn_at IS NOT NULL GROUP BY 1, 2 ORDER BY 1
"""
# Transfers that stand, in the order in which they were made. Money that was paid in advance is written down for the
# round that it went to, on that day; what is left of it, at the end. What the rules set off is in no line; what was
# kept of a pot for older debts, on their debtor's word, went out and came in.
_LINES = """
WITH stands AS (
    SELECT t.* FROM ledger_transfers t WHERE t.group_id = :g AND t.reverses IS NULL
        AND NOT EXISTS (SELECT 1 FROM ledger_transfers b WHERE b.group_id = t.group_id AND b.reverses = t.id)
), lines AS (
    SELECT t.seq, t.at, CASE WHEN d.kind = 'fine' THEN 'fine' ELSE 'in' END AS what, m.number AS member, t.amount_minor,
           r.number AS round, CASE WHEN d.kind = 'fine' THEN NULL ELSE l.number END AS lot
    FROM stands t JOIN dues d ON d.group_id = t.group_id AND d.id = t.due_id
    JOIN members m ON m.group_id = d.group_id AND m.id = d.member_id
    JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id
    JOIN lots l ON l.group_id = d.group_id AND l.id = d.lot_id
    WHERE t.kind <> 'contribution.netted' OR NOT EXISTS (
        SELECT 1 FROM payout_legs g JOIN payouts p ON p.group_id = g.group_id AND p.id = g.payout_id
        WHERE g.group_id = t.group_id AND t.reference = concat('netted\\:', g.id, '\\:due') AND p.round_id = d.round_id
            AND d.kind <> 'fine')
    UNION ALL
    SELECT t.seq, t.at, 'out', m.number, t.amount_minor, r.number, l.number
    FROM stands t JOIN payout_legs g ON g.group_id = t.group_id AND g.id = t.payout_leg_id
    JOIN payouts p ON p.group_id = g.group_id AND p.id = g.payout_id
    JOIN members m ON m.group_id = g.group_id AND m.id = g.member_id
    JOIN rounds r ON r.group_id = p.group_id AND r.id = p.round_id
    JOIN lots l ON l.group_id = p.group_id AND l.id = p.lot_id
    WHERE t.kind = 'payout' OR EXISTS (
        SELECT 1 FROM stands s JOIN dues d ON d.group_id = s.group_id AND d.id = s.due_id
        WHERE s.reference = concat('netted\\:', g.id, '\\:due') AND (d.round_id <> p.round_id OR d.kind = 'fine'))
    UNION ALL
    SELECT max(t.seq), max(t.at), 'in', m.number,
           sum(CASE WHEN t.credit = 'advance/' || m.number THEN t.amount_minor ELSE -t.amount_minor END)::bigint,
           NULL, NULL
    FROM ledger_transfers t JOIN members m ON m.group_id = t.group_id AND 'advance/' || m.number IN (t.credit, t.debit)
    WHERE t.group_id = :g GROUP BY m.number
)
SELECT to_char(at AT TIME ZONE 'Africa/Addis_Ababa', 'DD/MM/YYYY'), what, member, amount_minor, round, lot
FROM lines WHERE amount_minor > 0 ORDER BY seq
"""
_FINES_OPEN = """
SELECT m.number, sum(d.amount_minor - coalesce(p.paid, 0))::bigint FROM dues d
JOIN members m ON m.group_id = d.group_id AND m.id = d.member_id
LEFT JOIN (SELECT t.due_id, sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END) AS paid
           FROM ledger_transfers t WHERE t.group_id = :g AND t.due_id IS NOT NULL GROUP BY 1) p ON p.due_id = d.id
WHERE d.group_id = :g AND d.kind = 'fine' AND d.excused_at IS NULL GROUP BY 1
HAVING sum(d.amount_minor - coalesce(p.paid, 0)) > 0
"""
# Pots out of which something was paid or deducted while money was in them that was taken back later: how much of a fee
# had been taken by then no book says.
_TAKEN_BACK = """
SELECT count(*) FROM ledger_transfers b JOIN ledger_transfers t ON t.group_id = b.group_id AND t.id = b.reverses
WHERE b.group_id = :g AND (t.credit LIKE 'pot/%' OR t.debit LIKE 'pot/%') AND EXISTS (
    SELECT 1 FROM ledger_transfers o WHERE o.group_id = b.group_id AND o.debit IN (t.credit, t.debit)
        AND o.debit LIKE 'pot/%' AND o.seq BETWEEN t.seq AND b.seq AND o.id <> b.id AND o.id <> t.id)
"""


async def _owed(tx: Tx, group_id: UUID) -> dict[tuple[int, ...], int]:
    """(round, lot, member) → what is still owed of contributions and fees; (member,) → of fines."""
    rows = await tx.session.execute(
        text(
            "SELECT r.number, l.number, m.number, d.kind, d.amount_minor, d.id FROM dues d"
            " JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id"
            " JOIN lots l ON l.group_id = d.group_id AND l.id = d.lot_id"
            " JOIN members m ON m.group_id = d.group_id AND m.id = d.member_id"
            " WHERE d.group_id = :g AND (r.drawn_at IS NOT NULL OR d.kind = 'fine') AND d.excused_at IS NULL"
        ),
        {"g": group_id},
    )
    dues = list(rows)
    paid = await ledger.paid_by_due(tx.session, group_id=group_id, due_ids=[one[-1] for one in dues])
    owed: dict[tuple[int, ...], int] = {}
    for number, lot, who, kind, amount, due_id in dues:
        key = (who,) if kind == "fine" else (number, lot, who)
        owed[key] = owed.get(key, 0) + amount - paid[due_id]
    return {key: minor for key, minor in owed.items() if minor}


# What came in for dues of rounds that are not drawn yet, by the account where it lies: on paper it is paid in advance.
_AHEAD = """
SELECT d.account, sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END)::bigint
FROM dues d JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id
JOIN ledger_transfers t ON t.group_id = d.group_id AND t.due_id = d.id
WHERE d.group_id = :g AND r.drawn_at IS NULL AND d.kind IN ('contribution', 'fee') GROUP BY 1
"""


async def _money(tx: Tx, group: Group, *, blurred: bool) -> dict[str, int]:
    """The accounts, each member's advance with the others'. ``blurred``: pots, fees and funds together."""
    found = dict(await ledger.balances(tx.session, group_id=group.group_id))
    for account, minor in await _rows(tx, group, _AHEAD):
        found[account] -= minor
        found["advance/"] = found.get("advance/", 0) + minor
    merged: dict[str, int] = {}
    for name, minor in found.items():
        kind = name.partition("/")[0]
        kept = "ahead" if kind == "advance" else "pots and what is taken of them"
        together = kind == "advance" or (blurred and kind in ("pot", "fee", "fund"))
        merged[kept if together else name] = merged.get(kept if together else name, 0) + minor
    return {name: minor for name, minor in merged.items() if minor}


@dataclass(frozen=True)
class Week:
    """Who does not pay in time, and what happens before and after the draw."""

    late: frozenset[int]
    before: list[Event]
    after: list[Event]


def _some(*kinds: str) -> st.SearchStrategy[list[Event]]:
    who, amount = st.integers(0, 10_000), st.integers(1, 250_000)
    return st.lists(st.builds(Event, kind=st.sampled_from(kinds), who=who, amount=amount), max_size=5)


weeks = st.lists(
    st.builds(
        Week,
        late=st.frozensets(st.integers(0, 9), max_size=2),
        before=_some("part", "part", "advance", "claim", "answer", "reverse"),
        after=_some("payout", "payout", "payout", "pay", "part", "deny", "keep", "reverse"),
    ),
    min_size=1,
    max_size=5,
)


async def _lived(tenant_id: UUID, group_id: UUID, history: list[Week]) -> None:
    """Week after week most pay in time, a lot is found, and something else happens."""
    async with transaction(tenant_id) as tx:
        many = len(await groups.seats(tx, group_id))
    for week in history:
        for event in week.before:
            await happen(tenant_id, group_id, event)
        for who in range(many):
            if who not in week.late:
                await happen(tenant_id, group_id, Event("pay", who, 0))
        await happen(tenant_id, group_id, Event("pass", 6, 0))
        for event in week.after:
            await happen(tenant_id, group_id, event)


@settings(
    phases=[Phase.generate],
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(
    lots=st.lists(ways_to_fill_a_lot, min_size=2, max_size=6),
    several=st.booleans(),
    fee=fees,
    ways=ways_with_money,
    contribution=st.integers(1_000, 250_000),
    history=weeks,
)
async def test_any_history_under_any_rules_comes_in_from_paper_as_it_is(
    lots: list[tuple[Fraction, ...]],
    several: bool,
    fee: Fee,
    ways: dict[str, Any],
    contribution: int,
    history: list[Week],
) -> None:
    per_round = 2 if several and len(lots) in (4, 6) else 1
    tenant_id, group = await begun("paper", lots, fee, contribution, ways, lots_per_round=per_round)
    tenant = await people.tenant_by_id(tenant_id)
    await _lived(tenant_id, group.group_id, history)
    # Not on the day of a draw, so that no two rounds of the book fall on the same one.
    clock.set_to(clock.now() + timedelta(hours=1))
    async with transaction(tenant_id, now=clock.now()) as tx:
        running = await groups.by_id(tx, group.group_id)
        paper = await _exported(tx, running)
        await _assume_that_a_book_can_say_it(tx, running, paper)
        ((taken_back,),) = await _rows(tx, running, _TAKEN_BACK)
        wanted = (await _money(tx, running, blurred=bool(taken_back)), await _owed(tx, group.group_id))
    uploaded = await imports.read([("book.xlsx", paper.xlsx)])
    async with transaction(tenant_id, now=clock.now()) as tx:
        made = await imports.preview(tx, uploaded, tenant=tenant)
        wrong = {p["code"] for line in made.shown["lines"] for p in line["problems"] if p["severity"] == "error"}
        # The running book keeps what somebody paid beyond the whole cycle; a paper book with that does not add up.
        assume(not wrong & {"payment.too_much", "round.too_many"})
        assert wrong == set()
        _, copy = await imports.commit(tx, made.id, tenant=tenant)
        assert (await _money(tx, copy, blurred=bool(taken_back)), await _owed(tx, copy.group_id)) == wanted
        assert (await ledger.audit(tx.session, group_id=copy.group_id)).findings == ()
    async with transaction(tenant_id, now=clock.now()) as tx:
        await imports.undo(tx, made.id)
        assert set((await ledger.balances(tx.session, group_id=copy.group_id)).values()) <= {0}
        assert (await ledger.audit(tx.session, group_id=copy.group_id)).findings == ()


async def _assume_that_a_book_can_say_it(tx: Tx, running: Group, paper: Paper) -> None:
    """A book says of a round that it was held or that it was not, never that one of its two lots was found; its rounds
    were held one after another, while a round that nobody paid in time may be drawn after the next one; and who was
    fined was fined for a round that was held."""
    held = await cycles.rounds_of(tx, running)
    drawn = [one.number for one in held if one.drawn_at is not None]
    half = await tx.session.scalar(
        text(
            "SELECT count(*) FROM draws d JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id"
            " WHERE d.group_id = :group AND r.drawn_at IS NULL"
        ),
        {"group": running.group_id},
    )
    assume(not half and drawn == list(range(1, len(drawn) + 1)))
    fined = paper.tables.get("debts") or [row for row in paper.tables.get("payments", []) if row[1] == "fine"]
    assume(drawn or not fined)
