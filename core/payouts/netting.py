"""What becomes of a pot beside paying its legs: setting off what holders owe, deductions, the reserve.

Setting off goes from the pot to the member's advance and from there to the due, in one posting, so that no pot is ever
below zero and both stand in the book. What is owed for the same round is set off where the rules say so; older debts
only with the debtor's word. Refuses to set off more than the pot can pay.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text

from core import groups, ledger
from core.cycle import rounds
from core.cycle.rounds import Round
from core.db import Tx
from core.groups import Group, Member
from core.ids import new_id
from core.operator.audit import note
from core.payouts.records import Leg, Payout, new_leg
from core.payouts.sharing import RESERVE, Standing, account_of, payable, standing, whole_of


@dataclass(frozen=True)
class OwnDue:
    """What a holder still owes."""

    due_id: UUID
    member_id: UUID
    member_number: int
    account: str
    open_minor: int


async def _dues_of_earlier_cycles(tx: Tx, group: Group, round_: Round, members: Iterable[UUID]) -> list[OwnDue]:
    found = []
    for member_id in dict.fromkeys(members):
        who = await groups.member(tx, group.group_id, member_id)
        for due in await old_debts(tx, group, who):
            if due.cycle < round_.cycle:
                found.append(OwnDue(due.due_id, who.id, who.number, due.account, due.open_minor))
    return found


async def divide(tx: Tx, payout: Payout, leg: Leg, amount_minor: int) -> Leg | None:
    """Make the leg one of ``amount_minor``; what is left of it waits as a further leg, which is returned."""
    rest = leg.amount_minor - amount_minor
    if not rest:
        return None
    further = new_leg(tx, payout, holding_id=leg.holding_id, member_id=leg.member_id, amount_minor=rest, kind=leg.kind)
    tx.session.add(further)
    leg.amount_minor = amount_minor
    return further


async def net_own(tx: Tx, group: Group, round_: Round) -> list[Leg]:
    """Set off what holders of the round's found lots still owe against what they are to receive, as the rules say.

    What they owe for this round, and what is left of earlier cycles. It goes from the pot to the member's advance and
    from there to the due, in one posting, so that the pot is never below zero and both stand in the book. Nothing
    happens unless the rules say so. Returns the legs set off.
    """
    rules = group.rule_set
    if not rules.netting and rules.old_debts != "set_off":
        return []
    now = await standing(tx, group, round_)
    waiting = [(leg, payout) for leg, payout, _ in now.legs if leg.paid_at is None and leg.kind == "pot"]
    members = [leg.member_id for leg, _ in waiting]
    owed = await own_dues(tx, group, round_, members) if rules.netting else []
    # A pot that is a thing cannot be made smaller.
    if rules.old_debts == "set_off" and not rules.thing:
        owed += await _dues_of_earlier_cycles(tx, group, round_, members)
    there, netted = now.there_minor, []
    for due in owed:
        left = due.open_minor
        for n, (leg, payout) in enumerate(waiting):
            part = min(left, leg.amount_minor, there) if leg.member_id == due.member_id else 0
            if part <= 0 or leg.paid_at is not None:
                continue
            rest = await divide(tx, payout, leg, part)
            if rest is not None:
                waiting[n] = (rest, payout)
            netted.append((leg, due))
            left -= part
            # What goes into the pot again costs it nothing; what goes elsewhere is out of it.
            there -= 0 if due.account == round_.pot else part
            set_off(tx, leg)
    await tx.session.flush()
    postings = [one for leg, due in netted for one in netting_postings(group, leg, due, pot=round_.pot)]
    await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)
    for leg, _ in netted:
        await note(tx, "payout.netted", group_id=group.group_id, subject=f"leg:{leg.id}", amount_minor=leg.amount_minor)
    # Whoever waits for an old pot gets what came into it.
    await after_late_money(
        tx, group, {due.account for _, due in netted if due.account.startswith("pot/")} - {round_.pot}
    )
    return [leg for leg, _ in netted]


def set_off(tx: Tx, leg: Leg) -> None:
    """The leg is paid by what its holder owed: nobody hands it over, nobody has to confirm it."""
    leg.paid_at = leg.received_at = tx.now
    leg.paid_by = leg.received_by = tx.actor
    leg.method, leg.held_by, leg.denied_at = "netted", None, None


def netting_postings(group: Group, leg: Leg, due: OwnDue, *, pot: str) -> list[ledger.Posting]:
    """The two transfers by which a leg pays a due: out of the pot to the member, and from there to the due."""
    return [
        ledger.Posting(
            kind="payout.netted",
            debit=pot,
            credit=f"advance/{due.member_number}",
            amount_minor=leg.amount_minor,
            currency=group.currency,
            reference=f"netted:{leg.id}",
            payout_leg_id=leg.id,
        ),
        ledger.Posting(
            kind="contribution.netted",
            debit=f"advance/{due.member_number}",
            credit=due.account,
            amount_minor=leg.amount_minor,
            currency=group.currency,
            reference=f"netted:{leg.id}:due",
            due_id=due.due_id,
        ),
    ]


async def own_dues(tx: Tx, group: Group, round_: Round, member_ids: Sequence[UUID]) -> list[OwnDue]:
    """What of the round's contributions and fees these members still owe, by lot."""
    rows = await tx.session.execute(
        text(
            """
            SELECT d.id, d.member_id, m.number, d.account, d.amount_minor - d.paid_minor AS open
            FROM dues d JOIN members m ON m.group_id = d.group_id AND m.id = d.member_id
            JOIN lots l ON l.group_id = d.group_id AND l.id = d.lot_id
            WHERE d.group_id = :group AND d.round_id = :round AND d.member_id = ANY (CAST(:members AS uuid[]))
                AND d.kind IN ('contribution', 'fee') AND d.open
            ORDER BY d.kind, l.number, d.id
            """
        ),
        {"group": group.group_id, "round": round_.id, "members": list(set(member_ids))},
    )
    return [OwnDue(*row) for row in rows]


