"""Reading the sheets of a paper book line by line: which sheet and column is meant, and what each line says.

Whatever cannot be read, is unknown or may mean two things becomes a problem of its line; nothing is skipped
silently and nothing is guessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

from core import groups, lexicon, people
from core import sentences as say
from core.errors import Refusal
from core.folding import fold
from core.imports import agreed, values, words
from core.imports.book import (
    COMES_IN,
    EARLIER,
    FEE,
    FINE,
    IN,
    OUT,
    ROUNDS,
    SPENT,
    Book,
    Debt,
    Guaranteed,
    Holding,
    Line,
    Payment,
    Person,
    RoundHeld,
)
from core.imports.lines import Reading
from core.imports.names import Names
from core.imports.planning import turns_of
from core.imports.said import day as said_day
from core.imports.said import message
from core.imports.sheets import Cell, Row, Sheet
from core.imports.values import Days
from core.imports.words import Column, SheetWords
from core.messages import Message
from core.operator.rights import member_may
from core.phones import masked

# A title may stand above the headings.
_HEADING_WITHIN = 10

_WHATS = (
    (IN, ("contribution", "paid in", "income", "received", "ገቢ", "መዋጮ")),
    (OUT, ("pot", "payout", "paid out", "expense", "ወጪ", "እቁብ")),
    (FEE, ("commission", "organiser's fee", "ኮሚሽን")),
    (FINE, ("late fine", "penalty", "ቅጣት")),
    (SPENT, ("out of a fund", "fund", "ከሳጥን", "ከፈንድ")),
)
_DEBTS = (
    (ROUNDS, ("round", "this cycle", "contribution", "ዙር", "መዋጮ")),
    (FINE, ("fines", "ቅጣት")),
    (EARLIER, ("before", "old", "earlier cycle", "ያለፈ", "የድሮ")),
)
_ROLE_WORDS = {
    "organiser": say.ORGANISER,
    "secretary": say.SECRETARY,
    "collector": say.COLLECTOR,
    "member": say.PLAIN_MEMBER,
}


def understand(sheets: Sequence[Sheet], *, today: date, currency: str) -> Book:
    """Everything that the sheets say. ``today`` decides what is still to come; ``currency`` is the tenant's."""
    book = Book(currency=currency)
    found: dict[str, Sheet] = {}
    for sheet in sheets:
        meant = words.sheet_of(sheet.name) or _by_headings(sheet)
        if meant is None:
            if not words.is_explanation(sheet.name) and sheet.rows:
                book.sheet(sheet.name).warn("sheet.unknown", name=sheet.name)
        elif meant.key in found:
            book.sheet(meant.key).error("sheet.twice", name=meant.key)
        else:
            found[meant.key] = sheet
    for key in ("book", "people", "lots"):
        if key not in found:
            book.sheet(key).error("sheet.missing", name=key)
    read = {words_.key: _lines(book, words_, found[words_.key]) for words_ in words.SHEETS if words_.key in found}
    days = agreed.read(book, read.get("book", []), today)
    _people(book, read.get("people", []))
    names = Names(book)
    _lots(book, read.get("lots", []), names)
    _rounds(book, read.get("rounds", []), days)
    _payments(book, read.get("payments", []), names, days)
    _debts(book, read.get("debts", []), names)
    _guarantors(book, read.get("guarantors", []), names)
    return book


# --- sheets and columns --------------------------------------------------------------------------


def _by_headings(sheet: Sheet) -> SheetWords | None:
    """The sheet whose required columns a sheet without a telling name has; of several the one it fits best."""
    best: tuple[int, SheetWords] | None = None
    for row in sheet.rows[:_HEADING_WITHIN]:
        for candidate in words.SHEETS:
            columns = {column.key for cell in row.cells if (column := _column(candidate, cell)) is not None}
            if all(column.key in columns for column in candidate.columns if column.required):
                best = max(best or (0, candidate), (len(columns), candidate), key=lambda pair: pair[0])
    return best[1] if best else None


def _column(sheet_words: SheetWords, cell: Cell) -> Column | None:
    return words.column_of(sheet_words, cell) if isinstance(cell, str) else None


