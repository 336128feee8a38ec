"""USSD: the same conversation on a screen of 160 characters, step by step, cut at any moment without harm."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest
from doors import Doors, doors_of
from hypothesis import given
from hypothesis import strategies as st

from core import clock
from core.db import transaction
from core.groups import Group
from core.operator import gateways
from core.talking import screens
from core.talking.screens import Screen
from sms.http import signature

ABEBE, SARA, STRANGER = "+251911000001", "+251911000002", "+251911000009"
SECRET = "ussd-secret"
MOST = 160


@dataclass
class Session:
    """A dialled session of one phone: what was typed so far, as the gateway joins it."""

    doors: Doors
    phone: str
    id: str
    typed: list[str] = field(default_factory=list)

    async def post(self, text: str, *, secret: str = SECRET, **fields: str) -> httpx.Response:
        form = {"sessionId": self.id, "phoneNumber": self.phone, "serviceCode": "*789#", "networkCode": "63601"}
        body, stamp = urlencode({**form, "text": text, **fields}).encode(), str(int(clock.now().timestamp()))
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Equb-Timestamp": stamp,
            "X-Equb-Signature": signature(secret, stamp, body),
        }
        return await self.doors.client.post(f"/t/{self.doors.tenant.code}/ussd/http", content=body, headers=headers)

    async def dial(self) -> str:
        return await self._screen("")

    async def type(self, words: str) -> str:
        self.typed.append(words)
        return await self._screen("*".join(self.typed))

    async def again(self) -> str:
        """The gateway posts the last step once more."""
        return await self._screen("*".join(self.typed))

    async def _screen(self, text: str) -> str:
        answer = await self.post(text)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        assert len(answer.text) <= MOST, answer.text
        assert answer.text.startswith(("CON ", "END "))
        return answer.text


@pytest.fixture
async def doors(tenant: UUID, at: Callable[[datetime], datetime]) -> AsyncIterator[Doors]:
    at(clock.now())
    async with doors_of(tenant) as open_doors:
        async with transaction(tenant) as tx:
            secrets = {"url": "http://127.0.0.1:9/send", "secret": SECRET}
            await gateways.configure(tx, name="http", channel="sms", sender="7890", credentials=secrets)
        yield open_doors


@pytest.fixture
async def running(doors: Doors) -> Group:
    group = await doors.running((ABEBE, "Abebe"), (SARA, "Sara"))
    await doors.deliver()
    return group


async def _payments(doors: Doors) -> int:
    return int(await doors.value("SELECT count(*) FROM payments"))


async def test_a_wrong_secret_stores_nothing(doors: Doors) -> None:
    session = Session(doors, STRANGER, "s1")
    assert (await session.post("", secret="guessed")).status_code == 403
    unsigned = await doors.client.post(f"/t/{doors.tenant.code}/ussd/http", data={"sessionId": "s1"})
    assert unsigned.status_code == 403
    assert await doors.value("SELECT count(*) FROM inbox") == 0
    assert await doors.value("SELECT count(*) FROM addresses") == 0


async def test_what_is_no_session_is_refused_and_other_gateways_have_none(doors: Doors) -> None:
    assert (await Session(doors, STRANGER, "").post("")).status_code == 400
    assert (await Session(doors, "MTN", "s1").post("")).status_code == 400
    assert (await Session(doors, "7890", "s1").post("")).status_code == 400
    elsewhere = await doors.client.post(f"/t/{doors.tenant.code}/ussd/twilio", data={"sessionId": "s1"})
    assert elsewhere.status_code == 404
    assert await doors.value("SELECT count(*) FROM inbox") == 0


async def test_dialling_shows_the_menu_and_a_payment_is_claimed_by_digits(doors: Doors, running: Group) -> None:
    session = Session(doors, SARA, "s1")
    menu = await session.dial()
    assert menu.startswith("CON Answer with a number:\n1 What I owe and have\n2 I have paid")
    asked = await session.type("2")
    assert "How much?" in asked and asked.endswith("\n0 Back")
    said = await session.type("1000")
    assert said.startswith("END ") and "1,000 birr" in said
    assert await _payments(doors) == 1
    # Officers are told by SMS as ever, and the person's own phone gets no second answer.
    notices = await doors.rows("SELECT text FROM outbox WHERE priority > 0 AND state = 'queued'")
    assert any("Sara" in row[0] for row in notices)


async def test_a_repeated_step_is_shown_the_same_and_does_nothing_twice(doors: Doors, running: Group) -> None:
    session = Session(doors, SARA, "s1")
    assert await session.dial() == await session.dial()
    for words in ("2", "1000"):
        shown = await session.type(words)
        assert [await session.again() for _ in range(3)] == [shown] * 3
    assert await _payments(doors) == 1


async def test_the_same_step_of_another_phone_is_another_step(doors: Doors, running: Group) -> None:
    assert "What I owe" in await Session(doors, SARA, "s1").dial()
    assert "1 እቁብ መቀላቀል" in await Session(doors, STRANGER, "s1").dial()


@pytest.mark.parametrize("cut_after", [0, 1, 2, 3])
async def test_a_session_cut_at_any_moment_claims_at_most_once(doors: Doors, running: Group, cut_after: int) -> None:
    steps = ["2", "1000"]
    first = Session(doors, SARA, "s1")
    await first.dial()
    for words in steps[:cut_after]:
        await first.type(words)
    second = Session(doors, SARA, "s2")
    shown = await second.dial()
    if cut_after == 1:
        assert "PAY is not finished. I asked: How much?" in shown
        assert "How much?" in await second.type("1")
        assert "1,000 birr" in await second.type("1000")
    else:
        assert shown.startswith("CON Answer with a number:")
    assert await _payments(doors) == (0 if cut_after == 0 else 1)


async def test_a_form_that_was_cut_is_dropped_when_one_says_so(doors: Doors, running: Group) -> None:
    first = Session(doors, SARA, "s1")
    await first.dial()
    await first.type("2")
    second = Session(doors, SARA, "s2")
    await second.dial()
    assert (await second.type("2")).startswith("CON Answer with a number:")
    assert await doors.sms(SARA, "1000") != "" and await _payments(doors) == 0


async def test_a_step_whose_screen_was_never_sent_does_nothing(doors: Doors, running: Group) -> None:
    session = Session(doors, SARA, "s1", typed=["2"])
    assert (await session.type("1000")).startswith("CON Answer with a number:")
    assert await _payments(doors) == 0


async def test_a_digit_answers_the_screen_and_never_a_notice_that_came_meanwhile(doors: Doors, running: Group) -> None:
    session = Session(doors, ABEBE, "s1")
    await session.dial()
    clock.set_to(clock.now() + timedelta(seconds=30))
    await doors.sms(SARA, "PAY 1000")
    await doors.deliver()
    for words in ("9", "YES"):
        assert "did not understand" in await session.type(words)
    assert (await session.type("1")).startswith("END ")
    assert await doors.value("SELECT count(*) FROM payments WHERE recorded_at IS NOT NULL") == 0
    await doors.sms(ABEBE, "1")
    assert await doors.value("SELECT count(*) FROM payments WHERE recorded_at IS NOT NULL") == 1


async def test_an_sms_in_between_closes_the_question_on_the_screen(doors: Doors, running: Group) -> None:
    session = Session(doors, SARA, "s1")
    await session.dial()
    await session.type("2")
    await doors.sms(SARA, "NAME")
    said = await session.type("1000")
    assert said.startswith("END ") and "no longer open" in said
    assert await _payments(doors) == 0
    assert "Sara Tesfaye" in await doors.sms(SARA, "Sara Tesfaye")


async def test_0_on_a_screen_goes_back_and_never_takes_a_payment_back(doors: Doors, running: Group) -> None:
    await doors.sms(SARA, "PAY 1000")
    session = Session(doors, SARA, "s1")
    menu = await session.dial()
    assert "0: back" in await session.type("5")
    assert await session.type("0") == menu
    await session.type("2")
    assert await session.type("0") == menu
    assert await session.type("0") == "END All right, nothing was done."
    assert await _payments(doors) == 1
    assert "1,000 birr" in await doors.sms(SARA, "0"), "by SMS 0 is UNDO"


async def test_a_long_answer_is_turned_page_by_page(doors: Doors) -> None:
    group = await doors.found(ABEBE, "Abebe", "NEW Merkato 1000 9 weekly")
    for number in range(8):
        await doors.register(
            f"+2519220000{number:02}", f"Tesfahunegn {chr(65 + number)}{chr(97 + number)}", f"JOIN {group.code}"
        )
    session = Session(doors, ABEBE, "s1")
    await session.dial()
    pages = [await session.type("MEMBERS")]
    while pages[-1].endswith(("98 More", "98 More\n0 Back")):
        pages.append(await session.type("98"))
    assert len(pages) > 1 and pages[-1].startswith("END ") and pages[0].startswith("CON ")
    assert all(f"{chr(65 + n)}{chr(97 + n)}" in "\n".join(pages) for n in range(8))


async def test_one_turns_back_a_page(doors: Doors, running: Group) -> None:
    session = Session(doors, ABEBE, "s1")
    await session.dial()
    first = await session.type("HELP MORE")
    assert first.startswith("CON ") and first.endswith("\n98 More")
    second = await session.type("98")
    assert second.endswith("\n98 More\n0 Back")
    assert await session.type("0") == first
    assert await session.type("98") == second


@pytest.mark.parametrize("language", ["am", "en"])
async def test_whoever_reads_amharic_founds_an_equb_on_screens_of_160(doors: Doors, language: str) -> None:
    session = Session(doors, STRANGER, "s1")
    await doors.sms(STRANGER, f"LANG {language}")
    shown = await session.dial()
    assert ("ቁጥር" in shown) == (language == "am")
    for words in ("2", "Piassa", "500", "5", "1", "Tola", language):
        shown = await session.type(words)
        assert shown.startswith("CON "), (words, shown)
    while "98" in shown:
        shown = await session.type("98")
    shown = await session.type("1")
    assert await doors.value("SELECT count(*) FROM groups") == 1


async def test_a_refusal_stands_above_the_question_that_is_still_open(doors: Doors, running: Group) -> None:
    session = Session(doors, SARA, "s1")
    await session.dial()
    await session.type("2")
    said = await session.type("many")
    assert said.startswith("CON ") and "How much?" in said and said.index("many") < said.index("How much?")
    assert "1,000 birr" in await session.type("1000")
    assert await _payments(doors) == 1


async def test_what_is_typed_is_kept_once_and_the_whole_session_never(doors: Doors, running: Group) -> None:
    session = Session(doors, ABEBE, "s1")
    await session.dial()
    await session.type("PIN 4071")
    kept = await doors.rows("SELECT external_id, text FROM inbox WHERE external_id LIKE 'ussd:%'")
    assert not any("4071" in f"{row[0]} {row[1]}" for row in kept)


def test_every_page_fits_whatever_is_said() -> None:
    @given(
        st.text(alphabet="aሀ €\n", max_size=900), st.sampled_from(["", "_MENU", "PAY"]), st.sampled_from(["am", "en"])
    )
    def fits(body: str, command: str, language: str) -> None:
        screen = Screen(body=body, command=command)
        pages = screen.pages(language)
        assert all(len(page) <= screens.LONGEST for page in pages)
        shown = "".join(pages)
        for letter in "aሀ€":
            assert shown.count(letter) >= body.count(letter)

    fits()
