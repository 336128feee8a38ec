"""What people are told about money in its further forms: fines, netting, debts, waiting pots, loans, funds, things."""

from uuid import UUID

from sqlalchemy import text

from core import groups, ledger, payouts
from core import sentences as say
from core.consent.proposals import Proposal
from core.cycle.rounds import Due, Round
from core.db import Tx
from core.groups import Group, Seat
from core.order.found import Held
from core.telling import notices


async def fine_imposed(tx: Tx, group: Group, who: Seat, due: Due, *, besides: UUID | None = None) -> None:
    """To who was fined by an officer."""
    if who.person.id != besides:
        message = say.FINE_IMPOSED(group=group.name, amount=group.money(due.amount_minor), reason=due.reason or "")
        await notices.tell_person(tx, group, who.person.id, message, event=f"fine:{due.id}")


async def fine_excused(tx: Tx, group: Group, who: Seat, due: Due) -> None:
    """To who was fined: nobody owes it any more."""
    message = say.FINE_EXCUSED(group=group.name, amount=group.money(due.amount_minor))
    await notices.tell_person(tx, group, who.person.id, message, event=f"fine.excused:{due.id}")


async def after_draw(tx: Tx, group: Group, round_: Round, held: list[Held]) -> None:
    """What the holders of the lots that were just found, and the officers, must know about the money."""
    await _tell_of_netting(tx, group, round_)
    waiting = await payouts.payable(tx, group, round_)
    for member_id in dict.fromkeys(one.leg.member_id for one in waiting):
        who = await groups.seat(tx, group.group_id, member_id)
        if group.rule_set.thing:
            thing = say.YOUR_THING(group=group.name, thing=group.rule_set.thing)
            await notices.tell_person(tx, group, who.person.id, thing, event=f"thing:{held[0].payout.id}")
        else:
            await ask_debtor(tx, group, who, event=f"draw:{held[0].payout.id}")
    missing = max((one.missing_minor for one in waiting), default=0)
    if missing:
        message = say.POT_WAITS(group=group.name, round=round_.number, amount=group.money(missing))
        await notices.tell_officers(tx, group, "pay_out", message, event=f"waits:{held[0].payout.id}")


_NETTED = text(
    "SELECT l.member_id, l.payout_id, d.round_id = p.round_id, sum(l.amount_minor)::bigint, min(l.id::text)"
    " FROM payout_legs l JOIN payouts p ON p.group_id = l.group_id AND p.id = l.payout_id"
    " JOIN ledger_transfers t ON t.group_id = l.group_id AND t.reference = concat('netted\\:', l.id, '\\:due')"
    " JOIN dues d ON d.group_id = t.group_id AND d.id = t.due_id"
    " WHERE l.group_id = :group AND p.round_id = :round AND l.method = 'netted' GROUP BY 1, 2, 3 ORDER BY 5"
)


async def _tell_of_netting(tx: Tx, group: Group, round_: Round) -> None:
    """To each holder: how much of the pot was set off for what they owed for this round, and for earlier ones."""
    rows = await tx.session.execute(_NETTED, {"group": group.group_id, "round": round_.id})
    for member_id, _, of_this_round, amount_minor, first in rows:
        who = await groups.seat(tx, group.group_id, member_id)
        told = say.NETTED if of_this_round else say.DEBT_KEPT
        message = told(group=group.name, amount=group.money(int(amount_minor)))
        await notices.tell_person(tx, group, who.person.id, message, event=f"netted:{first}")


async def ask_debtor(tx: Tx, group: Group, who: Seat, *, event: str) -> int:
    """Ask somebody who is to receive whether what they owe from before be kept of it; how much that is, in minor units.

    Nothing is kept without their word.
    """
    owed = sum(due.open_minor for due in await payouts.old_debts(tx, group, who.member))
    if owed:
        asked = say.KEEP_DEBT(group=group.name, amount=group.money(owed))
        filled = {"group": str(group.group_id)}
        await notices.ask(
            tx,
            group,
            [who.person.id],
            asked,
            command="_KEEP",
            filled=filled,
            about=who.member.id,
            event=f"keep:{event}",
        )
    return owed


async def loan_given(
    tx: Tx, group: Group, borrower: Seat, officer: Seat, *, amount_minor: int, parts: int, number: int
) -> None:
    """To the officer who hands it over, and to the borrower."""
    facts = {"group": group.name, "amount": group.money(amount_minor), "count": parts}
    event = f"loan:{borrower.member.id}:{tx.now.isoformat()}"
    hand_over = say.LOAN_HAND_OVER(**facts, name=borrower.person.name, round=number)
    await notices.tell_person(tx, group, officer.person.id, hand_over, event=f"{event}:officer")
    await notices.tell_person(tx, group, borrower.person.id, say.LOAN_YOURS(**facts), event=event)


async def spent(tx: Tx, group: Group, proposal: Proposal) -> None:
    """To everybody: what of a fund was spent, and what for."""
    payload = proposal.payload
    left = await ledger.balance(tx.session, group_id=group.group_id, account=f"fund/{payload['fund']}")
    message = say.SPENT(
        group=group.name,
        amount=group.money(int(payload["amount_minor"])),
        fund=str(payload["fund"]),
        reason=str(payload["reason"]),
        left=group.money(left),
    )
    await notices.tell_members(tx, group, message, event=f"spent:{proposal.id}")


async def shared_out(tx: Tx, group: Group, amount_minor: int) -> None:
    """To the officers: what was kept for the members is to be paid out before the cycle can close."""
    message = say.SHARE_OUT(group=group.name, amount=group.money(amount_minor))
    await notices.tell_officers(tx, group, "pay_out", message, event=f"shared:{group.group_id}:{tx.now.isoformat()}")