def _lines(book: Book, sheet_words: SheetWords, sheet: Sheet) -> list[Reading]:
    """The lines under the headings, each with its cells by column."""
    heading = _heading_row(sheet_words, sheet)
    if heading is None:
        if sheet.rows:
            book.sheet(sheet_words.key).error("sheet.no_headings")
        return []
    columns = _columns(book, sheet_words, sheet, heading)
    readings = []
    for row in sheet.rows:
        if row.line <= heading.line:
            continue
        line = Line(sheet_words.key, row.line)
        book.lines.append(line)
        beyond = [values.said(cell) for cell in row.cells[len(heading.cells) :] if cell is not None]
        if beyond:
            line.error("line.too_many_cells", said=", ".join(beyond)[:80])
        cells = {key: row.cells[place] for key, place in columns.items() if place < len(row.cells)}
        readings.append(Reading(line, cells, sheet_words))
    return readings


def _heading_row(sheet_words: SheetWords, sheet: Sheet) -> Row | None:
    wanted = min(2, len(sheet_words.columns))
    for row in sheet.rows[:_HEADING_WITHIN]:
        known = {column.key for cell in row.cells if (column := _column(sheet_words, cell)) is not None}
        if len(known) >= wanted:
            return row
    return None


def _columns(book: Book, sheet_words: SheetWords, sheet: Sheet, heading: Row) -> dict[str, int]:
    """Which column stands where; what is unknown, twice or missing is said of the sheet."""
    problems = book.sheet(sheet_words.key)
    places: dict[str, int] = {}
    for place, cell in enumerate(heading.cells):
        column = _column(sheet_words, cell)
        if column is None:
            # A column that holds nothing needs no heading.
            if cell is not None or any(place < len(row.cells) and row.cells[place] is not None for row in sheet.rows):
                shown = values.said(cell) or f"no. {place + 1}, without a heading,"
                problems.warn("column.unknown", heading=shown[:60])
        elif column.key in places:
            first = values.said(heading.cells[places[column.key]])
            problems.error("column.twice", heading=column.names[0], first=first, second=values.said(cell))
        else:
            places[column.key] = place
    for column in sheet_words.columns:
        if column.required and column.key not in places:
            problems.error("column.missing", heading=column.names[0])
    return places


# --- people --------------------------------------------------------------------------------------


def _people(book: Book, readings: Sequence[Reading]) -> None:
    given = [reading.get("number", values.count) for reading in readings]
    taken = {number for number in given if number is not None}
    free = iter(number for number in range(1, 10_000) if number not in taken)
    phones: dict[str, int] = {}
    if len(readings) > groups.MOST_MEMBERS:
        book.sheet("people").error("people.too_many", most=groups.MOST_MEMBERS)
        return
    for reading, stated in zip(readings, given, strict=True):
        number = stated if stated is not None else next(free)
        name = _person_name(reading)
        phone = reading.get("phone", values.phone)
        if phone is None and reading.cells.get("phone") is None:
            reading.line.warn("people.phone_missing", "phone")
        elif phone in phones:
            reading.line.error("people.phone_twice", "phone", other=phones[phone])
        elif phone is not None:
            phones[phone] = reading.line.line
        role = reading.get("role", values.word, lexicon.known("offices")) or "member"
        if number in book.people or number > groups.MOST_MEMBERS:
            reading.line.error("people.number_twice", "number", number=number)
            continue
        language = reading.get("language", values.word, lexicon.known("languages"))
        if name is not None:
            book.people[number] = Person(reading.line, number, name, phone, role, language)
            reached = masked(phone) if phone else message("no_phone")
            reading.line.says("person", number=number, name=name, phone=reached, role=_ROLE_WORDS[role]())
    organisers = [one for one in book.people.values() if one.role == "organiser"]
    if readings and not organisers:
        book.sheet("people").error("people.no_organiser", "role")
    for one in organisers[1:]:
        one.line.error("people.organisers", "role")


