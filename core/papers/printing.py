"""The book of a group and the statement of a member as PDF, to be printed, signed and kept.

Owns what stands where and in which order. Seventy thousand contributions are no reading: the book shows each member's
and each round's sums, and who has paid for which round as a grid of signs, a line for each member, as a paper book
does; the single receipts stand in the member's statement, and in the workbook.
"""

from collections.abc import Sequence
from itertools import groupby

from core.papers import fonts, labels
from core.papers.book import Book, Member
from core.papers.hand import Hand
from core.papers.sheet import MARGIN_MM, Heading, Sheet, portrait_width_mm
from core.papers.tables import deductions, rounds_of_receipts
from core.papers.undisturbed import undisturbed

_GRID_STEP_MM = 3.1
_GRID_NAME_MM = 50.0
_GRID_SIZE = 7.0
_GRID_LINE_MM = 3.6
_POINT_MM = 0.352778


@undisturbed()
def pdf_of(book: Book, hand: Hand) -> bytes:
    """The member's statement where the book is of one member, else the group's whole book."""
    facts = book.facts
    if book.of is None:
        title = hand.say(labels.BOOK, group=facts.name)
    else:
        title = hand.say(labels.STATEMENT, name=book.names[book.of])
    as_of = hand.say(labels.AS_OF, when=hand.both_days(facts.as_of))
    paper = Sheet(
        title=title,
        author=facts.tenant,
        language=hand.language,
        foot=f"{facts.name} ({facts.code}) · {as_of}",
        page=hand.say(labels.PAGE, page="{page}", pages="{pages}"),
        made_at=facts.as_of,
    )
    paper.add_page()
    _head(paper, book, hand, title, as_of)
    if book.of is None:
        _whole(paper, book, hand)
    else:
        _statement(paper, book, hand)
    paper.ln(4)
    paper.paragraph(hand.say(labels.EQUALS_LEDGER), 8)
    offices = [hand.say(labels.SIGNATURE, office=hand.word(labels.ROLES, role)) for role in ("organiser", "secretary")]
    paper.signatures(offices)
    return paper.bytes()


def _head(paper: Sheet, book: Book, hand: Hand, title: str, as_of: str) -> None:
    facts = book.facts
    paper.paragraph(facts.tenant, 9)
    paper.paragraph(title, 17, bold=True)
    if book.of is not None:
        paper.paragraph(hand.say(labels.MEMBER_NO, number=book.of, group=facts.name), 11)
    paper.paragraph(as_of, 9)
    paper.ln(3)
    pays = f"{hand.money(facts.contribution_minor, facts.currency)} {hand.rhythm(*facts.rhythm)}"
    items = [
        (hand.say(labels.GROUP_CODE), facts.code),
        (hand.say(labels.PER_LOT), pays),
        (hand.say(labels.LOTS), str(facts.lots)),
        (hand.say(labels.POT), hand.money(facts.pot_minor, facts.currency)),
        (hand.say(labels.ROUNDS_HELD), hand.say(labels.N_OF_M, number=facts.rounds_held, whole=facts.rounds)),
    ]
    if facts.deductions:
        items.append((hand.say(labels.OFF_THE_POT), deductions(book, hand, facts.deductions)))
    if facts.cycle > 1:
        items.append((hand.say(labels.CYCLE), str(facts.cycle)))
    if facts.began_at is not None:
        items.append((hand.say(labels.BEGAN), hand.day(facts.began_at)))
    if book.of is not None:
        member = book.members[0]
        lots = ", ".join(f"{lot}{hand.share(share)}" for lot, share in member.lots)
        items[2] = (hand.say(labels.LOT), lots or "–")
    paper.pairs(items)


def _amount(book: Book, hand: Hand, minor: int) -> str:
    """An amount in a column; nothing is a dash, so that a printed column is easy to read."""
    return hand.amount(minor, book.facts.currency) if minor else "–"


