"""What people type is understood, and what may mean two things is not: words, numbers, days, hours, five languages.

The corpora (``tests/corpus``) are what real people type, written by somebody who had not read the code. Each line of
them says what it means; a wrong amount or a wrong recipient is a fault, a line that is not understood costs an answer.
How many are understood stands in ``docs/understanding.md``, which is written by ``UNDERSTANDING=write`` and this file.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from doors import Doors
from hypothesis import assume, given
from hypothesis import strategies as st
from num2words import num2words  # type: ignore[import-untyped]

from core import catalogues, lexicon, phones
from core.calendar import to_ethiopian
from core.db import transaction
from core.errors import Refusal
from core.messages import SMS, Reader, show
from core.money import Money
from core.talking import understanding, words
from core.talking.understanding import amount, day, hour, number, share

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "understanding.md"
LANGUAGES = ("en", "am", "om", "ti", "so")
# The day on which the corpora were written.
TODAY = date(2026, 11, 22)


@dataclass(frozen=True)
class Line:
    """One line of a corpus: what was typed, the command it means, and what belongs to it."""

    typed: str
    word: str
    rest: tuple[tuple[str, str], ...]

    def all(self, key: str) -> list[str]:
        return [value for name, value in self.rest if name == key]


@lru_cache(maxsize=8)
def corpus(language: str) -> tuple[Line, ...]:
    with (ROOT / "tests" / "corpus" / f"{language}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = []
    for row in rows:
        pairs = [part.partition("=") for part in (row["rest"] or "").split(";") if part]
        lines.append(Line(row["typed"], row["word"], tuple((key.strip(), value.strip()) for key, _, value in pairs)))
    return tuple(lines)


# --- The corpora -----------------------------------------------------------------------------------------------

# Commands that move money or change who receives it.
MOVING = frozenset(
    {"PAY", "CASH", "PAYOUT", "SPEND", "LOAN", "FINE", "HANDOVER", "BID", "SWAP", "PASS", "MERGE", "TURN"}
)


@dataclass
class Score:
    """How a corpus fared."""

    lines: int = 0
    commands: int = 0
    right: int = 0
    other: int = 0
    talk: int = 0
    left_alone: int = 0


def scored(language: str) -> tuple[Score, list[tuple[str, str, str]]]:
    score, others = Score(), []
    for line in corpus(language):
        meant = words.heard(line.typed, language)
        heard = meant.command if meant else "none"
        score.lines += 1
        if line.word == "none":
            score.talk += 1
            score.left_alone += heard == "none"
        else:
            score.commands += 1
            score.right += heard == line.word
            if heard not in (line.word, "none"):
                score.other += 1
                others.append((line.typed, heard, line.word))
    return score, others


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_corpus_is_large_and_knows_every_command(language: str) -> None:
    lines = corpus(language)
    assert len(lines) >= 400
    assert len({line.typed for line in lines}) > 0.98 * len(lines)
    assert {line.word for line in lines} <= set(words.commands()) | {"none"}
    assert sum(line.word == "none" for line in lines) >= 60


@pytest.mark.parametrize("language", LANGUAGES)
def test_nobody_who_asks_something_else_moves_money(language: str) -> None:
    """Taken for another command now and then, but never for one that moves money."""
    _, others = scored(language)
    assert [other for other in others if other[1] in MOVING and other not in HARMLESS] == []


# Nothing comes of these: the amount, the member or the code that the command needs is not there, and it is asked for.
HARMLESS = {("fine thanks", "FINE", "THANKS")}


def page() -> str:
    rows = []
    for language in LANGUAGES:
        score, _ = scored(language)
        rows.append(
            f"| {language} | {score.lines} | {score.commands} | {score.right / score.commands:.1%} "
            f"| {score.other} | {score.talk} | {score.left_alone / score.talk:.0%} |"
        )
    return "\n".join(
        [
            "# How much of what people type is understood",
            "",
            "Written by `tests/test_understanding.py` (`UNDERSTANDING=write`) from the corpora in `tests/corpus`: what",
            "people type on a cheap phone, with slips, in Latin letters, in two languages at once, spoken into a voice",
            "keyboard. Each line was written by somebody who had not read the code.",
            "",
            "| language | lines | commands | understood | taken for another command | talk | left alone |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            "**Wrong amounts: 0. Wrong recipients: 0.** Every line that says PAY or CASH is sent through the webhook",
            "to a running equb, every question about it is answered with yes, and what the book holds afterwards is",
            "compared with what the line means. What is not understood gets an answer that says so; what is talk and",
            "begins with a command's word gets that command's own question or refusal, and nothing moves.",
            "",
        ]
    )


def test_the_page_tells_how_much_is_understood() -> None:
    if os.environ.get("UNDERSTANDING") == "write":
        PAGE.write_text(page())
    assert PAGE.read_text() == page()
    for language in LANGUAGES:
        score, _ = scored(language)
        assert score.right / score.commands > 0.9, language


def _same_name(whole: str, typed: str) -> bool:
    """Sara for Sara Tesfaye, and Alm where only Almaz begins so."""
    return whole in typed or whole.startswith(typed)


ORGANISER, PAYER = "+251911000001", "+251911000002"
# Members by number; names that the corpora use.
NAMES = ("Abebe", "Sara", "Almaz", "Lema", "Hana", "Dawit", "Tigist", "Kebede", "Chaltu", "Hodan", "Rahel", "Gemechu")


@pytest.fixture
async def running(doors: Doors) -> Any:
    return await doors.running(*((f"+2519110000{number_of:02}", name) for number_of, name in enumerate(NAMES, 1)))


async def _new_payments(doors: Doors, group: Any, seen: set[UUID]) -> list[tuple[int, int]]:
    """(member number, minor units) of payments that were not there before."""
    async with transaction(doors.tenant.id) as tx:
        rows = await tx.rows(
            "SELECT p.id, m.number, p.amount_minor FROM payments p JOIN members m"
            " ON m.group_id = p.group_id AND m.id = p.member_id WHERE p.group_id = $1",
            group.group_id,
        )
    new = [(int(row[1]), int(row[2])) for row in rows if row[0] not in seen]
    seen |= {row[0] for row in rows}
    return new


@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_line_pays_a_wrong_amount_or_for_a_wrong_member(doors: Doors, running: Any, language: str) -> None:
    seen: set[UUID] = set()
    wrong, paid = [], 0
    for line in corpus(language):
        if line.word not in ("PAY", "CASH", "none", "STATUS", "WHO", "FINE", "LOAN"):
            continue
        speaker = ORGANISER if line.word != "PAY" else PAYER
        # A question left open by the line before is nobody's answer to this one.
        answer = await doors.sms(speaker, line.typed)
        if "1 Yes" in answer:
            answer = await doors.sms(speaker, "YES")
        new = await _new_payments(doors, running, seen)
        await doors.sms(speaker, "STATUS")
        amounts = [int(Fraction(value) * 100) for value in line.all("amount") if value != "none"]
        members = [int(value) for value in line.all("number") if value.isdigit()]
        names = {value.casefold() for value in line.all("name")}
        for who, minor in new:
            paid += 1
            right_amount = line.word in ("PAY", "CASH") and minor in amounts
            mine = line.word == "PAY" and who == 2
            right_member = mine or who in members or any(_same_name(NAMES[who - 1].casefold(), name) for name in names)
            if not (right_amount and right_member):
                wrong.append((line.typed, who, minor, line.rest))
    assert not wrong, "\n".join(map(str, wrong))
    assert paid > 40, paid


# --- Numbers ---------------------------------------------------------------------------------------------------


@given(st.integers(1, 999_999))
def test_english_numbers_in_words_are_read_as_a_foreign_library_writes_them(value: int) -> None:
    said = num2words(value).replace("-", " ").replace(",", "")
    assert number(said) == value


@given(st.integers(1, 999_999))
def test_amharic_numbers_in_words_are_read_as_a_foreign_library_writes_them(value: int) -> None:
    try:
        said = num2words(value, lang="am")
    except TypeError:
        # The library has no words for some of them.
        assume(False)
    assert number(said) == value


@pytest.mark.parametrize(
    ("typed", "birr"),
    [
        ("አንድ ሺህ", 1_000),
        ("ሺ አምስት መቶ", 1_500),
        ("5 ሺህ", 5_000),
        ("5ሺህ", 5_000),
        ("አምስትመቶ ብር", 500),
        ("1 ሺህ 500", 1_500),
        ("1.5 ሺህ", 1_500),
        ("2k", 2_000),
        ("2.5k", 2_500),
        ("kuma tokko", 1_000),
        ("kuma tokko fi dhibba shan", 1_500),
        ("kuma tokkoofi dhibba shan", 1_500),
        ("kuma kudha lama", 12_000),
        ("kuma 2", 2_000),
        ("dhibba shan", 500),
        ("digdamii shan", 25),
        ("kun", 1_000),
        ("laba kun", 2_000),
        ("kun iyo shan boqol", 1_500),
        ("shan iyo labaatan", 25),
        ("saddex boqol", 300),
        ("ሓደ ሽሕን ሓሙሽተ ሚእትን", 1_500),
        ("ክልተ ሽሕ", 2_000),
        ("ሰለስተ ሚእቲ ብር", 300),
    ],
)
def test_an_amount_in_words_is_read(typed: str, birr: int) -> None:
    assert amount(typed.split(), "ETB") == (Money(birr * 100, "ETB"), [])


@pytest.mark.parametrize(
    "typed",
    [
        "one",
        "five seven",
        "five hundred six hundred",
        "አንድ ሁለት",
        "kuma dhibba tokko",
        "dhibba dhibba",
        "shan boqol laba kun toban kun",
        "1.2345k",
        "500 five",
        "0911223344",
        "911223344",
        "251911223344",
    ],
)
def test_what_may_be_two_amounts_is_none(typed: str) -> None:
    assert amount(typed.split(), "ETB") is None


def test_where_a_count_may_follow_a_thousand_and_digits_are_not_added() -> None:
    assert amount(["1", "ሺህ", "500", "12"], "ETB", mixed=False) is None
    assert amount(["1", "ሺህ", "12"], "ETB", mixed=False) == (Money(100_000, "ETB"), ["12"])


def _every_number() -> Iterator[tuple[str, int]]:
    for language in lexicon.languages():
        for key, names in lexicon.read(language)["numbers"].items():
            if key.isdigit():
                for name in names:
                    yield name, int(key)


@pytest.mark.parametrize(("name", "value"), sorted(set(_every_number())))
def test_every_word_for_a_number_is_that_number(name: str, value: int) -> None:
    # "and" is one in Amharic and joins in English: alone it is nothing else.
    assert number(name) == value


# --- Days and hours --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@given(ahead=st.integers(-700, 700))
def test_a_day_as_it_is_said_is_read_back(language: str, ahead: int) -> None:
    meant = TODAY + timedelta(days=ahead)
    said = show(meant, Reader(language, SMS)).partition(" (")[0]
    assert day(said.split(), today=TODAY) == (meant, [])


@given(ahead=st.integers(-700, 700))
def test_a_day_in_digits_is_of_the_calendar_whose_year_is_near(ahead: int) -> None:
    meant = TODAY + timedelta(days=ahead)
    year, month, number_of_day = to_ethiopian(meant)
    assert day([f"{number_of_day}/{month}/{year}", "x"], today=TODAY) == (meant, ["x"])
    assert day([f"{meant:%d/%m/%Y}"], today=TODAY) == (meant, [])
    assert day([meant.isoformat()], today=TODAY) == (meant, [])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("tomorrow", date(2026, 11, 23)),
        ("ነገ", date(2026, 11, 23)),
        ("boru", date(2026, 11, 23)),
        ("berri", date(2026, 11, 23)),
        ("ጽባሕ", date(2026, 11, 23)),
        ("Friday", date(2026, 11, 27)),
        ("Sunday", date(2026, 11, 29)),
        ("ኅዳር 15", date(2026, 11, 24)),
        ("15 ህዳር 2019", date(2026, 11, 24)),
        ("24 December", date(2026, 12, 24)),
        ("Dec 24th 2026", date(2026, 12, 24)),
        ("1 Meskerem", date(2027, 9, 12)),
    ],
)
def test_a_day_by_its_name_is_read(typed: str, meant: date) -> None:
    assert day(typed.split(), today=TODAY) == (meant, [])


@pytest.mark.parametrize("typed", ["31/02/2026", "7 ጳጉሜ 2019", "1/1/1990", "2031-01-01"])
def test_a_day_that_cannot_be_meant_is_refused(typed: str) -> None:
    with pytest.raises(Refusal, match=r"date\.not_understood"):
        day(typed.split(), today=TODAY)


@pytest.mark.parametrize("typed", ["", "24/12", "13", "hello", "15"])
def test_what_is_no_day_is_none(typed: str) -> None:
    assert day(typed.split(), today=TODAY) is None


@pytest.mark.parametrize("language", catalogues.languages())
@pytest.mark.parametrize("at", [time(h, m) for h in range(24) for m in (0, 30)])
def test_an_hour_as_it_is_said_is_read_back(language: str, at: time) -> None:
    assert hour(show(at, Reader(language, SMS)).split()) == at


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        ("18", time(18)),
        ("6 pm", time(18)),
        ("6pm", time(18)),
        ("12 am", time(0)),
        ("3 ሰዓት ጠዋት", time(9)),
        ("ማታ 2:30", time(20, 30)),
        ("3 ሰዓት ተኩል ጠዋት", time(9, 30)),
        ("25", None),
        ("3 ከሰዓት", None),
        ("13 ጠዋት", None),
        ("18:75", None),
        ("", None),
    ],
)
def test_an_hour_is_on_the_clock_that_it_names(typed: str, at: time | None) -> None:
    assert hour(typed.split()) == at


# --- Words -----------------------------------------------------------------------------------------------------


def test_the_files_of_words_agree() -> None:
    assert lexicon.check() == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ('PAY = ["HELP"]', "means HELP (en) and PAY"),
        ('NOBODY = ["X"]', "nobody reads commands: NOBODY"),
    ],
)
def test_a_word_for_two_commands_is_a_fault(monkeypatch: pytest.MonkeyPatch, change: str, fault: str) -> None:
    real = lexicon.read

    def read(language: str) -> Any:
        sections = {name: dict(entries) for name, entries in real(language).items()}
        if language == "am":
            key, _, listed = change.partition(" = ")
            sections["commands"][key] = (listed.strip('[]"'),)
        return sections

    monkeypatch.setattr(lexicon, "read", read)
    assert any(fault in one for one in lexicon.check())


@pytest.mark.parametrize(
    ("typed", "language", "word", "rest"),
    [
        ("kaffali500", "om", "PAY", "500"),
        ("pay:500", "en", "PAY", "500"),
        ("«ክፈል 500»", "am", "PAY", "500"),
        ("✅ bixi 1000", "so", "PAY", "1000"),
        ("kefel 500", "am", "PAY", "500"),
        ("please pay 500", "en", "PAY", "500"),
        ("500 ብር ከፈልኩ", "am", "PAY", "500 ብር"),
        ("K7M2Q4 seeni", "om", "JOIN", "K7M2Q4"),
        ("what is my status", "en", "STATUS", ""),
        ("asc bixi 700", "so", "PAY", "700"),
        ("ku biir K7M2Q4", "so", "JOIN", "K7M2Q4"),
    ],
)
def test_a_command_is_heard_in_a_careless_sentence(typed: str, language: str, word: str, rest: str) -> None:
    meant = words.heard(typed, language)
    assert meant is not None
    assert (meant.command, " ".join(meant.rest)) == (word, rest)


@pytest.mark.parametrize(
    ("typed", "language"),
    [
        ("I have not paid yet", "en"),
        ("har'a rooba", "om"),
        ("boru 500 nan kaffala", "om"),
        ("nabad", "so"),
        ("look at this", "en"),
        ("500", "en"),
    ],
)
def test_talk_is_no_command(typed: str, language: str) -> None:
    assert words.heard(typed, language) is None


async def test_a_greeting_can_be_somebodys_name(doors: Doors) -> None:
    await doors.sms("+251911000099", "NEW Bole 500 5 weekly")
    await doors.sms("+251911000099", "ሰላም")
    async with transaction(doors.tenant.id) as tx:
        asked = await tx.rows(
            "SELECT filled::text FROM questions WHERE answered_at IS NULL AND filled::text LIKE '%ሰላም%'"
        )
    assert asked


@pytest.mark.parametrize(
    "typed",
    ["0911223344", "0911 22 33 44", "911223344", "+251911223344", "251-911-22-33-44", "00251911223344"],
)
def test_a_phone_number_is_read_in_every_habit(typed: str) -> None:
    assert phones.to_e164(typed) == "+251911223344"


def test_a_share_in_words_is_read_in_every_language() -> None:
    for typed in ("half", "ግማሽ", "walakkaa", "ፍርቂ", "kala badh"):
        assert share(typed) == Fraction(1, 2), typed
    assert understanding.share("three quarters") == Fraction(3, 4)