def _person_name(reading: Reading) -> str | None:
    typed = reading.get("name", values.text)
    if typed is None:
        return None
    try:
        return people.tidy_name(typed)
    except Refusal as refusal:
        reading.line.error(refusal.code, "name")
        return None


# --- lots and rounds -----------------------------------------------------------------------------


def _lots(book: Book, readings: Sequence[Reading], names: Names) -> None:
    seen: set[tuple[int, int]] = set()
    for reading in readings:
        lot = reading.get("lot", values.count)
        member = reading.get("member", names.find)
        share = reading.get("share", values.share) if reading.cells.get("share") is not None else 1
        if lot is None or member is None or share is None:
            continue
        if book.rules is not None and lot > book.rules.lots:
            reading.line.error("lot.unknown", "lot", lot=lot, lots=book.rules.lots)
            continue
        if (lot, member) in seen:
            reading.line.error("lot.member_twice", "member", name=book.people[member].name, lot=lot)
            continue
        seen.add((lot, member))
        book.holdings.append(Holding(reading.line, lot, member, Fraction(share)))
        reading.line.says("lot", lot=lot, share=str(share), name=book.people[member].name, number=member)


def _rounds(book: Book, readings: Sequence[Reading], days: Days) -> None:
    held: dict[int, RoundHeld] = {}
    known_turns = book.rules is not None and bool(turns_of(book))
    days = replace(days, ahead=known_turns)
    for reading in readings:
        number = reading.get("round", values.count)
        on = reading.get("date", values.day, days)
        lots = reading.get("lot", values.counts)
        if number is None or on is None or not lots:
            continue
        ahead = on > days.today
        if ahead and not known_turns:
            reading.line.error("date.in_future", "date", said=said_day(on))
        known = held.get(number)
        if known is not None and known.on != on:
            reading.line.error("round.twice", "round", round=number)
            continue
        earlier = known.lots if known else ()
        held[number] = RoundHeld(known.line if known else reading.line, number, on, (*earlier, *lots))
        shown = ", ".join(map(str, lots))
        reading.line.says("turn" if ahead else "round", round=number, on=said_day(on), lots=shown)
    book.rounds = [held[number] for number in sorted(held) if held[number].on <= days.today]
    book.turns = {number: one for number, one in held.items() if one.on > days.today}


# --- money ---------------------------------------------------------------------------------------


def _payments(book: Book, readings: Sequence[Reading], names: Names, days: Days) -> None:
    round_days = {one.number: one.on for one in book.rounds}
    seen: dict[tuple[Any, ...], int] = {}
    organiser = book.organiser
    for reading in readings:
        what = reading.get("what", values.word, _WHATS) if reading.cells.get("what") is not None else IN
        member = reading.get("member", names.find)
        amount = reading.get("amount", values.amount, book.currency)
        said_how = reading.cells.get("method") is not None
        method = reading.get("method", values.word, lexicon.known("methods")) if said_how else "cash"
        number, lot = reading.get("round", values.count), reading.get("lot", values.count)
        on = _payment_day(reading, days, round_days, number)
        officer = reading.get("officer", names.find)
        if reading.cells.get("officer") is None and method == "cash" and organiser is not None:
            officer = organiser.number
        _office(book, reading, officer, what)
        if on is None or None in (what, member, amount, method):
            continue
        reference = values.said(reading.cells.get("receipt"))[:100] or None
        fund = _fund(book, reading) if what == SPENT else None
        payment = Payment(reading.line, what, on, member, amount, method, officer, number, lot, reference, fund)
        key = (what, on, member, amount, number, lot, reference)
        if key in seen and reference is None:
            reading.line.warn("payment.twice", other=seen[key])
        seen.setdefault(key, reading.line.line)
        book.payments.append(payment)
        reading.line.understood = _shown(book, payment)


def _payment_day(reading: Reading, days: Days, round_days: Mapping[int, date], number: int | None) -> date | None:
    if reading.cells.get("date") is None:
        if number is not None and number in round_days:
            reading.line.warn("payment.round_day", "date", round=number)
            return round_days[number]
        reading.line.error("date.missing", "date")
        return None
    on: date | None = reading.get("date", values.day, days)
    if on is not None and on > days.today:
        reading.line.error("date.in_future", "date", said=said_day(on))
    return on