async def net_debts(tx: Tx, group: Group, who: Member) -> list[Leg]:
    """Keep of what a member can be paid now whatever they owe from before; they have said yes to it.

    The caller holds the member. Returns the legs set off.
    """
    rows = await tx.session.scalars(
        select(Round)
        .where(
            Round.group_id == group.group_id,
            Round.id.in_(
                select(Payout.round_id)
                .join(Leg, (Leg.group_id == Payout.group_id) & (Leg.payout_id == Payout.id))
                .where(Payout.group_id == group.group_id, Leg.paid_at.is_(None), Leg.member_id == who.id)
            ),
        )
        .order_by(Round.cycle, Round.number)
        .with_for_update()
    )
    netted: list[Leg] = []
    pots: set[str] = set()
    for round_ in rows.all():
        # One at a time: what one leg gives changes what the pot can give to the next.
        while (one := await _next_debt(tx, group, round_, who)) is not None:
            leg, payout, due, part = one
            await divide(tx, payout, leg, part)
            set_off(tx, leg)
            await tx.session.flush()
            postings = netting_postings(group, leg, due, pot=round_.pot)
            await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)
            subject = f"leg:{leg.id}"
            await note(tx, "payout.netted", group_id=group.group_id, subject=subject, amount_minor=part)
            netted.append(leg)
            pots |= {round_.pot} | ({due.account} if due.account.startswith("pot/") else set())
    await after_late_money(tx, group, pots)
    return netted


async def _next_debt(tx: Tx, group: Group, round_: Round, who: Member) -> tuple[Leg, Payout, OwnDue, int] | None:
    """The oldest debt of a member that a round's pot can pay something of now, and out of which leg."""
    debts = await old_debts(tx, group, who)
    for one in await payable(tx, group, round_) if debts else ():
        if one.leg.member_id == who.id and one.now_minor and one.payout.kind == "pot":
            due = OwnDue(debts[0].due_id, who.id, who.number, debts[0].account, debts[0].open_minor)
            return one.leg, one.payout, due, min(one.now_minor, due.open_minor)
    return None


async def old_debts(tx: Tx, group: Group, who: Member) -> list[rounds.OpenDue]:
    """What a member owes that has fallen due, the oldest first; what is deferred is not chased."""
    return [
        due
        for due in await rounds.open_dues(tx, group.group_id, member_id=who.id)
        if due.due_at < tx.now and (due.deferred_until is None or due.deferred_until <= tx.now)
    ]


def fill_postings(group: Group, now: Standing, round_: Round, *, reference: str) -> list[ledger.Posting]:
    """What the reserve adds to a pot that is not full."""
    if not now.fill_minor:
        return []
    return [
        ledger.Posting(
            kind="reserve",
            debit=RESERVE,
            credit=round_.pot,
            amount_minor=now.fill_minor,
            currency=group.currency,
            reference=reference,
        )
    ]