def _round_name(book: Book, cycle: int, number: int) -> str:
    return f"{cycle}/{number}" if book.facts.cycle > 1 else str(number)


# --- the whole book --------------------------------------------------------------------------------------


def _whole(paper: Sheet, book: Book, hand: Hand) -> None:
    totals = book.totals

    def money(minor: int) -> str:
        return hand.amount(minor, book.facts.currency)

    paper.section(hand.say(labels.SUMMARY))
    paper.pairs(
        [
            (hand.say(labels.TOTAL_OWED), money(totals.owed_minor)),
            (hand.say(labels.TOTAL_IN_HAND), money(totals.in_hand_minor)),
            (hand.say(labels.TOTAL_PAID_IN), money(totals.paid_in_minor)),
            (hand.say(labels.TOTAL_IN_POTS), money(totals.in_pots_minor)),
            (hand.say(labels.TOTAL_OPEN), money(totals.open_minor)),
            (hand.say(labels.TOTAL_IN_ADVANCE), money(totals.in_advance_minor)),
            (hand.say(labels.TOTAL_LATE), money(totals.late_minor)),
            (hand.say(labels.TOTAL_KEPT), money(totals.kept_minor)),
            (hand.say(labels.TOTAL_PAID_OUT), money(totals.paid_out_minor)),
        ]
    )
    _members(paper, book, hand)
    _lots(paper, book, hand)
    _rounds(paper, book, hand)
    for cycle in sorted({due.cycle for due in book.dues}):
        _grid(paper, book, hand, cycle)
    _payouts(paper, book, hand)
    _accounts(paper, book, hand)


def _members(paper: Sheet, book: Book, hand: Hand) -> None:
    paper.section(hand.say(labels.MEMBERS))
    columns = [
        Heading(hand.say(labels.NUMBER), 9, right=True),
        Heading(hand.say(labels.NAME), 41),
        Heading(hand.say(labels.LOTS), 18),
        *(
            Heading(hand.say(text), 19, right=True)
            for text in (labels.DUE, labels.PAID, labels.OPEN, labels.ADVANCE, labels.RECEIVED, labels.PROMISED)
        ),
    ]

    def sums(*minors: int) -> list[str]:
        return [_amount(book, hand, minor) for minor in minors]

    rows = []
    for one in book.members:
        office = f" ({hand.word(labels.ROLES, one.role)})" if one.role != "member" else ""
        gone = "" if one.status == "active" else f" ({hand.word(labels.STATES, one.status)})"
        lots = ", ".join(f"{lot}{hand.share(share)}" for lot, share in one.lots)
        rows.append([str(one.number), one.name + office + gone, lots, *sums(*_sums_of(one))])
    whole = [sum(each) for each in zip(*map(_sums_of, book.members), strict=True)] if book.members else [0] * 6
    paper.listing(columns, rows, total=["", hand.say(labels.TOTAL), "", *sums(*whole)], size=7.5)


def _sums_of(one: Member) -> tuple[int, ...]:
    return (
        one.owed_minor,
        one.paid_minor,
        one.open_minor,
        one.advance_minor,
        one.received_minor,
        one.promised_minor,
    )


def _lots(paper: Sheet, book: Book, hand: Hand) -> None:
    paper.section(hand.say(labels.LOTS))
    columns = [
        Heading(hand.say(labels.LOT), 14, right=True),
        Heading(hand.say(labels.HOLDERS), 92),
        Heading(hand.say(labels.DRAWN_IN), 20, right=True),
        Heading(hand.say(labels.DRAWN_ON), 34),
        Heading(hand.say(labels.DRAW_CODE), 22),
    ]
    rows = [
        [
            _round_name(book, lot.cycle, lot.number),
            ", ".join(f"{book.names[member]}{hand.share(share)}" for member, share in lot.holders),
            str(lot.drawn_in or "–"),
            hand.day(lot.drawn_at),
            lot.draw_code or "",
        ]
        for lot in book.lots
    ]
    paper.listing(columns, rows, size=7.5)


