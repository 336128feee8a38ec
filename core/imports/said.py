"""What is said of a line of a paper book: what was understood of it, and what is the matter, a sentence for each code.

The codes are stable; the sentences stand in the catalogues like all others, and are said in the reader's language.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from core import sentences as say
from core.calendar import to_ethiopian
from core.messages import MONTHS, N_, TELEGRAM, Kind, Message, Reader, sentence, unpack

PROBLEMS = {
    # single cells
    "amount.not_positive": N_("An amount is more than nothing: {said}."),
    "amount.not_understood": N_("This is not an amount: {said}. Write it like 1,000 or 1000.50."),
    "amount.too_fine": N_("This may mean two amounts, or has too many digits after the point: {said}."),
    "amount.too_large": N_("This amount is too large: {said}."),
    "cell.formula": N_("A formula is not read: write what it comes to."),
    "cell.is_a_date": N_("The spreadsheet made a date of this ({said}): make the cell text and write it again."),
    "cell.missing": N_("Nothing stands under {heading}."),
    "date.in_future": N_("This day is still to come: {said}."),
    "date.missing": N_("The day is missing, and no round says which it may be."),
    "date.month_first": N_("Write the day before the month: {said}."),
    "date.not_understood": N_("This is no day: {said}. Write it like 22/11/2026, 2026-11-22 or 13 Hidar 2019."),
    "date.two_calendars": N_(
        "{said} may be {gregorian} or, in the Ethiopian calendar, {ethiopian}. Write E.C. or G.C. after it, "
        "or say in the sheet book which calendar it is."
    ),
    "date.year": N_("Write the year with four digits: {said}."),
    "hour.not_understood": N_("This is no hour from 0 to 23: {said}."),
    "name.not_understood": N_("A name has letters."),
    "name.too_long": N_("This name is too long."),
    "number.not_understood": N_("This is no whole number from 1: {said}."),
    "phone.not_understood": N_("This is no phone number."),
    "rhythm.not_understood": N_("This is no rhythm: {said}. Write daily, weekly, monthly or every 5 days."),
    "share.is_a_date": N_("The spreadsheet made a date of this share ({said}): write 0.5 or ½, or make the cell text."),
    "share.not_understood": N_("This is no share of one lot: {said}. Write 1, 1/2, 0.5 or ½."),
    "share.out_of_range": N_("This is no share of one lot: {said}."),
    "share.too_fine": N_("This share is too fine: {said}. The finest is one hundredth."),
    "word.not_understood": N_("{said} is none of: {offered}."),
    # sheets and columns
    "column.missing": N_("The column {heading} is missing."),
    "column.twice": N_("Two columns are called {heading}: {first} and {second}."),
    "column.unknown": N_("The column {heading} is not known and is not read."),
    "line.too_many_cells": N_(
        "There is more in this line than there are headings: {said}. An amount with a comma in it must stand "
        "between quotation marks in a CSV."
    ),
    "sheet.missing": N_("The sheet {name} is missing."),
    "sheet.no_headings": N_("No line with headings was found in this sheet."),
    "sheet.twice": N_("Two sheets are meant to be {name}."),
    "sheet.unknown": N_("The sheet {name} is not known and is not read."),
    # the book
    "group.name_not_understood": N_("The equb needs a name with letters or digits."),
    "group.name_too_long": N_("The name of the equb is too long."),
    "rule.missing": N_("The book does not say: {name}."),
    "rule.not_understood": N_(
        "I did not understand this rule: {said}. Write it as after the word SET, for example {example}."
    ),
    "rule.twice": N_("{name} is said twice."),
    "rule.unknown": N_("{said} is not a rule that is known here, and is not read."),
    "rules.malformed": N_("This is outside what a rule may be: {what}."),
    "rules.refused": N_("The rules do not add up. {what}"),
    # people and lots
    "guarantor.oneself": N_("Nobody is guarantor for themselves."),
    "guarantor.twice": N_("{name} stands twice as guarantor here."),
    "lot.member_twice": N_("{name} stands twice at lot {lot}."),
    "lot.not_whole": N_("The shares of lot {lot} add up to {sum}, not to 1."),
    "lot.unknown": N_("There is no lot {lot}: they go from 1 to {lots}."),
    "lots.missing": N_("Nobody holds lot {lots}."),
    "member.ambiguous": N_("{said} may be several people: {who}. Write the number."),
    "member.holds_nothing": N_("{name} holds no lot."),
    "member.unknown": N_("{said} is nobody in the sheet people."),
    "people.known": N_("This number is {known}'s already: they come in under that name."),
    "people.no_organiser": N_("One person must have the role organiser."),
    "people.number_twice": N_("Number {number} is given twice."),
    "people.organisers": N_("There can be one organiser only."),
    "people.phone_missing": N_("Without a phone they hear nothing and cannot write."),
    "people.phone_twice": N_("This number is also in line {other}."),
    "people.same_person": N_("They are the same person here as in line {other}: both numbers are theirs."),
    "people.too_many": N_("There are more than {most} people."),
    # rounds
    "order.auctioned": N_(
        "Round {round} was auctioned: it is taken that nothing was left to the others and the whole pot was paid."
    ),
    "order.turn_missing": N_(
        "Lot {lots} has no turn yet: enter the rounds to come with their lots, or they follow by number."
    ),
    "round.drawn_count": N_("{count} lots stand at round {round}; the rules draw {wanted} in a round."),
    "round.lot_twice": N_("Lot {lot} came up in round {other} already."),
    "round.missing": N_("Round {round} is missing: rounds are held one after another."),
    "round.not_after": N_("Round {round} is not after the round before it."),
    "round.too_many": N_("There are only {rounds} rounds in the cycle."),
    "round.twice": N_("Round {round} stands twice, on different days."),
    "rounds.late": N_(
        "By the rhythm, round {round} was due on {due}. It is planned for {planned}; if it was held, enter it."
    ),
    "rounds.none": N_("No round has been held yet: round 1 is opened at once."),
    # payments
    "fee.assumed": N_(
        "Of the pot of round {round}, {amount} is reckoned as the organiser's fee by now, by what had come in "
        "when it was paid out."
    ),
    "fine.no_lot": N_("{name} holds no lot, and can owe no fine."),
    "fund.missing": N_("Say in the column fund what it was spent of."),
    "fund.not_enough": N_("The fund {fund} held {there}; this makes {taken}."),
    "fund.unknown": N_("{said} is no fund of this equb: {offered}."),
    "payment.fee_too_much": N_("The organiser's fee of the pots paid so far is {earned}; this makes {taken}."),
    "payment.in_advance": N_("{amount} of this is more than was due, and counts as paid in advance."),
    "payment.lot_not_theirs": N_("{name} holds nothing of lot {lot}."),
    "payment.no_pot": N_("No pot is due to {name} here: their lot has not come up, or they have had all of it."),
    "payment.officer": N_("{name} has no office that may do this."),
    "payment.pot_too_much": N_("This is {more} more than the pot still holds for {name}."),
    "payment.round_day": N_("The day is missing: the day of round {round} is taken."),
    "payment.too_much": N_("{name} would have paid {more} more than the whole cycle asks of them."),
    "payment.twice": N_("The same stands in line {other} too. If it is one payment, remove one."),
    # what must add up
    "cash.differs": N_("The book says {said} in hand; by the lines it is {found}, {direction}."),
    "cash.negative": N_("By the lines {name} paid out {amount} more than they took in."),
    "debt.differs": N_("The book says that {name} owes {said}; by the lines it is {found}, {direction}."),
    "debt.not_listed": N_("{name} owes {found} by the lines, and is not among the debts."),
    "debt.to_oneself": N_("{name} cannot owe it to themselves."),
    "debt.twice": N_("{name} stands twice among the debts."),
    "pot.overdrawn": N_(
        "Out of the pot of round {round} went {out}, and only {came_in} came in: {more} more than there was."
    ),
}

# What was understood, by what kind of line it is.
UNDERSTOOD = {
    "rule": N_("{what}: {value}"),
    "person": N_("no. {number} {name}, {phone}, {role}"),
    "no_phone": N_("no phone"),
    "lot": N_("lot {lot}: {share} of it is held by {name} (no. {number})"),
    "round": N_("round {round}, {on}: lot {lots}, drawn on paper"),
    "turn": N_("round {round}, {on}: the turn of lot {lots}"),
    "in": N_("{on}: {name} (no. {number}) paid {amount}, {way}"),
    "out": N_("{on}: {name} (no. {number}) got {amount}, {way}"),
    "fee": N_("{on}: {name} (no. {number}) took {amount} as the organiser's fee, {way}"),
    "fine": N_("{on}: {name} (no. {number}) paid a fine of {amount}, {way}"),
    "spent": N_("{on}: {amount} of the fund {fund} was spent, {way}"),
    "cash_held": N_("in cash, {name} holds it"),
    "cash_paid": N_("in cash, paid by {name}"),
    "bank": N_("by bank"),
    "wallet": N_("by wallet"),
    "for_round": N_("{said} (round {round})"),
    "for_lot": N_("{said} (lot {lot})"),
    "debt": N_("{name} (no. {number}) owes {amount}"),
    "debt_fine": N_("{name} (no. {number}) owes a fine of {amount}"),
    "debt_earlier": N_("{name} (no. {number}) owes {amount} of an earlier cycle to {to}"),
    "guarantor": N_("{guarantor} answers for {name}"),
    "less": N_("{difference} less"),
    "more": N_("{difference} more"),
    "paper_day": N_("{day} {month} {year} ({digits})"),
}
KINDS = {f"book.{name}": Kind(f"book.{name}", text) for name, text in (PROBLEMS | UNDERSTOOD).items()}
_ALL: Mapping[str, Kind] = say.KINDS | KINDS


def message(name: str, /, **facts: Any) -> Message:
    """A sentence about a line, by its name above."""
    return Message(KINDS[f"book.{name}"], facts)


def day(on: date) -> Message:
    """A day as a book has it: the Ethiopian one first, the Gregorian in digits."""
    year, month, number = to_ethiopian(on)
    facts = {"day": number, "month": Message(MONTHS[month - 1], {}), "year": year, "digits": f"{on:%d/%m/%Y}"}
    return message("paper_day", **facts)


def spoken(said: Message | Mapping[str, Any] | str, language: str = "en") -> str:
    """The words in a language. ``said``: a message, or one as it is kept."""
    if isinstance(said, str):
        return said
    whole = said if isinstance(said, Message) else unpack(said, _ALL)
    return sentence(whole, Reader(language, TELEGRAM))
