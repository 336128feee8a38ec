"""The words of a paper book: its sheets, their columns and the rows of the sheet ``book``, in English and Amharic.

Owns the vocabulary, what each word means to the organiser who fills it in, and how forgiving a heading is matched.
A new rule of a group is one more line in ``RULES``; the template, the reading and the guide follow from it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from core.folding import fold, within_one_edit
from core.imports import values


@dataclass(frozen=True)
class Column:
    """A column: its key, what it is called (the first name stands in the template), what belongs in it."""

    key: str
    names: tuple[str, ...]
    about: str
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class SheetWords:
    """A sheet: its key, what it is called, what it is for, its columns."""

    key: str
    names: tuple[str, ...]
    about: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class RuleWord:
    """A row of the sheet ``book``. ``field``: of the group's rules, or None for what the book says of itself."""

    key: str
    names: tuple[str, ...]
    about: str
    read: Callable[[str, str], Any]
    field: str | None = None
    # The rule's own word after SET: the value is read as it is there, and such a row may stand more than once.
    set_word: str | None = None
    required: bool = False
    example: str = ""
    choices: tuple[str, ...] = ()


_MEMBER_NAMES = ("member", "member no", "member number", "who", "holder", "name", "አባል", "የአባል ቁጥር", "ስም", "ባለ ዕጣ")
_LOT_NAMES = ("lot", "lot no", "lot number", "lots", "winner", "lot drawn", "ዕጣ", "የዕጣ ቁጥር", "የወጣው ዕጣ", "ዕጣ ቁጥር")
_ROUND_NAMES = ("round", "round no", "round number", "ዙር", "የዙር ቁጥር", "ዙር ቁጥር")
_DATE_NAMES = ("date", "day", "on", "when", "held on", "due date", "paid on", "ቀን", "የመክፈያ ቀን", "የተከፈለበት ቀን")
_AMOUNT_NAMES = ("amount", "sum", "birr", "money", "paid", "owed", "መጠን", "ብር", "የገንዘብ መጠን", "ገንዘብ")
_NOTE_NAMES = ("note", "notes", "remark", "remarks", "comment", "ማስታወሻ")

