"""The basic phone: everything by digits, answers in parts, and a door that machines cannot keep busy."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from doors import Doors, doors_of

from core import clock, lexicon
from core.segments import segments
from core.talking import lasting
from core.telling import outbox
from core.telling.outbox import Delivery, Outgoing
from sms import twilio

ABEBE, SARA, STRANGER = "+251911000001", "+251911000002", "+251911000009"


@pytest.fixture
async def doors(tenant: UUID, at: Callable[[datetime], datetime]) -> AsyncIterator[Doors]:
    at(clock.now())
    async with doors_of(tenant) as open_doors:
        yield open_doors


@pytest.fixture
async def running(doors: Doors) -> Any:
    """A group of two in its first round; Abebe is the organiser."""
    group = await doors.running((ABEBE, "Abebe"), (SARA, "Sara"))
    await doors.deliver()
    return group


# --- Menus ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["MENU", "?", "", "ሜኑ", "baafata"])
async def test_a_stranger_is_shown_what_a_stranger_can_do(doors: Doors, typed: str) -> None:
    await doors.sms(STRANGER, "LANG en")
    assert await doors.sms(STRANGER, typed) == (
        "Answer with a number:\n1 Join an equb\n2 Found an equb\n3 Language\n4 All words"
    )
    assert await doors.sms(STRANGER, "1") == "Which equb? Write its code."


async def test_what_is_offered_depends_on_office_and_round(doors: Doors, running: Any) -> None:
    assert (await doors.sms(ABEBE, "MENU")).split("\n")[1:] == [
        "1 Who has not paid",
        "2 Cash from a member",
        "3 Pay the pot out",
        "4 What I owe and have",
        "5 More",
    ]
    assert (await doors.sms(SARA, "MENU")).split("\n")[1:] == [
        "1 What I owe and have",
        "2 I have paid",
        "3 This round",
        "4 My payments",
        "5 More",
    ]


async def test_no_page_has_more_than_five_entries_and_all_are_reached(doors: Doors, running: Any) -> None:
    page, seen = await doors.sms(ABEBE, "MENU"), []
    for _ in range(10):
        entries = re.findall(r"^(\d) (.+)$", page, re.M)
        assert len(entries) <= 5 and segments(page) == 1
        seen += [label for _, label in entries if label != "More"]
        if entries[-1][1] != "More":
            break
        page = await doors.sms(ABEBE, "5" if len(seen) % 2 else "MORE")
    assert len(seen) == len(set(seen)) and {"Tell all members", "Found an equb", "All words"} <= set(seen)


async def test_a_payment_goes_by_digits_alone(doors: Doors, running: Any) -> None:
    await doors.sms(SARA, "MENU")
    assert "How much?" in await doors.sms(SARA, "2")
    said = await doors.sms(SARA, "1000")
    assert "1,000 birr" in said
    assert await doors.value("SELECT count(*) FROM payments") == 1


async def test_0_goes_back_one_step_and_takes_nothing_back(doors: Doors, running: Any) -> None:
    await doors.sms(SARA, "PAY 1000")
    first = await doors.sms(SARA, "MENU")
    assert "0: back" in await doors.sms(SARA, "5")
    assert await doors.sms(SARA, "0") == first
    assert "How much?" in await doors.sms(SARA, "2")
    assert await doors.sms(SARA, "0") == first, "the question was reached from the menu"
    assert "nothing was done" in await doors.sms(SARA, "0")
    assert await doors.value("SELECT count(*) FROM payments WHERE reversed_by IS NULL") == 1
    # Out of the menu it is UNDO again.
    assert "1,000 birr" in await doors.sms(SARA, "0")


async def test_0_within_a_form_asks_the_question_before_again(doors: Doors) -> None:
    await doors.sms(STRANGER, "LANG en")
    await doors.sms(STRANGER, "MENU")
    asked = await doors.sms(STRANGER, "2")
    assert await doors.sms(STRANGER, "Merkato") != asked
    assert await doors.sms(STRANGER, "0") == asked
    await doors.sms(STRANGER, "Piassa")
    await doors.sms(STRANGER, "500")
    await doors.sms(STRANGER, "5")
    assert "birr" not in await doors.sms(STRANGER, "0")
    for answer in ("6", "1", "Tola", "English", "1"):
        said = await doors.sms(STRANGER, answer)
    assert "Piassa" in said and await doors.value("SELECT count(*) FROM groups") == 1


async def test_a_digit_answers_the_last_prompt_and_a_late_one_does_nothing(doors: Doors, running: Any) -> None:
    await doors.sms(SARA, "MENU")
    await doors.sms(SARA, "STATUS")
    assert "no open question" in await doors.sms(SARA, "2"), "another command is the last prompt"
    await doors.sms(SARA, "MENU")
    clock.set_to(clock.now() + timedelta(days=1, minutes=1))
    assert "no open question" in await doors.sms(SARA, "2")
    assert await doors.value("SELECT count(*) FROM payments") == 0


async def test_a_notice_that_asks_after_the_menu_gets_the_digit(doors: Doors, running: Any) -> None:
    await doors.sms(ABEBE, "MENU")
    clock.set_to(clock.now() + timedelta(minutes=1))
    await doors.sms(SARA, "PAY 1000")
    await doors.deliver()
    await doors.sms(ABEBE, "1")
    assert await doors.value("SELECT count(*) FROM payments WHERE recorded_at IS NOT NULL") == 1


async def test_words_mean_what_they_mean_below_a_menu(doors: Doors, running: Any) -> None:
    await doors.sms(SARA, "MENU")
    assert "1,000 birr" in await doors.sms(SARA, "please pay 1000")
    await doors.sms(SARA, "MENU")
    assert "no open question" in await doors.sms(SARA, "YES"), "yes chooses nothing"
    assert "did not understand" in (await doors.sms(SARA, "MENU")) + await doors.sms(SARA, "9")


# --- A day's pause -------------------------------------------------------------------------------


@pytest.mark.parametrize("later", ["1000", "selam", "", "MENU", "what was I doing"])
async def test_after_a_days_pause_one_is_told_where_one_was(doors: Doors, running: Any, later: str) -> None:
    assert "How much?" in await doors.sms(SARA, "PAY")
    clock.set_to(clock.now() + timedelta(days=1, hours=3))
    said = await doors.sms(SARA, later)
    assert said.startswith("PAY is not finished. I asked: How much?") and said.endswith("1 Yes\n2 No")
    assert await doors.value("SELECT count(*) FROM payments") == 0, "a late answer fills nothing"
    assert "How much?" in await doors.sms(SARA, "1")
    await doors.sms(SARA, "1000")
    assert await doors.value("SELECT count(*) FROM payments") == 1


async def test_a_form_is_left_by_no_by_another_command_and_after_some_days(doors: Doors, running: Any) -> None:
    for leave in ("2", "STATUS", None):
        await doors.sms(SARA, "PAY")
        clock.set_to(clock.now() + timedelta(days=2 if leave else 9))
        if leave:
            assert "not finished" in await doors.sms(SARA, "1000")
            await doors.sms(SARA, leave)
        assert "no open question" in await doors.sms(SARA, "1000"), leave
    assert await doors.value("SELECT count(*) FROM payments") == 0


# --- Long answers --------------------------------------------------------------------------------


async def _crowd(doors: Doors, size: int) -> Any:
    group = await doors.found(ABEBE, "Abebe", f"NEW Merkato 1000 {size} weekly")
    for number in range(size - 1):
        name = f"Tesfahunegn Woldegebriel {chr(65 + number)}{chr(97 + number)}"
        await doors.register(f"+2519220000{number:02}", name, f"JOIN {group.code}")
    return group


async def test_a_long_list_comes_in_parts_and_more_brings_the_next(doors: Doors) -> None:
    await _crowd(doors, 20)
    first = await doors.sms(ABEBE, "MEMBERS")
    assert re.search(r"\n1/2 MORE$", first) and segments(first) <= lasting.MOST_SEGMENTS
    await doors.sms(ABEBE, "THANKS")
    last = await doors.sms(ABEBE, "more")
    assert last.endswith("\n2/2") and segments(last) <= lasting.MOST_SEGMENTS
    listed = "\n".join([*first.split("\n")[:-1], *last.split("\n")[:-1]])
    whole = await doors.value("SELECT params->'params' FROM outbox WHERE kind = 'verbatim' LIMIT 1")
    assert whole and all(f"{chr(65 + n)}{chr(97 + n)}" in listed for n in range(19))
    assert "did not understand" in await doors.sms(ABEBE, "MORE")


async def test_what_is_left_is_kept_for_a_day(doors: Doors) -> None:
    await _crowd(doors, 20)
    await doors.sms(ABEBE, "MEMBERS")
    clock.set_to(clock.now() + timedelta(hours=25))
    assert "did not understand" in await doors.sms(ABEBE, "MORE")


def test_only_lists_are_cut_and_nothing_that_moves_money() -> None:
    assert not lasting.LISTS & {"PAY", "CASH", "PAYOUT", "HANDOVER", "LOAN", "SPEND", "BID", "FINE", "UNDO", "CLOSE"}


@pytest.mark.parametrize("letter", ["a", "ሀ", "€"])
def test_every_part_fits_and_no_letter_is_lost(letter: str) -> None:
    text = "\n".join(letter * (number % 130 + 1) for number in range(60))
    parts = lasting._cut(text, "am")
    assert len(parts) > 5
    for index in range(len(parts)):
        assert segments(str(lasting._part(parts, index, "am").params["text"])) <= lasting.MOST_SEGMENTS
    assert "".join(parts).replace("\n", "") == text.replace("\n", "")


# --- Guards --------------------------------------------------------------------------------------


async def test_help_is_given_three_times_a_day_and_then_there_is_silence(doors: Doors, running: Any) -> None:
    for words in ("asdf", "qwer", "HELP"):
        assert await doors.sms(SARA, words) != ""
    assert [await doors.sms(SARA, words) for words in ("zxcv", "HELP", "")] == ["", "", ""]
    assert "1,000 birr" in await doors.sms(SARA, "STATUS"), "what means something is answered"
    assert "did not understand" in await doors.sms(SARA, "asdf"), "and help is there again"


async def test_the_next_day_help_is_there_again(doors: Doors) -> None:
    for number in range(5):
        said = await doors.sms(STRANGER, f"asdf{number}")
    assert said == ""
    clock.set_to(clock.now() + timedelta(days=1))
    assert "እርዳታ" in await doors.sms(STRANGER, "asdf")


async def test_help_about_a_word_is_no_helplessness(doors: Doors, running: Any) -> None:
    for word in ("PAY", "JOIN", "NEW", "LANG", "STOP"):
        assert await doors.sms(SARA, f"HELP {word}") != ""


async def test_a_machine_that_says_the_same_again_and_again_gets_no_answer(doors: Doors, running: Any) -> None:
    said = [await doors.sms(SARA, "STATUS") for _ in range(8)]
    assert all(said[:5]) and said[5:] == ["", "", ""]
    clock.set_to(clock.now() + timedelta(minutes=11))
    assert await doors.sms(SARA, "STATUS") != ""


async def test_a_machine_that_echoes_us_gets_no_answer(doors: Doors, running: Any) -> None:
    words, turns = await doors.sms(SARA, "STATUS"), 0
    while words and turns < 20:
        turns += 1
        words = await doors.sms(SARA, words)
    assert turns <= 4


@pytest.mark.parametrize("language", lexicon.languages())
async def test_stop_works_in_every_language_and_with_every_one_of_its_words(
    doors: Doors, running: Any, language: str
) -> None:
    for word in lexicon.read(language)["commands"]["STOP"]:
        await doors.sms(SARA, "START")
        await doors.sms(SARA, word.lower())
        stopped = await doors.rows("SELECT masked FROM addresses WHERE state = 'stopped'")
        assert len(stopped) == 1 and stopped[0][0].endswith("02"), word
        clock.set_to(clock.now() + timedelta(hours=1))
    told = "SELECT count(*) FROM outbox WHERE priority > 0 AND text LIKE '%meet at nine%'"
    await doors.sms(ABEBE, "ANNOUNCE we meet at nine")
    assert await doors.value(told) == 0
    await doors.sms(SARA, "START")
    await doors.sms(ABEBE, "ANNOUNCE we meet at nine sharp")
    assert await doors.value(told) == 1


async def test_whom_twilio_calls_opted_out_is_not_written_to_until_they_say_start(doors: Doors, running: Any) -> None:
    async def opted_out(_outgoing: Outgoing) -> Delivery:
        return twilio.refused(status=400, code=21610)

    await doors.sms(ABEBE, "ANNOUNCE we meet at nine")
    for (address_id,) in await doors.rows("SELECT DISTINCT address_id FROM outbox WHERE state = 'queued'"):
        await outbox.drain(doors.tenant.id, UUID(str(address_id)), opted_out)
    told = "SELECT count(*) FROM outbox WHERE priority > 0 AND text LIKE '%at nine sharp%'"
    await doors.sms(ABEBE, "ANNOUNCE we meet at nine sharp")
    assert await doors.value(told) == 0
    await doors.sms(SARA, "START")
    await doors.sms(ABEBE, "ANNOUNCE we meet at nine sharp today")
    assert await doors.value(told) == 1
