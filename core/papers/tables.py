"""A book as tables in a reader's language: what a CSV file holds, and the sheets of a workbook.

Column by column, because that is how a hundred thousand lines are written fastest: each holds plain values (whole
numbers, minor units, instants, text), which a renderer writes as its kind says. Where the reader counts by the
Ethiopian calendar each column of instants is followed by one with that date.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import Refusal
from core.papers import labels
from core.papers.book import Book
from core.papers.hand import Hand

Kind = Literal["text", "number", "money", "date", "instant"]


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, of what kind its values are, how wide that is in letters, and the values from the top."""

    title: str
    kind: Kind
    width: int
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Table:
    """``name`` is what a program asks for it by."""

    name: str
    title: str
    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns[0].values)


def all_tables(book: Book, hand: Hand) -> list[Table]:
    """Every table of the book; the ledger only where its lines were read."""
    made = [make(book, hand) for make in TABLES.values()]
    return [table for table in made if table.name != "ledger" or len(table)]


def table(book: Book, hand: Hand, name: str) -> Table:
    """One of them. Raises ``Refusal("paper.no_such_table")``."""
    if name not in TABLES:
        raise Refusal("paper.no_such_table", known=", ".join(TABLES))
    return TABLES[name](book, hand)


Given = tuple[str, Kind, int, Sequence[Any]]


def _made(hand: Hand, name: str, title: str, columns: Sequence[Given]) -> Table:
    """The table, with Ethiopian dates beside the others where the reader counts so."""
    made: list[Column] = []
    for text, kind, width, values in columns:
        head = hand.say(text)
        made.append(Column(head, kind, width, values))
        if hand.ethiopian and kind in ("date", "instant"):
            said = {at: hand.ethiopian_day(at) if at else "" for at in dict.fromkeys(values)}
            head = hand.say(labels.ETHIOPIAN, title=head)
            made.append(Column(head, "text", 18, [said[at] for at in values]))
    return Table(name, hand.say(title), tuple(made))


def _words(hand: Hand, table: Mapping[str, str], keys: Iterable[str]) -> list[str]:
    keys = list(keys)
    said = {key: hand.word(table, key) for key in dict.fromkeys(keys)}
    return [said[key] for key in keys]


def _lots_of(hand: Hand, held: Iterable[tuple[int, Any]]) -> str:
    return ", ".join(f"{lot}{hand.share(share)}" for lot, share in held)


def _members(book: Book, hand: Hand) -> Table:
    who = book.members
    money: list[tuple[str, str]] = [
        (labels.DUE, "owed_minor"), (labels.PAID, "paid_minor"), (labels.OPEN, "open_minor"),
        (labels.LATE, "late_minor"), (labels.ADVANCE, "advance_minor"), (labels.RECEIVED, "received_minor"),
        (labels.PROMISED, "promised_minor"), (labels.IN_HAND, "held_minor"),
    ]  # fmt: skip
    columns: list[Given] = [
        (labels.NUMBER, "number", 6, [one.number for one in who]),
        (labels.NAME, "text", 30, [one.name for one in who]),
        (labels.OFFICE, "text", 12, [hand.word(labels.ROLES, one.role) for one in who]),
        (labels.STATE, "text", 12, _words(hand, labels.STATES, (one.status for one in who))),
        (labels.LOTS, "text", 16, [_lots_of(hand, one.lots) for one in who]),
        *((text, "money", 14, [getattr(one, field) for one in who]) for text, field in money),
    ]
    return _made(hand, "members", labels.MEMBERS, columns)


def _lots(book: Book, hand: Hand) -> Table:
    lots, names = book.lots, book.names
    holders = [
        ", ".join(f"{member}. {names[member]}{hand.share(share)}" for member, share in lot.holders) for lot in lots
    ]
    columns: list[Given] = [
        (labels.CYCLE, "number", 8, [lot.cycle for lot in lots]),
        (labels.LOT, "number", 8, [lot.number for lot in lots]),
        (labels.HOLDERS, "text", 50, holders),
        (labels.DRAWN_IN, "number", 12, [lot.drawn_in for lot in lots]),
        (labels.DRAWN_ON, "date", 12, [lot.drawn_at for lot in lots]),
        (labels.DRAW_CODE, "text", 14, [lot.draw_code or "" for lot in lots]),
    ]
    return _made(hand, "lots", labels.LOTS, columns)


