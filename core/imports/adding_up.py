"""What follows from the lines of a paper book, and whether it adds up: dues, what is paid, pots, who holds what.

Pure. The same figures are shown in the preview and written when it is committed. A payment settles the dues of the
round it names, then the oldest that are open, as a recorded contribution does; what is left is paid in advance. A
payment that names a round not held yet is for that round, whatever is open before.
"""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from core.imports.book import COMES_IN, EARLIER, FEE, FINE, IN, OUT, ROUNDS, Book, Line, Payment
from core.imports.figures import CONTRIBUTION, FEE_DUE, FINE_DUE, Due, Part, Promise, Sums, source_of
from core.imports.planning import turns_of
from core.imports.replay import replay
from core.imports.said import message
from core.money import split
from core.payouts import account_of


def add_up(book: Book) -> Sums:
    """The figures; what does not fit becomes a problem of its line."""
    sums = Sums()
    if book.rules is None:
        return sums
    _check_lots(book)
    _check_rounds(book)
    if not book.sound:
        # What the money went to cannot be told before it is known who holds what and what was drawn.
        _totals(book, sums)
        return sums
    _dues_and_promises(book, sums)
    _fined(book, sums)
    _pay_in(book, sums)
    _pay_out(book, sums)
    _check_pots(book, sums)
    if not book.sound:
        _totals(book, sums)
        return sums
    sums.moves = replay(book, sums)
    _check_fees(book, sums)
    _totals(book, sums)
    _check_what_is_said(book, sums)
    return sums


def _check_lots(book: Book) -> None:
    assert book.rules is not None
    there: dict[int, Fraction] = defaultdict(Fraction)
    first: dict[int, Line] = {}
    for one in book.holdings:
        there[one.lot] += one.share
        first.setdefault(one.lot, one.line)
    for lot, whole in sorted(there.items()):
        if whole != 1:
            first[lot].error("lot.not_whole", "share", lot=lot, sum=str(whole))
    nobody = [lot for lot in range(1, book.rules.lots + 1) if lot not in there]
    if nobody:
        shown = ", ".join(map(str, nobody[:10])) + (" …" if len(nobody) > 10 else "")
        book.sheet("lots").error("lots.missing", lots=shown)
    holders = {one.member for one in book.holdings}
    for person in book.people.values():
        if person.number not in holders and person.role == "member":
            person.line.warn("member.holds_nothing", name=person.name)


def _check_rounds(book: Book) -> None:
    assert book.rules is not None
    rules = book.rules
    drawn: dict[int, int] = {}
    before = None
    for one in book.rounds:
        expected = before.number + 1 if before else 1
        if one.number != expected:
            one.line.error("round.missing", "round", round=expected)
        elif one.number > rules.rounds:
            one.line.error("round.too_many", "round", rounds=rules.rounds)
        if before is not None and one.on <= before.on:
            one.line.error("round.not_after", "date", round=one.number)
        if len(one.lots) != rules.lots_per_round:
            facts: dict[str, Any] = {"count": len(one.lots), "round": one.number, "wanted": rules.lots_per_round}
            one.line.error("round.drawn_count", "lot", **facts)
        for lot in one.lots:
            if lot > rules.lots:
                one.line.error("lot.unknown", "lot", lot=lot, lots=rules.lots)
            elif lot in drawn:
                one.line.error("round.lot_twice", "lot", lot=lot, other=drawn[lot])
            else:
                drawn[lot] = one.number
        before = one
        if rules.order_of(one.number) == "auction":
            one.line.warn("order.auctioned", round=one.number)
    _check_turns(book, drawn)
    if not book.rounds:
        book.sheet("rounds").warn("rounds.none")


def _check_turns(book: Book, drawn: dict[int, int]) -> None:
    """Turns of rounds to come: of lots there are, once each; who has none follows by number, which is said."""
    assert book.rules is not None
    for number, one in sorted(book.turns.items()):
        if number > book.rules.rounds:
            one.line.error("round.too_many", "round", rounds=book.rules.rounds)
        for lot in one.lots:
            if lot > book.rules.lots:
                one.line.error("lot.unknown", "lot", lot=lot, lots=book.rules.lots)
            elif lot in drawn:
                one.line.error("round.lot_twice", "lot", lot=lot, other=drawn[lot])
            else:
                drawn[lot] = number
    missing = [lot for lot in range(1, book.rules.lots + 1) if lot not in drawn]
    if missing and book.sound and turns_of(book):
        shown = ", ".join(map(str, missing[:10])) + (" …" if len(missing) > 10 else "")
        book.sheet("rounds").warn("order.turn_missing", lots=shown)


def holding_amounts(book: Book) -> dict[tuple[int, int], int]:
    """(lot, member) → what the holding pays each round: the contribution, split by shares to the last santim."""
    assert book.rules is not None
    amounts: dict[tuple[int, int], int] = {}
    by_lot: dict[int, list[Any]] = defaultdict(list)
    for one in book.holdings:
        by_lot[one.lot].append(one)
    for lot, holders in by_lot.items():
        holders.sort(key=lambda one: one.member)
        parts = split(book.rules.contribution_minor, [one.share for one in holders])
        amounts |= {(lot, one.member): part for one, part in zip(holders, parts, strict=True)}
    return amounts


