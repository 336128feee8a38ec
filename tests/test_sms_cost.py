"""What SMS cost: parts of each sentence by language, and of a round. Writes docs/sms-cost.md with ``SMSCOST=write``."""

import os
from pathlib import Path

import pytest

from core import catalogues, sentences
from core.messages import SMS, Kind
from core.samples import said
from core.segments import segments
from core.sentences import KINDS
from ops.commands import sentences as command
from ops.errors import CannotStart

PAGE = Path(__file__).resolve().parent.parent / "docs" / "sms-cost.md"
LANGUAGES = ("en", "om", "so", "am", "ti")
# What a member gets in an ordinary round of a drawn equb, all by SMS.
ROUND = (sentences.REMINDER, sentences.RECEIPT, sentences.LIST_FROZEN, sentences.DRAW_HELD)
RECEIPTS = (sentences.RECEIPT, sentences.RECEIPT_ADVANCE, sentences.RECEIPT_AND_ADVANCE)
ETHIOPIC = ("am", "ti")


def parts(kind: Kind, language: str, *, long: bool = False) -> int:
    return segments(said(kind, language, SMS, long=long))


def page() -> str:
    lines = [
        "# What an SMS costs",
        "",
        "Written by `tests/test_sms_cost.py` (`SMSCOST=write`). A part is what is paid for: 160 letters of the Latin",
        "alphabet of phones, or 70 of Ethiopic ones; in a longer message 153 or 67 each. Ordinary: an equb and people",
        "with names of common length; longest: the longest names, amounts and dates that there can be.",
        "",
        "## A round",
        "",
        "What each member of a drawn equb gets in an ordinary round when everything goes by SMS: the reminder, the",
        "receipt, the code of the list, and who was drawn. Multiply by what your gateway takes for a part.",
        "",
        "| language | parts a member | parts for 1,000 members | at 0.25 birr a part |",
        "|---|---|---|---|",
    ]
    for language in LANGUAGES:
        each = sum(parts(kind, language) for kind in ROUND)
        lines.append(f"| {catalogues.NAMES[language]} | {each} | {each * 1000:,} | {each * 250:,} birr |")
    lines += [
        "",
        "Telegram costs nothing. A member who has both is written to on Telegram.",
        "",
        "## Each sentence",
        "",
        "Parts, ordinary and longest. Lists are as long as what they list.",
        "",
        "| sentence | " + " | ".join(catalogues.NAMES[language] for language in LANGUAGES) + " |",
        "|---|" + "---|" * len(LANGUAGES),
    ]
    for name in sorted(KINDS):
        cells = (f"{parts(KINDS[name], one)}, {parts(KINDS[name], one, long=True)}" for one in LANGUAGES)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def test_the_page_of_costs_is_what_sentences_cost() -> None:
    if os.environ.get("SMSCOST") == "write":
        PAGE.write_text(page())
    assert PAGE.read_text() == page()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_receipt_is_one_part_in_latin_letters_and_two_in_ethiopic(language: str) -> None:
    assert all(parts(kind, language) <= (2 if language in ETHIOPIC else 1) for kind in RECEIPTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_sent_every_round_keeps_its_budget(language: str) -> None:
    dear = {kind.name: parts(kind, language) for kind in ROUND if parts(kind, language) > 1 + (language in ETHIOPIC)}
    dear.pop(sentences.DRAW_HELD.name, None)
    assert dear == {}


def test_a_translator_sees_every_sentence_as_a_phone_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["om"]) == 0
    shown = capsys.readouterr().out
    assert all(f"== {name}\n" in shown for name in KINDS)
    assert command.main(["ti", "which", "equb"]) == 0
    assert said(sentences.WHICH_GROUP, "ti", SMS, long=False) in capsys.readouterr().out
    with pytest.raises(CannotStart, match="which language"):
        command.main(["fr"])