def _office(book: Book, reading: Reading, officer: int | None, what: str | None) -> None:
    """Who takes money in or pays it out has the office for it, or it would be nobody's to account for."""
    if officer is None or what is None:
        return
    who = book.people[officer]
    if not member_may(who.role, "record" if what in COMES_IN else "pay_out"):
        reading.line.error("payment.officer", "officer", name=who.name)


def _fund(book: Book, reading: Reading) -> str | None:
    """The fund that something was spent of, by its name in the rules."""
    known = fund_names(book)
    if reading.cells.get("fund") is None:
        reading.line.error("fund.missing", "fund")
        return None
    typed = reading.get("fund", values.text)
    named = next((name for name in known if fold(name) == fold(typed or "")), None)
    if named is None:
        reading.line.error("fund.unknown", "fund", said=(typed or "")[:40], offered=", ".join(known) or "-")
    return named


def fund_names(book: Book) -> list[str]:
    """The funds that this equb's rules fill."""
    if book.rules is None:
        return []
    fines = {"fund": ["fines"], "charity": ["charity"], "members": ["members"]}.get(book.rules.fine.to, [])
    return [one.name for one in book.rules.deductions] + (fines if book.rules.fine.kind != "none" else [])


def _shown(book: Book, payment: Payment) -> Message:
    who = book.people[payment.member]
    way = message(payment.method) if payment.method != "cash" else None
    if way is None:
        officer = book.people[payment.officer].name if payment.officer else ""
        way = message("cash_held" if payment.what in COMES_IN else "cash_paid", name=officer)
    facts = {"on": said_day(payment.on), "amount": book.money(payment.amount_minor), "way": way}
    if payment.what == SPENT:
        return message(SPENT, **facts, fund=payment.fund or "")
    said = message(payment.what, **facts, name=who.name, number=who.number)
    if payment.round is not None:
        said = message("for_round", said=said, round=payment.round)
    return message("for_lot", said=said, lot=payment.lot) if payment.lot is not None else said


def _debts(book: Book, readings: Sequence[Reading], names: Names) -> None:
    seen: set[tuple[int, str, int | None]] = set()
    organiser = book.organiser
    for reading in readings:
        member = reading.get("member", names.find)
        amount = reading.get("amount", values.amount_or_nothing, book.currency)
        of = reading.get("of", values.word, _DEBTS) if reading.cells.get("of") is not None else ROUNDS
        if member is None or amount is None or of is None:
            continue
        to = reading.get("to", names.find) if of == EARLIER else None
        if of == EARLIER and reading.cells.get("to") is None and organiser is not None:
            to = organiser.number
        if of == EARLIER and to is None:
            continue
        name = book.people[member].name
        if to == member:
            reading.line.error("debt.to_oneself", "to", name=name)
            continue
        if (member, of, to) in seen:
            reading.line.error("debt.twice", "member", name=name)
            continue
        seen.add((member, of, to))
        book.debts.append(Debt(reading.line, member, amount, of, to))
        facts = {"name": name, "number": member, "amount": book.money(amount)}
        if of == EARLIER and to is not None:
            reading.line.says("debt_earlier", **facts, to=book.people[to].name)
        else:
            reading.line.says("debt" if of == ROUNDS else "debt_fine", **facts)


def _guarantors(book: Book, readings: Sequence[Reading], names: Names) -> None:
    seen: set[tuple[int, int]] = set()
    for reading in readings:
        member, guarantor = reading.get("member", names.find), reading.get("guarantor", names.find)
        if member is None or guarantor is None:
            continue
        if member == guarantor:
            reading.line.error("guarantor.oneself", "guarantor")
        elif (member, guarantor) in seen:
            reading.line.error("guarantor.twice", "guarantor", name=book.people[guarantor].name)
        else:
            seen.add((member, guarantor))
            book.guaranteed.append(Guaranteed(reading.line, member, guarantor))
            answers = {"guarantor": book.people[guarantor].name, "name": book.people[member].name}
            reading.line.says("guarantor", **answers)