def _rounds(paper: Sheet, book: Book, hand: Hand) -> None:
    opened = [one for one in book.rounds if one.status != "planned"]
    paper.section(hand.say(labels.ROUNDS))
    columns = [
        Heading(hand.say(labels.ROUND), 12, right=True),
        Heading(hand.say(labels.DUE_ON), 37),
        Heading(hand.say(labels.STATE), 17),
        Heading(hand.say(labels.DUE), 22, right=True),
        Heading(hand.say(labels.COLLECTED), 22, right=True),
        Heading(hand.say(labels.DRAWN_LOTS), 14),
        Heading(hand.say(labels.PAID_OUT), 22, right=True),
        Heading(hand.say(labels.KEPT), 17, right=True),
        Heading(hand.say(labels.LEFT), 19, right=True),
    ]
    rows = [
        [
            _round_name(book, one.cycle, one.number),
            hand.day(one.due_at),
            hand.word(labels.STATES, one.status),
            _amount(book, hand, one.owed_minor),
            _amount(book, hand, one.collected_minor),
            ", ".join(map(str, one.lots)),
            *(_amount(book, hand, minor) for minor in (one.paid_out_minor, one.kept_minor, one.left_minor)),
        ]
        for one in opened
    ]
    sums = [
        _amount(book, hand, sum(getattr(one, name) for one in opened))
        for name in ("owed_minor", "collected_minor", "paid_out_minor", "kept_minor", "left_minor")
    ]
    total = ["", hand.say(labels.TOTAL), "", sums[0], sums[1], "", *sums[2:]]
    paper.listing(columns, rows, total=total, size=7.5)


def _signs(book: Book, cycle: int) -> tuple[list[int], dict[int, dict[int, str]]]:
    """(rounds that have dues, member → round → sign)."""
    now = book.facts.as_of
    rounds: set[int] = set()
    signs: dict[int, dict[int, str]] = {}
    ordered = (due for due in book.dues if due.cycle == cycle)
    for (number, member), dues in groupby(ordered, key=lambda due: (due.round, due.member)):
        rounds.add(number)
        owed = paid = 0
        excused = later = True
        for due in dues:
            paid += due.paid_minor
            if not due.excused:
                owed += due.amount_minor
                excused = False
                later = later and due.due_at >= now
        if excused:
            sign = fonts.EXCUSED
        elif paid >= owed:
            sign = fonts.FULL
        else:
            sign = fonts.HALF if paid else fonts.LATER if later else fonts.EMPTY
        signs.setdefault(member, {})[number] = sign
    return sorted(rounds), signs


def _grid(paper: Sheet, book: Book, hand: Hand, cycle: int) -> None:
    """A line for each member, a sign for each round, in strips as wide as a page."""
    rounds, signs = _signs(book, cycle)
    title = hand.say(labels.GRID)
    paper.section(f"{title} ({hand.say(labels.CYCLE)} {cycle})" if book.facts.cycle > 1 else title)
    legend = hand.say(
        labels.GRID_LEGEND,
        full=fonts.FULL,
        half=fonts.HALF,
        empty=fonts.EMPTY,
        excused=fonts.EXCUSED,
        later=fonts.LATER,
    )
    paper.paragraph(legend, 8)
    per_strip = int((portrait_width_mm() - _GRID_NAME_MM) / _GRID_STEP_MM)
    # Signs in one text with space between them: a text for each would take ten times as long.
    spacing = _GRID_STEP_MM / _POINT_MM - fonts.SIGN_WIDTH / 1000 * _GRID_SIZE
    for start in range(0, len(rounds), per_strip):
        strip = rounds[start : start + per_strip]
        paper.ln(2)
        _grid_heads(paper, strip)
        for number, (member, of_member) in enumerate(sorted(signs.items())):
            if not paper.room_for(_GRID_LINE_MM):
                paper.add_page()
                _grid_heads(paper, strip)
            _grid_line(paper, f"{member}. {book.names[member]}", spacing, [of_member.get(n) for n in strip])
            if number % 5 == 4:
                paper.line(
                    MARGIN_MM, paper.get_y(), MARGIN_MM + _GRID_NAME_MM + len(strip) * _GRID_STEP_MM, paper.get_y()
                )