def _rounds(book: Book, hand: Hand) -> Table:
    rounds = book.rounds
    columns: list[Given] = [
        (labels.CYCLE, "number", 8, [one.cycle for one in rounds]),
        (labels.ROUND, "number", 8, [one.number for one in rounds]),
        (labels.DUE_ON, "date", 12, [one.due_at for one in rounds]),
        (labels.STATE, "text", 12, _words(hand, labels.STATES, (one.status for one in rounds))),
        (labels.DUE, "money", 14, [one.owed_minor for one in rounds]),
        (labels.COLLECTED, "money", 14, [one.collected_minor for one in rounds]),
        (labels.DRAWN_LOTS, "text", 12, [", ".join(map(str, one.lots)) for one in rounds]),
        (labels.DRAWN_ON, "date", 12, [one.drawn_at for one in rounds]),
        (labels.PAID_OUT, "money", 14, [one.paid_out_minor for one in rounds]),
    ]
    if book.of is None:
        columns.append((labels.KEPT, "money", 14, [one.kept_minor for one in rounds]))
        columns.append((labels.LEFT, "money", 14, [one.left_minor for one in rounds]))
    return _made(hand, "rounds", labels.ROUNDS, columns)


def _dues(book: Book, hand: Hand) -> Table:
    dues, names, now = book.dues, book.names, book.facts.as_of
    columns: list[Given] = [
        (labels.CYCLE, "number", 8, [due.cycle for due in dues]),
        (labels.ROUND, "number", 8, [due.round for due in dues]),
        (labels.NUMBER, "number", 6, [due.member for due in dues]),
        (labels.MEMBER, "text", 26, [names[due.member] for due in dues]),
        (labels.LOT, "number", 6, [due.lot for due in dues]),
        (labels.FOR, "text", 14, _words(hand, labels.KINDS, (due.kind for due in dues))),
        (labels.DUE_ON, "date", 12, [due.due_at for due in dues]),
        (labels.DUE, "money", 12, [due.amount_minor for due in dues]),
        (labels.PAID, "money", 12, [due.paid_minor for due in dues]),
        (labels.OPEN, "money", 12, [due.open_minor for due in dues]),
        (labels.STATE, "text", 10, _words(hand, labels.STATES, (due.status(now) for due in dues))),
        (labels.PAID_ON, "date", 12, [due.paid_at if due.paid_minor else None for due in dues]),
        (labels.RECEIPTS, "text", 16, [due.receipts for due in dues]),
    ]
    return _made(hand, "dues", labels.DUES, columns)


def _contributions(book: Book, hand: Hand) -> Table:
    paid, names = book.payments, book.names
    went_to = rounds_of_receipts(book)
    columns: list[Given] = [
        (labels.RECEIPT, "text", 10, [one.receipt for one in paid]),
        (labels.NUMBER, "number", 6, [one.member for one in paid]),
        (labels.MEMBER, "text", 26, [names[one.member] for one in paid]),
        (labels.AMOUNT, "money", 14, [one.amount_minor for one in paid]),
        (labels.WAY, "text", 12, _words(hand, labels.WAYS, (one.method for one in paid))),
        (labels.STATE, "text", 12, _words(hand, labels.STATES, (one.status for one in paid))),
        (labels.SAID_ON, "instant", 16, [one.claimed_at for one in paid]),
        (labels.RECORDED_ON, "instant", 16, [one.recorded_at for one in paid]),
        (labels.HELD_BY, "text", 26, [names[one.held_by] if one.held_by else "" for one in paid]),
        (labels.ROUNDS, "text", 12, [went_to.get(one.receipt, "") for one in paid]),
        (labels.REASON, "text", 24, [one.reason or "" for one in paid]),
    ]
    return _made(hand, "contributions", labels.CONTRIBUTIONS, columns)