SHEETS = (
    SheetWords(
        "book",
        ("book", "rules", "equb", "settings", "መዝገብ", "ደንብ", "ደንቦች", "እቁብ"),
        "The equb and its rules, one in each row.",
        (
            Column("what", ("what", "rule", "ምን", "ደንብ"), "which rule", required=True),
            Column("value", ("value", "answer", "ዋጋ", "እሴት", "መልስ"), "what it is in this equb", required=True),
            Column("about", ("about", "what it means", "explanation", "ማብራሪያ"), "explained; not read"),
        ),
    ),
    SheetWords(
        "people",
        ("people", "members", "persons", "names", "ሰዎች", "አባላት", "አባል"),
        "Everybody in the equb, once.",
        (
            Column(
                "number",
                ("number", "no", "nr", "#", "member no", "ቁጥር", "ተ.ቁ", "ተራ ቁጥር"),
                "1, 2, 3 … as in your book; left empty they are counted",
            ),
            Column(
                "name",
                ("name", "full name", "member", "ስም", "ሙሉ ስም", "የአባል ስም"),
                "name and father's name",
                required=True,
            ),
            Column(
                "phone",
                ("phone", "mobile", "telephone", "tel", "phone number", "ስልክ", "ስልክ ቁጥር"),
                "by which they write to us; 0911… or +251911…",
            ),
            Column(
                "role",
                ("role", "office", "ኃላፊነት", "ሚና", "ሥራ"),
                "organiser (exactly one), secretary, collector, or empty",
                choices=("organiser", "secretary", "collector", "member"),
            ),
            Column(
                "language",
                ("language", "lang", "ቋንቋ"),
                "in which we write to them: am, en",
                choices=("am", "en", "om", "ti", "so"),
            ),
        ),
    ),
    SheetWords(
        "lots",
        ("lots", "lot", "shares", "holdings", "ዕጣዎች", "ዕጣ", "ድርሻዎች", "ድርሻ"),
        "Who holds which lot. A shared lot has a row for each holder; the shares of a lot add up to 1.",
        (
            Column("lot", _LOT_NAMES, "the number of the lot, from 1", required=True),
            Column("member", _MEMBER_NAMES, "number or name as in people", required=True),
            Column("share", ("share", "part", "portion", "ድርሻ"), "1, 1/2, 0.5, ½ …; empty is the whole lot"),
        ),
    ),
    SheetWords(
        "rounds",
        ("rounds", "round", "draws", "rounds held", "ዙሮች", "ዙር", "ዕጣ የወጣባቸው"),
        "The rounds that have been held, and the lot that came up in each.",
        (
            Column("round", _ROUND_NAMES, "1, 2, 3 … in order", required=True),
            Column("date", _DATE_NAMES, "the day it fell due and was drawn", required=True),
            Column(
                "lot",
                _LOT_NAMES,
                "the lot that came up; several as 3, 7. Where turns are fixed, also of rounds to come",
                required=True,
            ),
        ),
    ),
    SheetWords(
        "payments",
        ("payments", "payment", "cash", "cash book", "money", "ክፍያዎች", "ክፍያ", "ገንዘብ", "ጥሬ ገንዘብ"),
        "Money that came in and went out, one line each.",
        (
            Column("date", _DATE_NAMES, "the day; empty with a round is the day of that round"),
            Column(
                "what",
                ("what", "in or out", "in/out", "kind", "type", "ዓይነት", "ገቢ ወይም ወጪ", "ገቢ/ወጪ"),
                "in: a contribution; out: a pot, or a part of one; fee: what the organiser took; fine: one that was"
                " paid; spent: out of a fund",
                choices=("in", "out", "fee", "fine", "spent"),
            ),
            Column("member", _MEMBER_NAMES, "who paid or received: number or name as in people", required=True),
            Column("amount", _AMOUNT_NAMES, "1000 · 1,000 · 1 000 birr", required=True),
            Column(
                "method",
                ("method", "how", "way", "መንገድ", "ዘዴ", "የክፍያ መንገድ"),
                "cash, bank or wallet; empty is cash",
                choices=("cash", "bank", "wallet"),
            ),
            Column(
                "officer",
                ("officer", "held by", "received by", "paid by", "collector", "by", "የተቀበለው", "ተቀባይ", "ሰብሳቢ", "የከፈለው"),
                "who took it in or paid it out; empty is the organiser",
            ),
            Column("round", _ROUND_NAMES, "for which round; empty is the oldest that is open"),
            Column("lot", _LOT_NAMES, "for which lot, where somebody has several"),
            Column(
                "receipt",
                ("receipt", "receipt no", "reference", "ref", "ደረሰኝ", "የደረሰኝ ቁጥር", "የግብይት ቁጥር"),
                "as it stands on your receipt",
            ),
            Column("note", _NOTE_NAMES, "for yourself"),
            Column("fund", ("fund", "out of the fund", "ሳጥን", "ፈንድ"), "of which fund something was spent"),
        ),
    ),
    SheetWords(
        "debts",
        ("debts", "debt", "owed", "arrears", "ዕዳዎች", "ዕዳ", "ያልተከፈለ"),
        "What each still owes of the rounds held, as your book says; it is compared with the lines.",
        (
            Column("member", _MEMBER_NAMES, "number or name as in people", required=True),
            Column("amount", _AMOUNT_NAMES, "what is still owed", required=True),
            Column("note", _NOTE_NAMES, "for yourself"),
            Column(
                "of",
                ("of", "for", "debt of", "የምን", "ስለ"),
                "rounds: of the rounds held (empty is that); fine: a fine not paid; earlier: of a cycle before",
                choices=("rounds", "fine", "earlier"),
            ),
            Column(
                "to", ("to", "owed to", "ለማን", "ለ"), "of an earlier cycle: to whom it is owed; empty: the organiser"
            ),
        ),
    ),
    SheetWords(
        "guarantors",
        ("guarantors", "guarantor", "guarantees", "ዋሶች", "ዋስ"),
        "Who answers for whom, where members have guarantors.",
        (
            Column("member", _MEMBER_NAMES, "for whom: number or name as in people", required=True),
            Column("guarantor", ("guarantor", "answers", "ዋስ", "ዋሱ"), "who answers for them", required=True),
        ),
    ),
)
BY_KEY = {words.key: words for words in SHEETS}
# The template explains itself on a sheet that says nothing to us.
EXPLAINED = ("read me", "readme", "help", "explained", "how to", "ማብራሪያ", "መመሪያ")