def _grid_heads(paper: Sheet, strip: Sequence[int]) -> None:
    if not paper.room_for(5 * _GRID_LINE_MM):
        paper.add_page()
    paper.write_in(6.5)
    base = paper.get_y() + 2.6
    for place, number in enumerate(strip):
        if place == 0 or number % 5 == 0:
            paper.text(MARGIN_MM + _GRID_NAME_MM + place * _GRID_STEP_MM, base, str(number))
    paper.set_y(paper.get_y() + 3.6)


def _grid_line(paper: Sheet, name: str, spacing: float, signs: Sequence[str | None]) -> None:
    paper.write_in(_GRID_SIZE)
    base = paper.get_y() + _GRID_LINE_MM * 0.75
    # A long name is shortened here only: the list of members has all of it.
    paper.text(MARGIN_MM, base, paper.lines_of(name, _GRID_NAME_MM - 2)[0])
    paper.set_char_spacing(spacing)
    paper.text(MARGIN_MM + _GRID_NAME_MM, base, "".join(sign or fonts.NONE for sign in signs))
    paper.set_char_spacing(0)
    paper.set_y(paper.get_y() + _GRID_LINE_MM)


def _payouts(paper: Sheet, book: Book, hand: Hand) -> None:
    paper.section(hand.say(labels.PAYOUTS))
    if not book.payouts:
        paper.paragraph(hand.say(labels.NOTHING), 9)
        return
    columns = [
        Heading(hand.say(labels.ROUND), 12, right=True),
        Heading(hand.say(labels.LOT), 10, right=True),
        Heading(hand.say(labels.DEDUCTED), 27),
        Heading(hand.say(labels.POT), 22, right=True),
        Heading(hand.say(labels.MEMBER), 36),
        Heading(hand.say(labels.AMOUNT), 22, right=True),
        Heading(hand.say(labels.STATE), 18),
        Heading(hand.say(labels.PAID_ON), 35),
    ]
    rows = []
    for one in book.payouts:
        for number, leg in enumerate(one.legs):
            about = [
                _round_name(book, one.cycle, one.round),
                str(one.lot),
                deductions(book, hand, one.deductions),
                _amount(book, hand, one.amount_minor),
            ]
            rows.append(
                [
                    *(about if number == 0 else ["", "", "", ""]),
                    book.names[leg.member],
                    _amount(book, hand, leg.amount_minor),
                    hand.word(labels.STATES, leg.status),
                    hand.day(leg.paid_at),
                ]
            )
    paper.listing(columns, rows, size=7.5)


def _accounts(paper: Sheet, book: Book, hand: Hand) -> None:
    shown = [one for one in book.accounts if one.balance_minor or not one.name.startswith(("pot/", "advance/"))]
    if not shown:
        return
    paper.section(hand.say(labels.ACCOUNTS))
    columns = [
        Heading(hand.say(labels.ACCOUNT), 92),
        Heading(hand.say(labels.CAME), 30, right=True),
        Heading(hand.say(labels.WENT), 30, right=True),
        Heading(hand.say(labels.THERE), 30, right=True),
    ]
    several = book.facts.cycle > 1
    rows = [
        [
            hand.account(one.name, book.names, many_cycles=several),
            *(_amount(book, hand, minor) for minor in (one.came_minor, one.went_minor, one.balance_minor)),
        ]
        for one in shown
    ]
    paper.listing(columns, rows, size=7.5)


# --- one member's statement ------------------------------------------------------------------------------