async def deductions_due(
    tx: Tx, group: Group, round_: Round, now: Standing, *, left_minor: int, tag: str
) -> list[ledger.Posting]:
    """What of every deduction is due and not taken yet, as far as ``left_minor`` of the pot reaches."""
    deducted = now.parts().deducted_minor
    taken = await _taken(tx, group, round_) if deducted else {}
    postings = []
    for kind, whole in deducted.items():
        if account_of(kind) == RESERVE and group.rule_set.shortfall == "reserve" and now.missing_minor > now.fill_minor:
            # What the reserve gives it does not take again at once.
            continue
        part = min(whole - taken.get(account_of(kind), 0), left_minor)
        if part <= 0:
            continue
        left_minor -= part
        postings.append(
            ledger.Posting(
                kind="fee" if kind == "fee" else "deduction",
                debit=round_.pot,
                credit=account_of(kind),
                amount_minor=part,
                currency=group.currency,
                reference=f"deduction:{tag}:{kind}",
            )
        )
    return postings


async def _taken(tx: Tx, group: Group, round_: Round) -> dict[str, int]:
    """By account: what has been deducted from the round's pot, less what was taken back."""
    rows = await tx.session.execute(
        text(
            "SELECT CASE WHEN debit = :pot THEN credit ELSE debit END,"
            " sum(CASE WHEN debit = :pot THEN amount_minor ELSE -amount_minor END)::bigint"
            " FROM ledger_transfers WHERE group_id = :group AND (debit = :pot OR credit = :pot)"
            " AND kind IN ('fee', 'fee.reversal', 'deduction', 'deduction.reversal') GROUP BY 1"
        ),
        {"group": group.group_id, "pot": round_.pot},
    )
    return {account: int(amount) for account, amount in rows}


async def after_late_money(tx: Tx, group: Group, pots: Iterable[str]) -> list[Leg]:
    """What follows when money comes into pots whose lots are found already; the legs that were set off by it.

    What holders owe is set off first. What the reserve had filled goes back to it. Where every leg is paid, what is
    left of the deductions is taken: no leg's payment will do it any more.
    """
    rules = group.rule_set
    sets_off = rules.netting or rules.old_debts == "set_off"
    if not (sets_off or rules.shortfall == "reserve" or rules.fee.kind != "none" or rules.deductions):
        return []
    netted: list[Leg] = []
    for pot in sorted(set(pots)):
        _, cycle, number = pot.split("/")
        round_ = await tx.session.scalar(
            select(Round)
            .where(Round.group_id == group.group_id, Round.cycle == int(cycle), Round.number == int(number))
            .with_for_update()
        )
        if round_ is None:
            continue
        netted += await net_own(tx, group, round_)
        now = await standing(tx, group, round_)
        if not now.legs:
            continue
        postings = _given_back(group, round_, now)
        left = now.there_minor - sum(one.amount_minor for one in postings)
        if all(leg.paid_at for leg, _, _ in now.legs):
            postings += await deductions_due(tx, group, round_, now, left_minor=left, tag=f"{round_.id}:{new_id()}")
        await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)
    return netted


def _given_back(group: Group, round_: Round, now: Standing) -> list[ledger.Posting]:
    """What a pot has over goes back to the reserve that filled it."""
    promised = whole_of(now.legs, waiting_minor=now.waiting_minor)
    back = min(now.came.filled_minor, now.came.own_minor - promised, now.there_minor)
    if back <= 0:
        return []
    return [
        ledger.Posting(
            kind="reserve.back",
            debit=round_.pot,
            credit=RESERVE,
            amount_minor=back,
            currency=group.currency,
            reference=f"reserve.back:{round_.id}:{new_id()}",
        )
    ]


async def recall_reserve(tx: Tx, group: Group, transfers: Sequence[ledger.Transfer]) -> list[ledger.Reversal]:
    """Before these transfers are reversed: what the reserve must give their pots again, because they replaced it."""
    recalled: list[ledger.Reversal] = []
    for pot in sorted({t.credit for t in transfers if t.credit.startswith("pot/")}):
        needed = sum(t.amount_minor for t in transfers if t.credit == pot)
        needed -= await ledger.balance(tx.session, group_id=group.group_id, account=pot)
        if needed <= 0:
            continue
        rows = await tx.session.execute(
            text(
                "SELECT t.id, t.amount_minor FROM ledger_transfers t WHERE t.group_id = :group AND t.debit = :pot"
                " AND t.kind = 'reserve.back' AND NOT EXISTS (SELECT 1 FROM ledger_transfers b"
                " WHERE b.group_id = t.group_id AND b.reverses = t.id) ORDER BY t.id DESC"
            ),
            {"group": group.group_id, "pot": pot},
        )
        for transfer_id, amount in rows:
            if needed > 0:
                needed -= amount
                reference = f"reversal:{transfer_id}"
                recalled.append(
                    ledger.Reversal(reverses=transfer_id, kind="reserve.back.reversal", reference=reference)
                )
    return recalled