def _dues_and_promises(book: Book, sums: Sums) -> None:
    assert book.rules is not None
    rules, amounts = book.rules, holding_amounts(book)
    for one in book.rounds:
        apart = rules.fee_apart_minor(one.number)
        for lot in sorted({lot for lot, _ in amounts}):
            holders = book.shares_of(lot)
            owed = [(CONTRIBUTION, h.member, amounts[lot, h.member]) for h in holders]
            if apart:
                parts = split(apart, [h.share for h in holders])
                owed += [(FEE_DUE, h.member, part) for h, part in zip(holders, parts, strict=True)]
            sums.dues += [Due(one.number, lot, who, minor, kind) for kind, who, minor in owed if minor]
        pot = rules.gross_pot_minor - sum(minor for _, minor in rules.deductions_minor(one.number))
        for lot in one.lots:
            holders = book.shares_of(lot)
            parts = split(pot, [holding.share for holding in holders])
            sums.promises += [
                Promise(one.number, lot, holding.member, part)
                for holding, part in zip(holders, parts, strict=True)
                if part
            ]


def _fined(book: Book, sums: Sums) -> None:
    """Fines that were paid, or are owed as the book says: dues of the round that was the last one held by then."""
    lots = {one.member: one.lot for one in sorted(book.holdings, key=lambda one: -one.lot)}
    count: dict[tuple[int, int, int], int] = defaultdict(int)

    def due(line: Line, member: int, round_number: int, amount_minor: int, paid_minor: int) -> Due | None:
        if member not in lots or not book.rounds:
            line.error("fine.no_lot", "member", name=book.people[member].name)
            return None
        key = (round_number, lots[member], member)
        count[key] += 1
        made = Due(*key, amount_minor, FINE_DUE, count[key], paid_minor)
        sums.dues.append(made)
        return made

    for place, payment in in_order(book, FINE):
        by_then = [one.number for one in book.rounds if one.on <= payment.on]
        number = payment.round if payment.round in {one.number for one in book.rounds} else max(by_then, default=1)
        made = due(payment.line, payment.member, number, payment.amount_minor, payment.amount_minor)
        if made is not None:
            sums.parts.append(Part(place, payment.amount_minor, due=made))
    for debt in book.debts:
        if debt.of == FINE:
            due(debt.line, debt.member, len(book.rounds), debt.amount_minor, 0)
    sums.earlier = [debt for debt in book.debts if debt.of == EARLIER and debt.amount_minor > 0]


# --- money in ------------------------------------------------------------------------------------


def in_order(book: Book, what: str) -> list[tuple[int, Payment]]:
    """The payments of one kind as they happened: by day, then as they stand; each with its place in the book."""
    wanted = [(n, one) for n, one in enumerate(book.payments) if one.what == what]
    return sorted(wanted, key=lambda pair: (pair[1].on, pair[0]))


def _pay_in(book: Book, sums: Sums) -> None:
    assert book.rules is not None
    dues: dict[int, list[Due]] = defaultdict(list)
    for due in sums.dues:
        if due.kind != FINE_DUE:
            dues[due.member].append(due)
    held = len(book.rounds)
    theirs = {(one.lot, one.member) for one in book.holdings}
    amounts: dict[int, int] = defaultdict(int)
    for (_, member), amount in holding_amounts(book).items():
        amounts[member] += amount
    oldest: dict[int, int] = defaultdict(int)
    for place, payment in in_order(book, IN):
        mine = dues[payment.member]
        left = payment.amount_minor
        if payment.lot is not None and (payment.lot, payment.member) not in theirs:
            name = book.people[payment.member].name
            payment.line.error("payment.lot_not_theirs", "lot", name=name, lot=payment.lot)
            continue
        if payment.round is not None and payment.round > book.rules.rounds:
            payment.line.error("round.too_many", "round", rounds=book.rules.rounds)
            continue
        ahead = payment.round is not None and payment.round > held
        if not ahead:
            if payment.round is not None or payment.lot is not None:
                left = _settle(sums, place, left, _meant(mine, payment))
            # Dues before this place are paid in full: a book of 72,000 lines is not read from the start each time.
            while oldest[payment.member] < len(mine) and not mine[oldest[payment.member]].open_minor:
                oldest[payment.member] += 1
            left = _settle(sums, place, left, mine[oldest[payment.member] :])
        if not left:
            continue
        sums.advance[payment.member] += left
        sums.parts.append(Part(place, left))
        to_come = amounts[payment.member] * (book.rules.rounds - held)
        if sums.advance[payment.member] > to_come:
            more = book.money(sums.advance[payment.member] - to_come)
            payment.line.error("payment.too_much", "amount", name=book.people[payment.member].name, more=more)
        elif not ahead:
            payment.line.warn("payment.in_advance", "amount", amount=book.money(left))