# Rules that are said as after SET: key, names, what they mean, what may be chosen from.
_SET_ROWS: tuple[tuple[str, tuple[str, ...], str, tuple[str, ...]], ...] = (
    ("day", ("due day", "market day", "የመክፈያ ዕለት", "የገበያ ቀን"), "tuesday, 15, 15 ethiopian, last sunday", ()),
    ("holidays", ("holidays", "holiday", "በዓላት", "በዓል"), "ET, or ET before: due days move", ()),
    (
        "order",
        ("order", "how lots are found", "ቅደም ተከተል", "የዕጣ ቅደም ተከተል"),
        "drawn, once, fixed, need or auction; one more row for a later round: need from 4",
        ("drawn", "once", "fixed", "need", "auction"),
    ),
    ("auction", ("auction", "ጨረታ"), "open step 50 max 30% setoff; sealed dividend", ()),
    ("first", ("first to the organiser", "first pot to the organiser", "የመጀመሪያው ለሰብሳቢ"), "yes or no", ("yes", "no")),
    (
        "guarantors",
        ("guarantors needed", "number of guarantors", "የዋስ ብዛት"),
        "how many each needs before receiving",
        (),
    ),
    ("fine", ("fine", "late fine", "ቅጣት"), "50, 5%, 20 daily max 200, 50 lot to organiser", ()),
    ("deduct", ("deduction", "deducted", "taken of each pot", "ተቀናሽ"), "reserve 2%, food 60 first; a row for each", ()),
    ("netting", ("netting", "own contribution set off", "ማቻቻል"), "yes: what the winner owes is kept", ("yes", "no")),
    (
        "pot",
        ("when a pot is not full", "pot not full", "shortfall", "እቁቡ ካልሞላ"),
        "there, wait, reserve or guarantor",
        ("there", "wait", "reserve", "guarantor"),
    ),
    ("loan", ("loans", "loan", "ብድር"), "how much of a pot may be lent: 50%", ()),
    ("thing", ("thing", "pot in kind", "ዕቃ"), "what the pot is, when it is no money: gabi", ()),
    ("late", ("late joiners", "late joining", "ዘግይቶ የሚገባ"), "back, short or no", ("back", "short", "no")),
    ("leaving", ("leaving", "fee for leaving", "መውጣት"), "what who leaves loses: 5%", ()),
    ("debts", ("old debts", "debts of an earlier cycle", "የድሮ ዕዳ"), "ask, bar or keep", ("ask", "bar", "keep")),
    ("closing", ("closing", "funds at the end", "መዝጊያ"), "carry or share", ("carry", "share")),
    ("vote", ("rule changes", "vote", "ድምጽ"), "who changes rules: no (officers), 60%", ()),
)

