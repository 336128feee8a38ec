"""Bad input: each gets its clear answer, nothing moves and nothing is lost.

Forged and malformed webhooks are in ``test_webhooks``; here is what people type.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from doors import Doors, doors_of
from talking import Scene

from core import clock, people

ABEBE, SARA, STRANGER = "+251911000001", "+251911000002", "+251911000009"

BOOK = ("groups", "members", "lots", "holdings", "rounds", "dues", "payments", "draws", "payouts", "ledger_transfers")


@pytest.fixture
async def running(doors: Doors) -> Any:
    """A group of two in its first round; Abebe is the organiser."""
    return await doors.running((ABEBE, "Abebe"), (SARA, "Sara"))


async def _book(doors: Doors) -> list[int]:
    return [await doors.value(f"SELECT count(*) FROM {table}") for table in BOOK]


NONSENSE = [
    ("asdf qwer", "I did not understand"),
    ("😀😀😀", "I did not understand"),
    ("x" * 1600, "I did not understand"),
    ("¿Qué?", "I did not understand"),
    ("' OR 1=1; DROP TABLE people; --", "I did not understand"),
    ("{group} %s %(x)s", "I did not understand"),
    ("እንዴት ነህ", "I did not understand"),
    ("\x00\x01PAY", "How much?"),
    ("1", "There is no open question"),
    ("99", "There is no open question"),
    ("YES", "There is no open question"),
    ("0", "There is nothing to take back"),
    ("   ", "Answer with a number:"),
    ("JOIN", "Which equb? Write its code."),
    ("JOIN NOSUCH", 'There is no equb with the code "NOSUCH"'),
    ("VERIFY NOSUCH-1", "There is no draw with the code"),
    ("LANG klingon", "I do not know the language"),
    ("PAYOUT", "nothing is to be paid out now"),
    ("PAYOUT 2", "holds no lot that was drawn"),
    ("WHO NONESUCH", 'I did not understand "NONESUCH" after WHO'),
]


@pytest.mark.parametrize(("typed", "answer"), NONSENSE, ids=[repr(typed[:18]) for typed, _ in NONSENSE])
async def test_nonsense_gets_a_clear_answer_and_moves_nothing(
    doors: Doors, running: Any, typed: str, answer: str
) -> None:
    before = await _book(doors)
    said = await doors.sms(ABEBE, typed)
    assert answer in said
    assert len(said) < 500
    assert await _book(doors) == before


AMOUNTS = [
    ("PAY -500", "must be more than nothing"),
    ("PAY 0", "must be more than nothing"),
    ("PAY 99999999999999", "too large"),
    ("PAY 10.005", "more digits after the point"),
    ("PAY 1e9", "I did not understand"),
    ("PAY NaN5", "I did not understand"),
    ("PAY ten twelve", "I did not understand"),
    ("CASH 2 -1", "must be more than nothing"),
    ("CASH 99 100", 'no member "99"'),
    ("CASH Nobody 100", 'no member "Nobody"'),
    ("PAY 500 OTHERGROUP", 'I did not understand "OTHERGROUP"'),
]


@pytest.mark.parametrize(("typed", "answer"), AMOUNTS, ids=[typed for typed, _ in AMOUNTS])
async def test_an_amount_that_cannot_be_is_refused_and_moves_nothing(
    doors: Doors, running: Any, typed: str, answer: str
) -> None:
    before = await _book(doors)
    assert answer in await doors.sms(ABEBE, typed)
    assert await _book(doors) == before
    refused = await doors.value("SELECT count(*) FROM inbox WHERE state = 'refused'")
    assert refused >= 1, "the message itself is kept"


FOUNDING = [
    ("NEW Merkato 1000 1 weekly", "How many lots"),
    ("NEW Merkato 1000 100000 weekly", "How many lots"),
    ("NEW Merkato -5 10 weekly", "must be more than nothing"),
    ("NEW Merkato 5 ሺህ 120 weekly", "I did not understand the amount"),
    ("NEW " + "a" * 100 + " 1000 12 weekly", "has at most 60 letters"),
    ("NEW Merkato 1000 12 weekly 7777", "no number of lots makes 7,777 birr"),
    ("NEW Merkato 1000 12 weekly 24000", "needs 24 lots"),
]


@pytest.mark.parametrize(("typed", "answer"), FOUNDING, ids=[typed[:40] for typed, _ in FOUNDING])
async def test_an_equb_that_cannot_be_is_not_founded(doors: Doors, typed: str, answer: str) -> None:
    assert answer in await doors.sms(STRANGER, typed)
    assert await doors.value("SELECT count(*) FROM groups") == 0


async def test_a_stranger_cannot_look_or_act_in_a_group(doors: Doors, running: Any) -> None:
    before = await _book(doors)
    for typed in ("STATUS", "WHO", "PAY 1000", "CASH 2 1000", "BEGIN", "PAYOUT 2", "MEMBERS", "HISTORY", "ROUND"):
        assert "I do not know you yet" in await doors.sms(STRANGER, typed), typed
    assert await _book(doors) == before


async def test_a_member_cannot_do_what_officers_do(doors: Doors, running: Any) -> None:
    before = await _book(doors)
    for typed in ("CASH 1 1000", "WHO", "BEGIN", "PAYOUT 1", "INVITE"):
        assert "Only the officers" in await doors.sms(SARA, typed), typed
    assert await _book(doors) == before


async def test_nobody_joins_a_running_group(doors: Doors, running: Any) -> None:
    assert "has begun already" in await doors.sms(STRANGER, f"JOIN {running.code}"), "before anybody gives their name"
    assert await doors.value("SELECT count(*) FROM members") == 2


async def test_a_code_of_another_tenant_is_unknown(doors: Doors, running: Any, superuser: Any) -> None:
    from core.ids import new_id

    other = new_id()
    superuser.execute(
        "INSERT INTO tenants (id, code, name, created_at) VALUES ($1, $2, 'Other', now())", other, f"o{other.hex[-12:]}"
    )
    async with doors_of(other) as elsewhere:
        assert "There is no equb with the code" in await elsewhere.sms(STRANGER, f"JOIN {running.code}")
        assert await elsewhere.value("SELECT count(*) FROM groups") == 0
        assert await elsewhere.value("SELECT count(*) FROM ledger_transfers") == 0


async def test_an_expired_question_is_no_longer_answered(doors: Doors, running: Any) -> None:
    assert "Which one?" in await doors.sms(ABEBE, "CASH")
    clock.set_to(clock.now() + timedelta(days=2))
    before = await _book(doors)
    assert "CASH is not finished" in await doors.sms(ABEBE, "1")
    assert "nothing was done" in await doors.sms(ABEBE, "2")
    assert "There is no open question" in await doors.sms(ABEBE, "1")
    assert await _book(doors) == before


async def test_a_late_digit_after_the_question_was_settled_does_nothing(doors: Doors, running: Any) -> None:
    """The claim is answered by CASH; the question that came with it is gone."""
    await doors.sms(SARA, "PAY 1000")
    assert "Recorded" in await doors.sms(ABEBE, "CASH 2 1000")
    before = await _book(doors)
    assert "There is no open question" in await doors.sms(ABEBE, "1")
    assert await _book(doors) == before


async def test_an_old_button_answers_nothing(tenant: UUID) -> None:
    scene = Scene(await people.tenant_by_id(tenant))
    await scene.say("Abebe", "telegram", "NEW Merkato 1000 2 weekly")
    await scene.say("Abebe", "telegram", "Abebe")
    old = dict(scene.phone("Abebe", "telegram").buttons)
    await scene.say("Abebe", "telegram", "[English]")
    heard = await scene.say("Abebe", "telegram", old["English"])
    assert "no longer open" in heard[0][1]


async def test_a_button_of_somebody_else_answers_nothing(tenant: UUID) -> None:
    scene = Scene(await people.tenant_by_id(tenant))
    await scene.say("Abebe", "telegram", "NEW Merkato 1000 2 weekly")
    await scene.say("Abebe", "telegram", "Abebe")
    stolen = scene.phone("Abebe", "telegram").buttons["English"]
    await scene.say("Thief", "telegram", "HELP")
    heard = await scene.say("Thief", "telegram", stolen)
    assert "no longer open" in heard[0][1]
    assert scene.phone("Abebe", "telegram").address != scene.phone("Thief", "telegram").address


async def test_a_bug_says_so_honestly_and_leaves_nothing_behind(
    doors: Doors, running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in the middle of recording: the message is kept as failed, the money has not moved."""
    from core.telling import notices

    async def breaks(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(notices, "receipt", breaks)
    before = await _book(doors)
    assert "Something went wrong on our side; nothing was done" in await doors.sms(ABEBE, "CASH 2 1000")
    assert await _book(doors) == before
    assert await doors.rows("SELECT state, failure FROM inbox WHERE state = 'failed'") == [
        ("failed", "ZeroDivisionError")
    ]


async def test_the_same_webhook_five_times_at_once_is_done_once(doors: Doors, running: Any) -> None:
    import asyncio

    answers = await asyncio.gather(*(doors.sms(ABEBE, "CASH 2 1000", sid="SM" + "a" * 32) for _ in range(5)))
    assert len(set(answers)) == 1
    assert "Recorded: 1,000 birr" in answers[0]
    assert await doors.value("SELECT count(*) FROM payments") == 1
    assert await doors.value("SELECT count(*) FROM ledger_transfers") == 1


async def test_thanks_are_not_an_error(doors: Doors, running: Any) -> None:
    for typed in ("ok", "Thanks", "ameseginalehu", "አመሰግናለሁ"):
        assert "You are welcome" in await doors.sms(ABEBE, typed)


async def test_a_slip_of_the_finger_is_forgiven_in_words_and_never_in_codes(doors: Doors, running: Any) -> None:
    assert "Merkato" in await doors.sms(ABEBE, "STAUTS")
    wrong = running.code[:-1] + ("C" if running.code[-1] != "C" else "D")
    assert "There is no equb" in await doors.sms(STRANGER, f"JOIN {wrong}")


async def test_a_number_that_said_stop_hears_answers_but_no_notices(doors: Doors, running: Any) -> None:
    assert "no more messages" in await doors.sms(SARA, "STOP")
    await doors.sms(ABEBE, "CASH 2 1000")
    waiting = await doors.value(
        "SELECT count(*) FROM outbox o JOIN addresses a ON a.id = o.address_id"
        " WHERE o.kind = 'receipt' AND a.state = 'stopped'"
    )
    assert waiting == 0
    assert "Merkato" in await doors.sms(SARA, "STATUS")
    assert "again" in await doors.sms(SARA, "START")


async def test_a_digit_answers_what_was_asked_last_on_the_screen_and_never_what_nobody_saw(
    doors: Doors, running: Any
) -> None:
    """While the organiser is asked to confirm an amount, a member's claim arrives; its notice has not gone out."""
    assert "Record it?" in await doors.sms(ABEBE, "CASH 2 400")
    await doors.sms(SARA, "PAY 1000")
    assert "Recorded: 400 birr from Sara" in await doors.sms(ABEBE, "1")
    before = await _book(doors)
    assert "There is no open question" in await doors.sms(ABEBE, "1"), "the claim waits in the outbox, unseen"
    assert await _book(doors) == before


async def test_a_claim_that_was_seen_is_answered_after_the_form(doors: Doors, running: Any, superuser: Any) -> None:
    await doors.sms(ABEBE, "CASH 2 400")
    await doors.sms(SARA, "PAY 1000")
    superuser.execute("UPDATE outbox SET state = 'sent' WHERE state = 'queued'")
    assert "Recorded: 400 birr from Sara" in await doors.sms(ABEBE, "1"), (
        "what somebody is in the middle of comes first"
    )
    assert "Recorded: 1,000 birr from Sara" in await doors.sms(ABEBE, "1")


async def test_a_new_command_ends_the_half_filled_one_before_it(doors: Doors, running: Any) -> None:
    assert "Record it?" in await doors.sms(ABEBE, "CASH 2 400")
    assert "Merkato" in await doors.sms(ABEBE, "STATUS")
    before = await _book(doors)
    assert "There is no open question" in await doors.sms(ABEBE, "1")
    assert await _book(doors) == before