def _statement(paper: Sheet, book: Book, hand: Hand) -> None:
    member, totals = book.members[0], book.totals

    def money(minor: int) -> str:
        return hand.money(minor, book.facts.currency)

    paper.section(hand.say(labels.SUMMARY))
    items = [
        (hand.say(labels.TOTAL_OWED), money(member.owed_minor)),
        (hand.say(labels.TOTAL_PAID_IN), money(totals.paid_in_minor)),
        (hand.say(labels.TOTAL_OPEN), money(member.open_minor)),
        (hand.say(labels.TOTAL_LATE), money(member.late_minor)),
        (hand.say(labels.ADVANCE), money(member.advance_minor)),
        (hand.say(labels.TOTAL_RECEIVED), money(member.received_minor)),
        (hand.say(labels.PROMISED), money(member.promised_minor)),
    ]
    if member.held_minor:
        items.append((hand.say(labels.IN_HAND), money(member.held_minor)))
    paper.pairs(items)
    _own_dues(paper, book, hand)
    _own_payments(paper, book, hand)
    _payouts(paper, book, hand)


def _own_dues(paper: Sheet, book: Book, hand: Hand) -> None:
    paper.section(hand.say(labels.DUES))
    if not book.dues:
        paper.paragraph(hand.say(labels.NOTHING), 9)
        return
    columns = [
        Heading(hand.say(labels.ROUND), 12, right=True),
        Heading(hand.say(labels.DUE_ON), 36),
        Heading(hand.say(labels.FOR), 22),
        Heading(hand.say(labels.LOT), 10, right=True),
        Heading(hand.say(labels.DUE), 20, right=True),
        Heading(hand.say(labels.PAID), 20, right=True),
        Heading(hand.say(labels.OPEN), 20, right=True),
        Heading(hand.say(labels.STATE), 18),
        Heading(hand.say(labels.RECEIPTS), 24),
    ]
    now = book.facts.as_of
    rows = [
        [
            _round_name(book, due.cycle, due.round),
            hand.day(due.due_at),
            hand.word(labels.KINDS, due.kind),
            str(due.lot),
            *(_amount(book, hand, minor) for minor in (due.amount_minor, due.paid_minor, due.open_minor)),
            hand.word(labels.STATES, due.status(now)),
            due.receipts,
        ]
        for due in book.dues
    ]
    owed = sum(due.amount_minor for due in book.dues)
    sums = (owed, sum(due.paid_minor for due in book.dues), sum(due.open_minor for due in book.dues))
    total = ["", hand.say(labels.TOTAL), "", "", *(_amount(book, hand, minor) for minor in sums), "", ""]
    paper.listing(columns, rows, total=total)


def _own_payments(paper: Sheet, book: Book, hand: Hand) -> None:
    paper.section(hand.say(labels.CONTRIBUTIONS))
    if not book.payments:
        paper.paragraph(hand.say(labels.NOTHING), 9)
        return
    columns = [
        Heading(hand.say(labels.RECEIPT), 22),
        Heading(hand.say(labels.RECORDED_ON), 38),
        Heading(hand.say(labels.AMOUNT), 24, right=True),
        Heading(hand.say(labels.STATE), 26),
        Heading(hand.say(labels.ROUNDS), 28),
        Heading(hand.say(labels.HELD_BY), 44),
    ]
    went_to = rounds_of_receipts(book)
    rows = [
        [
            one.receipt,
            hand.day(one.recorded_at or one.claimed_at),
            _amount(book, hand, one.amount_minor),
            hand.word(labels.STATES, one.status) + (f": {one.reason}" if one.reason else ""),
            went_to.get(one.receipt, hand.say(labels.ADVANCE) if one.standing else ""),
            book.names[one.held_by] if one.held_by else "",
        ]
        for one in book.payments
    ]
    standing = sum(one.amount_minor for one in book.payments if one.standing)
    total = ["", hand.say(labels.TOTAL), _amount(book, hand, standing), "", "", ""]
    paper.listing(columns, rows, total=total)
