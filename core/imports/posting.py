"""The money of an imported equb in its ledger, day by day and move by move, each transfer naming the import."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

from core import ledger
from core.imports.book import OUT
from core.imports.figures import source_of
from core.imports.replay import BACK, DEDUCT, FILL, NET, Move
from core.imports.rows import AT_ONCE, Writing
from core.ledger import Posting
from core.payouts import RESERVE, account_of


async def post_money(doing: Writing) -> None:
    """Post every move in the order in which the replay has them; what was taken before its day is of that day."""
    numbered = list(enumerate(doing.sums.moves))
    at = date.min
    for day, moves in groupby(numbered, key=lambda one: one[1].on):
        at = max(at, day)
        await _post(doing, [posting for n, move in moves for posting in _postings(doing, n, move)], doing.at(at))


async def _post(doing: Writing, postings: Sequence[Posting], at: datetime) -> None:
    for start in range(0, len(postings), AT_ONCE):
        await ledger.post(
            doing.tx.session, group_id=doing.group.group_id, postings=postings[start : start + AT_ONCE], at=at
        )


def _postings(doing: Writing, n: int, move: Move) -> Iterable[Posting]:
    if move.payment is not None:
        yield _of_line(doing, n, move)
    elif move.what == NET:
        yield from _set_off(doing, n, move)
    else:
        yield _of_pot(doing, n, move)


def _of_line(doing: Writing, n: int, move: Move) -> Posting:
    """What a line of the book says: money that came in, went out of a pot, or was taken of the fee or a fund."""
    assert move.payment is not None
    payment, part = doing.book.payments[move.payment], move.part
    common: dict[str, Any] = {"amount_minor": move.amount_minor, "currency": doing.group.currency}
    if move.what == OUT and part is not None and part.promise is not None:
        leg_id = doing.ids.legs[id(part)]
        return Posting(
            kind="payout",
            debit=doing.pot(part.promise.round),
            credit=source_of(payment),
            reference=f"leg:{leg_id}:{doing.imported.id}",
            payout_leg_id=leg_id,
            memo=f"{doing.memo}, draw {doing.ids.records[part.promise.lot]}",
            **common,
        )
    if part is None:
        fund = f"fund/{payment.fund}" if payment.fund else account_of("fee")
        return Posting(
            kind="spend" if payment.fund else "fee.taken",
            debit=fund,
            credit=source_of(payment),
            reference=f"import:{doing.imported.id}:{payment.what}:{move.payment}",
            memo=doing.memo,
            **common,
        )
    due, payment_id = part.due, doing.ids.payments[move.payment]
    return Posting(
        kind="contribution" if due else "contribution.advance",
        debit=source_of(payment),
        credit=due.account(doing.rules, doing.pot(due.round)) if due else f"advance/{payment.member}",
        reference=f"payment:{payment_id}:{n if due else 'advance'}",
        payment_id=payment_id,
        due_id=doing.ids.dues[due.key] if due else None,
        memo=doing.memo,
        **common,
    )


def _set_off(doing: Writing, n: int, move: Move) -> Iterable[Posting]:
    """Out of the pot to the member, and from there to what they owed for the round."""
    part = move.part
    assert part is not None
    assert part.due is not None
    assert part.promise is not None
    leg_id, pot = doing.ids.legs[id(part)], doing.pot(part.promise.round)
    common: dict[str, Any] = {"amount_minor": move.amount_minor, "currency": doing.group.currency, "memo": doing.memo}
    advance = f"advance/{part.promise.member}"
    yield Posting(
        kind="payout.netted",
        debit=pot,
        credit=advance,
        reference=f"netted:{leg_id}",
        payout_leg_id=leg_id,
        **common,
    )
    yield Posting(
        kind="contribution.netted",
        debit=advance,
        credit=part.due.account(doing.rules, pot),
        reference=f"netted:{leg_id}:due",
        due_id=doing.ids.dues[part.due.key],
        **common,
    )


def _of_pot(doing: Writing, n: int, move: Move) -> Posting:
    """What is deducted from a pot, or what a reserve adds to it and gets back."""
    assert move.round is not None
    pot = doing.pot(move.round)
    sides = {DEDUCT: (pot, account_of(move.name)), FILL: (RESERVE, pot), BACK: (pot, RESERVE)}
    kinds = {DEDUCT: "fee" if move.name == "fee" else "deduction", FILL: "reserve", BACK: "reserve.back"}
    debit, credit = sides[move.what]
    leg = doing.ids.legs[id(move.part)] if move.part is not None else f"round {move.round}"
    return Posting(
        kind=kinds[move.what],
        debit=debit,
        credit=credit,
        amount_minor=move.amount_minor,
        currency=doing.group.currency,
        # As the running book names them, so that a payout that is taken back finds what goes with it.
        reference=f"{_NAMED[move.what]}:{leg}:{doing.imported.id}:{n}:{move.name}",
        memo=doing.memo,
    )


_NAMED = {DEDUCT: "deduction", FILL: "reserve", BACK: "reserve.back"}
