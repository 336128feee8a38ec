"""Sentences about papers: statements, the book, the circle, receipts."""

from core.messages import N_
from core.sentences.making import kind, refusal

STATEMENT = kind("statement", N_("{group}, {name}: paid in {paid}, still owed {owed}, received {received}."))
STATEMENT_LINK = kind(
    "statement_link",
    N_("{group}, {name}: paid in {paid}, still owed {owed}, received {received}. To print, within a week: {url}"),
    N_("{group}, {name}: paid in {paid}, owed {owed}, received {received}. To print: {url}"),
)
BOOK = kind("book", N_("{group}, the whole book: paid in {paid}, paid out {out}, in hand {hand}."))
BOOK_LINK = kind(
    "book_link",
    N_("{group}, the whole book: paid in {paid}, paid out {out}, in hand {hand}. To print, within a week: {url}"),
    N_("{group}: paid in {paid}, paid out {out}, in hand {hand}. To print: {url}"),
)
CIRCLE = kind("circle", N_("{group}, round {round} of {rounds}: {collected} of {pot}. Received so far: lot {lots}."))
CIRCLE_NONE = kind(
    "circle_none", N_("{group}, round {round} of {rounds}: {collected} of {pot}. No lot has received yet.")
)
CIRCLE_LINK = kind("circle_link", N_("{circle} Picture: {url}"))
RECEIPT_SHOWN = kind(
    "receipt_shown",
    N_(
        "{group}, receipt {code}: {amount} from {name} (no. {number}) for round {rounds}, {on}. Recorded by {by}: "
        "{state}."
    ),
)
RECEIPT_SHOWN_AHEAD = kind(
    "receipt_shown_ahead",
    N_("{group}, receipt {code}: {amount} from {name} (no. {number}) in advance, {on}. Recorded by {by}: {state}."),
)
RECEIPT_CLAIM = kind(
    "receipt_claim", N_("{group}, no. {code}: {amount} of {name} (no. {number}), {on}: {state}, not recorded.")
)
THE_OFFICE = kind("the_office", N_("the office"))
ASK_RECEIPT = kind("ask_receipt", N_("Which receipt? Write its code."))
NO_PAPER = kind("no_paper", N_("The paper could not be made now. Please ask for it again later."))

ABOUT_STATEMENT = kind("about_statement", N_("Brings your statement, to keep or to print. Officers: STATEMENT 7."))
ABOUT_BOOK = kind("about_book", N_("Brings officers the whole book of the equb, to print and to sign."))
ABOUT_CIRCLE = kind("about_circle", N_("Shows the circle: who has received, who has paid, who is due."))
ABOUT_RECEIPT = kind("about_receipt", N_("Shows a receipt again: RECEIPT and its code."))

refusal("paper.too_many", N_("You have asked for {most} papers today. Please try again tomorrow."))
refusal("paper.unknown", N_("There is no such paper, or no longer."))