def rounds_of_receipts(book: Book) -> dict[str, str]:
    """Receipt → the rounds that its money went to, ``2, 3`` (``2/1``: of the second cycle)."""
    several = book.facts.cycle > 1
    found: dict[str, str] = {}
    for due in book.dues:
        if due.receipts:
            said = f"{due.cycle}/{due.round}" if several else str(due.round)
            for receipt in due.receipts.split() if " " in due.receipts else (due.receipts,):
                before = found.get(receipt)
                # In the order of rounds: a second lot of the same round comes right after the first.
                if before is None:
                    found[receipt] = said
                elif before != said and not before.endswith(f" {said}"):
                    found[receipt] = f"{before}, {said}"
    return found


def _payouts(book: Book, hand: Hand) -> Table:
    names = book.names
    legs = [(one, leg) for one in book.payouts for leg in one.legs]
    columns: list[Given] = [
        (labels.CYCLE, "number", 8, [one.cycle for one, _ in legs]),
        (labels.ROUND, "number", 8, [one.round for one, _ in legs]),
        (labels.LOT, "number", 6, [one.lot for one, _ in legs]),
        (labels.GROSS, "money", 14, [one.gross_minor for one, _ in legs]),
        (labels.DEDUCTED, "text", 26, [deductions(book, hand, one.deductions) for one, _ in legs]),
        (labels.POT, "money", 14, [one.amount_minor for one, _ in legs]),
        (labels.NUMBER, "number", 6, [leg.member for _, leg in legs]),
        (labels.MEMBER, "text", 26, [names[leg.member] for _, leg in legs]),
        (labels.AMOUNT, "money", 14, [leg.amount_minor for _, leg in legs]),
        (labels.WAY, "text", 12, _words(hand, labels.WAYS, (leg.method for _, leg in legs))),
        (labels.STATE, "text", 12, _words(hand, labels.STATES, (leg.status for _, leg in legs))),
        (labels.PAID_ON, "instant", 16, [leg.paid_at for _, leg in legs]),
        (labels.PAID_BY, "text", 26, [names[leg.held_by] if leg.held_by else "" for _, leg in legs]),
        (labels.RECEIVED_ON, "instant", 16, [leg.received_at for _, leg in legs]),
    ]
    return _made(hand, "payouts", labels.PAYOUTS, columns)


def deductions(book: Book, hand: Hand, items: Iterable[tuple[str, int]]) -> str:
    """``fee 1,000.00``, several with commas."""
    currency = book.facts.currency
    return ", ".join(f"{hand.word(labels.KINDS, kind)} {hand.amount(minor, currency)}" for kind, minor in items)


def _accounts(book: Book, hand: Hand) -> Table:
    accounts, several = book.accounts, book.facts.cycle > 1
    columns: list[Given] = [
        (labels.ACCOUNT, "text", 36, [hand.account(a.name, book.names, many_cycles=several) for a in accounts]),
        (labels.CAME, "money", 16, [one.came_minor for one in accounts]),
        (labels.WENT, "money", 16, [one.went_minor for one in accounts]),
        (labels.THERE, "money", 16, [one.balance_minor for one in accounts]),
        (labels.NOTE, "text", 16, [one.name for one in accounts]),
    ]
    return _made(hand, "accounts", labels.ACCOUNTS, columns)


def _ledger(book: Book, hand: Hand) -> Table:
    lines = book.transfers
    columns: list[Given] = [
        (labels.ON, "instant", 16, [one.at for one in lines]),
        (labels.KIND, "text", 24, [one.kind for one in lines]),
        (labels.FROM, "text", 16, [one.debit for one in lines]),
        (labels.TO, "text", 16, [one.credit for one in lines]),
        (labels.AMOUNT, "money", 14, [one.amount_minor for one in lines]),
        (labels.RECEIPT, "text", 10, [one.receipt for one in lines]),
        (labels.NOTE, "text", 40, [one.memo for one in lines]),
    ]
    return _made(hand, "ledger", labels.LEDGER, columns)


TABLES: dict[str, Callable[[Book, Hand], Table]] = {
    "members": _members,
    "lots": _lots,
    "rounds": _rounds,
    "dues": _dues,
    "contributions": _contributions,
    "payouts": _payouts,
    "accounts": _accounts,
    "ledger": _ledger,
}