RULES = (
    RuleWord(
        "name",
        ("name of the equb", "name", "equb", "የእቁቡ ስም", "ስም"),
        "how the equb is called",
        values.text,
        required=True,
        example="Merkato",
    ),
    RuleWord(
        "contribution",
        ("contribution", "amount", "paid each round", "መዋጮ", "መጠን", "የእያንዳንዱ ዕጣ መዋጮ"),
        "what one lot pays each round",
        values.amount,
        "contribution_minor",
        required=True,
        example="1,000",
    ),
    RuleWord(
        "lots",
        ("lots", "number of lots", "የዕጣ ብዛት", "ዕጣዎች"),
        "how many lots there are",
        values.count,
        "lots",
        required=True,
        example="4",
    ),
    RuleWord(
        "rhythm",
        ("rhythm", "how often", "every", "በየስንት ጊዜ", "ጊዜ"),
        "daily, weekly, monthly, every 5 days",
        values.rhythm,
        "rhythm",
        required=True,
        example="weekly",
        choices=("daily", "weekly", "monthly"),
    ),
    RuleWord(
        "lots_per_round",
        ("lots per round", "lots drawn each round", "drawn each round", "በየዙሩ የሚወጡ ዕጣዎች", "በዙር የሚወጣ ዕጣ"),
        "how many lots come up in a round; empty is 1",
        values.count,
        "lots_per_round",
    ),
    RuleWord(
        "fee",
        ("organiser's fee", "fee", "commission", "የሰብሳቢ ክፍያ", "ኮሚሽን"),
        "kept of each pot: 5%, 500, 2 instalments; empty is nothing",
        values.fee,
        "fee",
    ),
    RuleWord(
        "due_hour",
        ("due hour", "hour", "የመክፈያ ሰዓት", "ሰዓት"),
        "the hour dues fall due, 0 to 23; empty is 18, six in the evening",
        values.hour,
        "due_hour",
        example="18",
    ),
    RuleWord(
        "grace_hours",
        ("hours of grace", "grace", "grace hours", "የእፎይታ ሰዓታት"),
        "from falling due to the cut-off; empty is 0",
        values.hours,
        "grace_hours",
    ),
    RuleWord(
        "draw_delay_minutes",
        ("minutes to the draw", "draw delay", "draw delay minutes", "እስከ ዕጣው ደቂቃዎች"),
        "from the cut-off to the draw; empty is 10",
        values.hours,
        "draw_delay_minutes",
    ),
    RuleWord(
        "redraw_hours",
        ("hours to the next try", "redraw hours", "እንደገና እስኪሞከር ሰዓታት"),
        "when no lot may be drawn; empty is 24",
        values.hours,
        "redraw_hours",
    ),
    RuleWord(
        "remind_hours",
        ("reminder hours before", "remind hours", "ማሳሰቢያ"),
        "before dues fall due; 0 is no reminder, empty is 24",
        values.hours,
        "remind_hours",
    ),
    RuleWord(
        "payout_approval",
        ("payouts need approval", "payout approval", "የክፍያ ማጽደቅ"),
        "yes: a second person agrees before a pot is paid",
        values.yes_or_no,
        "payout_approval",
        choices=("yes", "no"),
    ),
    *(
        RuleWord(f"set.{key}", names, about, values.text, set_word=key, choices=choices)
        for key, names, about, choices in _SET_ROWS
    ),
    RuleWord(
        "pot",
        ("pot", "the pot", "የእቁቡ መጠን", "ድምር"),
        "what a lot receives, as your book says; it is compared",
        values.amount,
    ),
    RuleWord(
        "cash_in_hand",
        ("cash in hand", "balance", "in hand", "ቀሪ ሂሳብ", "በእጅ ያለ"),
        "what the officers hold together, as your book says; it is compared",
        values.amount_or_nothing,
    ),
    RuleWord(
        "calendar",
        ("calendar", "dates are", "የቀን አቆጣጠር", "አቆጣጠር"),
        "ethiopian or gregorian: how the dates in your book are meant",
        values.calendar,
        choices=("ethiopian", "gregorian"),
    ),
    RuleWord(
        "currency", ("currency", "ገንዘብ ዓይነት", "ምንዛሪ"), "ETB unless you say otherwise", values.currency, example="ETB"
    ),
)

_MARKS = re.compile(r"[^\w#]+|_")


def plain(heading: str) -> str:
    """A heading for comparing: folded, without signs, without what stands in brackets."""
    return " ".join(_MARKS.sub(" ", fold(re.sub(r"\(.*?\)|\[.*?\]", " ", heading))).split())


@lru_cache(maxsize=4096)
def _plain_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(plain(name) for name in names)


def find(heading: str, among: Sequence[tuple[str, tuple[str, ...]]]) -> str | None:
    """The key whose names hold this heading, or one that is a single letter away from it and no other."""
    wanted = plain(heading)
    if not wanted:
        return "number" if heading.strip() in ("#", "№") and any(key == "number" for key, _ in among) else None
    for key, names in among:
        if wanted in _plain_names(names):
            return key
    near = {
        key
        for key, names in among
        if any(len(name) >= 5 and within_one_edit(wanted, name) for name in _plain_names(names))
    }
    return near.pop() if len(near) == 1 else None


def sheet_of(name: str) -> SheetWords | None:
    """The sheet that a name or a file's name stands for: ``payments``, ``Merkato payments 2019``, ``ክፍያዎች``."""
    known = [(words.key, words.names) for words in SHEETS]
    key = find(name, known)
    if key is None:
        # A file is often called after the equb and the sheet together; exactly one of its words must say which.
        said = {found for word in plain(name).split() if (found := find(word, known)) is not None}
        key = said.pop() if len(said) == 1 else None
    return BY_KEY[key] if key else None


def is_explanation(name: str) -> bool:
    """Whether a sheet is the template's own explanation."""
    return plain(name) in _plain_names(EXPLAINED)


def column_of(words: SheetWords, heading: str) -> Column | None:
    """The column that a heading stands for."""
    key = find(heading, [(column.key, column.names) for column in words.columns])
    return next((column for column in words.columns if column.key == key), None)


def rule_of(said: str) -> RuleWord | None:
    """The rule that a row of the sheet ``book`` is about."""
    key = find(said, [(rule.key, rule.names) for rule in RULES])
    return next((rule for rule in RULES if rule.key == key), None)