def _meant(mine: Sequence[Due], payment: Payment) -> list[Due]:
    return [
        due
        for due in mine
        if (payment.round is None or due.round == payment.round) and (payment.lot is None or due.lot == payment.lot)
    ]


def _settle(sums: Sums, place: int, left: int, dues: Sequence[Due]) -> int:
    """Give an amount to dues in their order; what is left over."""
    for due in dues:
        if not left:
            break
        part = min(left, due.open_minor)
        if part:
            due.paid_minor += part
            left -= part
            if due.kind == CONTRIBUTION:
                sums.came_in[due.round] += part
            sums.parts.append(Part(place, part, due=due))
    return left


# --- money out -----------------------------------------------------------------------------------


def _pay_out(book: Book, sums: Sums) -> None:
    promises: dict[int, list[Promise]] = defaultdict(list)
    for promise in sums.promises:
        promises[promise.member].append(promise)
    for place, payment in in_order(book, OUT):
        left = payment.amount_minor
        name = book.people[payment.member].name
        meant = [
            one
            for one in promises[payment.member]
            if payment.round in (None, one.round) and payment.lot in (None, one.lot)
        ]
        if not any(one.amount_minor > one.paid_minor for one in meant):
            where = f" of round {payment.round}" if payment.round is not None else ""
            payment.line.error("payment.no_pot", "member", name=name, where=where)
            continue
        for one in meant:
            part = min(left, one.amount_minor - one.paid_minor)
            if part:
                one.paid.append(Part(place, part, promise=one))
                sums.parts.append(one.paid[-1])
                sums.went_out[one.round] += part
                left -= part
        if left:
            payment.line.error("payment.pot_too_much", "amount", name=name, more=book.money(left))


def _check_fees(book: Book, sums: Sums) -> None:
    """What the organiser took is what was his by then."""
    taken = sum(one.amount_minor for one in book.payments if one.what == FEE)
    there = sums.funds.get(account_of("fee"), 0)
    for one in book.rounds:
        # A pot that is not full yet: how much of the fee is taken by now depends on when its parts were paid.
        open_ = any(due.open_minor for due in sums.dues if due.round == one.number and due.kind == CONTRIBUTION)
        if open_ and sums.fees.get(one.number):
            one.line.warn("fee.assumed", round=one.number, amount=book.money(sums.fees[one.number]))
    if there < 0:
        last = in_order(book, FEE)[-1][1]
        facts = {"earned": book.money(taken + there), "taken": book.money(taken)}
        last.line.error("payment.fee_too_much", "amount", **facts)


# --- what must add up ----------------------------------------------------------------------------


def _totals(book: Book, sums: Sums) -> None:
    for due in sums.dues:
        if due.open_minor:
            sums.owed[due.member] += due.open_minor
    for debt in sums.earlier:
        sums.owed[debt.member] += debt.amount_minor
    for payment in book.payments:
        sign = 1 if payment.what in COMES_IN else -1
        sums.held[source_of(payment)] += sign * payment.amount_minor
    sums.in_minor = sum(one.amount_minor for one in book.payments if one.what in COMES_IN)
    sums.out_minor = sum(one.amount_minor for one in book.payments if one.what not in COMES_IN)


def _check_pots(book: Book, sums: Sums) -> None:
    assert book.rules is not None
    # Where a reserve fills pots, it is seen line by line how far it could (``core.imports.replay``).
    for one in book.rounds if book.rules.shortfall != "reserve" else ():
        over = sums.went_out[one.number] - sums.came_in[one.number]
        if over > 0:
            one.line.error(
                "pot.overdrawn",
                round=one.number,
                out=book.money(sums.went_out[one.number]),
                came_in=book.money(sums.came_in[one.number]),
                more=book.money(over),
            )


def _check_what_is_said(book: Book, sums: Sums) -> None:
    for source, minor in sums.held.items():
        if minor < 0 and source.startswith("held/"):
            who = book.people[int(source.removeprefix("held/"))]
            who.line.warn("cash.negative", name=who.name, amount=book.money(-minor))
    if book.cash_in_hand_minor is not None:
        found = sums.in_minor - sums.out_minor
        if found != book.cash_in_hand_minor:
            book.sheet("book").error("cash.differs", "value", **_compared(book, book.cash_in_hand_minor, found))
    owed: dict[int, int] = defaultdict(int)
    for due in sums.dues:
        owed[due.member] += due.open_minor if due.kind != FINE_DUE else 0
    said = {debt.member: debt for debt in book.debts if debt.of == ROUNDS}
    for member, debt in said.items():
        found = owed.get(member, 0)
        if found != debt.amount_minor:
            name = book.people[member].name
            debt.line.error("debt.differs", "amount", name=name, **_compared(book, debt.amount_minor, found))
    if not said:
        return
    for member, found in sorted(owed.items()):
        if found and member not in said:
            book.sheet("debts").warn("debt.not_listed", name=book.people[member].name, found=book.money(found))


def _compared(book: Book, said: int, found: int) -> dict[str, Any]:
    return {
        "said": book.money(said),
        "found": book.money(found),
        "direction": message("less" if found < said else "more", difference=book.money(abs(said - found))),
    }
