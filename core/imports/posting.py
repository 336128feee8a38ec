"""The money of an imported equb in its ledger: contributions, payouts and fees, day by day, each naming the import."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from core import ledger
from core.imports.adding_up import Part, in_order, source_of
from core.imports.book import FEE, IN, OUT
from core.imports.rows import AT_ONCE, Writing
from core.ledger import Posting


async def post_money(doing: Writing) -> None:
    """Post every transfer, day by day. What left a pot before enough had come in is posted when it had."""
    by_payment: dict[int, list[Part]] = defaultdict(list)
    for part in doing.sums.parts:
        by_payment[part.payment].append(part)
    days: dict[date, list[int]] = defaultdict(list)
    for what in (IN, OUT, FEE):
        for place, payment in in_order(doing.book, what):
            days[payment.on].append(place)
    pots: dict[int, int] = defaultdict(int)
    waiting: list[Part] = []
    for day in sorted(days):
        postings: list[Posting] = []
        for place in days[day]:
            payment = doing.book.payments[place]
            match payment.what:
                case "in":
                    postings += _contribution(doing, place, by_payment[place], pots)
                case "out":
                    waiting += by_payment[place]
                case _:
                    postings.append(_fee_taken(doing, place))
        postings += _leaving(doing, waiting, pots)
        await _post(doing, postings, doing.at(day))
    last = doing.at(max(days)) if days else doing.tx.now
    await _post(doing, _fees(doing), last)


async def _post(doing: Writing, postings: Sequence[Posting], at: datetime) -> None:
    for start in range(0, len(postings), AT_ONCE):
        await ledger.post(
            doing.tx.session, group_id=doing.group.group_id, postings=postings[start : start + AT_ONCE], at=at
        )


def _contribution(doing: Writing, place: int, parts: Sequence[Part], pots: dict[int, int]) -> Iterable[Posting]:
    payment, payment_id = doing.book.payments[place], doing.ids.payments[place]
    for number, part in enumerate(parts):
        due = part.due
        if due is not None:
            pots[due.round] += part.amount_minor
        yield Posting(
            kind="contribution" if due else "contribution.advance",
            debit=source_of(payment),
            credit=doing.pot(due.round) if due else f"advance/{payment.member}",
            amount_minor=part.amount_minor,
            currency=doing.group.currency,
            reference=f"payment:{payment_id}:{number if due else 'advance'}",
            payment_id=payment_id,
            due_id=doing.ids.dues[due.round, due.lot, due.member] if due else None,
            memo=doing.memo,
        )


def _leaving(doing: Writing, waiting: list[Part], pots: dict[int, int]) -> Iterable[Posting]:
    """What the pots can pay now of what has left them; the rest stays in ``waiting``."""
    still: list[Part] = []
    for part in waiting:
        promise, payment = part.promise, doing.book.payments[part.payment]
        assert promise is not None
        if pots[promise.round] < part.amount_minor:
            still.append(part)
            continue
        pots[promise.round] -= part.amount_minor
        leg_id = doing.ids.legs[id(part)]
        yield Posting(
            kind="payout",
            debit=doing.pot(promise.round),
            credit=source_of(payment),
            amount_minor=part.amount_minor,
            currency=doing.group.currency,
            reference=f"leg:{leg_id}:{doing.imported.id}",
            payout_leg_id=leg_id,
            memo=f"{doing.memo}, draw {doing.ids.records[promise.lot]}",
        )
    waiting[:] = still


def _fees(doing: Writing) -> list[Posting]:
    """The fee of each pot that something was paid of, bound to its last leg as the running book does it."""
    last = {promise.round: doing.ids.legs[id(promise.paid[-1])] for promise in doing.sums.promises if promise.paid}
    return [
        Posting(
            kind="fee",
            debit=doing.pot(number),
            credit="fee/organiser",
            amount_minor=amount,
            currency=doing.group.currency,
            reference=f"deduction:{last[number]}:{doing.imported.id}:fee",
            memo=doing.memo,
        )
        for number, amount in doing.sums.fees.items()
    ]


def _fee_taken(doing: Writing, place: int) -> Posting:
    payment = doing.book.payments[place]
    return Posting(
        kind="fee.taken",
        debit="fee/organiser",
        credit=source_of(payment),
        amount_minor=payment.amount_minor,
        currency=doing.group.currency,
        reference=f"import:{doing.imported.id}:fee:{place}",
        memo=doing.memo,
    )
