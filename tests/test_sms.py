"""SMS: counted as operators count, understood whoever carries it, refused when forged, reported for what it is."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as some
from outside import DEMO, Outside, Target, fake_target, free_port, outside
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

import sms
from core import clock
from core.db import transaction
from core.ids import new_id
from core.inbox import Inbound
from core.operator import gateways
from core.operator.gateways import Gateway
from core.segments import encoding, pieces, plain, segments
from core.settings import settings
from core.telling.outbox import Delivery, Outgoing
from sms import http, port, twilio

PAYLOADS = Path(__file__).parent / "payloads"
PHONE = "+251911234567"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
URL = "https://equb.example/t/demo/sms/twilio"
NOBODY = UUID(int=0)


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["what"]) for case in json.loads((PAYLOADS / name).read_text())]


def a_gateway(name: str, sender: str, **credentials: str) -> Gateway:
    return Gateway(NOBODY, name, "sms", sender, credentials, True)


TWILIO = a_gateway(
    "twilio", DEMO["twilio_number"], account_sid=DEMO["twilio_sid"], auth_token=DEMO["twilio_token"], reply="twiml"
)
HTTP = a_gateway("http", DEMO["http_number"], url="http://gateway.example/send", secret=DEMO["http_secret"])


# --- Segments ------------------------------------------------------------------------------------

LETTERS = "abc XYZ 0129\n@£$éùÇØΔΦ§¿^{}[]~|\\€’“–…•ሀክፈል ብር።አማርኛ😀🎉"


@given(some.text(alphabet=LETTERS, min_size=1, max_size=700))
def test_parts_are_counted_as_another_program_counts_them(text: str) -> None:
    assert segments(text) == len(smsutil.split(text).parts)


@given(some.text(alphabet="abcdefgh^{}[]€", min_size=100, max_size=500))
def test_parts_of_an_escaped_text_are_counted_as_another_program_counts_them(text: str) -> None:
    assert segments(text) == len(smsutil.split(text).parts)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 2 + 1),
        ("ሀ" * 70, 1),
        ("ሀ" * 71, 2),
        ("ሀ" * 134, 2),
        ("ሀ" * 66 + "😀" + "ሀ" * 66, 2 + 1),
    ],
)
def test_the_edges_of_parts(text: str, count: int) -> None:
    assert segments(text) == count


def test_typographic_signs_do_not_double_the_price() -> None:
    written = "Almaz’s equb – “Merkato” … 1\u00a0000 birr • paid"
    assert encoding(written) == "UCS-2"
    assert plain(written) == 'Almaz\'s equb - "Merkato" ... 1 000 birr - paid'
    assert encoding(plain(written)) == "GSM-7"


def test_a_text_that_stays_unicode_keeps_its_signs() -> None:
    assert plain("ክፈል – 500 ብር…") == "ክፈል – 500 ብር…"


@given(some.text(alphabet=LETTERS, max_size=400), some.integers(min_value=10, max_value=90))
def test_a_long_text_is_cut_without_losing_a_letter(text: str, longest: int) -> None:
    parts = pieces(text, longest=longest)
    assert all(len(part) <= longest for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


# --- Twilio: what arrives ------------------------------------------------------------------------


def twilio_call(fields: dict[str, str], url: str = URL, token: str = DEMO["twilio_token"]) -> port.Call:
    signature = RequestValidator(token).compute_signature(url, fields)
    return port.Call(url, {"x-twilio-signature": signature}, urlencode(fields).encode())


@pytest.mark.parametrize("case", cases("twilio.json"))
def test_what_twilio_posts_is_understood(case: dict[str, Any]) -> None:
    call, expect = twilio_call(case["fields"]), case["expect"]
    assert twilio.verify(call, TWILIO)
    found = twilio.parse(call, TWILIO, NOW)
    if expect.get("is") == "ignored":
        assert isinstance(found, port.Ignored)
        return
    assert isinstance(found, Inbound)
    assert (found.text, found.address) == (expect["text"], expect["address"])
    assert (found.gateway, found.external_id) == ("twilio", case["fields"]["MessageSid"])
    assert twilio.answers_itself(call) is expect.get("answers_itself", False)


def test_a_forged_signature_is_refused() -> None:
    fields = {"MessageSid": "SM1", "From": PHONE, "Body": "PAY 500"}
    good = twilio_call(fields)
    assert twilio.verify(good, TWILIO)
    assert not twilio.verify(twilio_call(fields, token="guessed"), TWILIO)
    assert not twilio.verify(port.Call(URL, {}, good.body), TWILIO)
    assert not twilio.verify(port.Call(good.url, good.headers, good.body.replace(b"500", b"900")), TWILIO)
    assert not twilio.verify(port.Call("https://evil.example/t/demo/sms/twilio", good.headers, good.body), TWILIO)
    unset = a_gateway("twilio", "+15005550006", account_sid="AC", auth_token="")
    assert not twilio.verify(twilio_call(fields, token=""), unset)


def test_a_body_that_is_no_form_is_malformed() -> None:
    for body in (b"\xff\xfe", b"{}", b"=&=&;"):
        with pytest.raises(port.Malformed):
            twilio.parse(port.Call(URL, {}, body), TWILIO, NOW)


def test_replies_in_the_answer_are_twiml_and_escaped() -> None:
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    kind, body = twilio.answer(TWILIO, ["1 < 2 & “3”", "ክፈል"])
    assert kind == "text/xml"
    assert body == head + '<Response><Message>1 &lt; 2 &amp; "3"</Message><Message>ክፈል</Message></Response>'
    assert twilio.answer(TWILIO, [])[1] == head + "<Response></Response>"


@pytest.mark.parametrize(
    ("fields", "state", "reason"),
    [
        ({"MessageStatus": "sent"}, "sent", None),
        ({"MessageStatus": "delivered"}, "delivered", None),
        ({"MessageStatus": "undelivered", "ErrorCode": "30005"}, "failed", "dead"),
        ({"MessageStatus": "undelivered", "ErrorCode": "30003"}, "failed", "twilio 30003"),
        ({"MessageStatus": "failed", "ErrorCode": "30007"}, "failed", "twilio 30007"),
    ],
)
def test_twilio_reports_say_what_became_of_a_message(fields: dict[str, str], state: str, reason: str | None) -> None:
    report = twilio.parse_status(twilio_call({"MessageSid": "SM1", **fields}), TWILIO)
    assert report == port.Report("SM1", state, reason, fields["MessageStatus"])


def test_a_state_that_says_nothing_is_ignored() -> None:
    call = twilio_call({"MessageSid": "SM1", "MessageStatus": "queued"})
    assert isinstance(twilio.parse_status(call, TWILIO), port.Ignored)


@pytest.mark.parametrize(
    ("status", "code", "outcome", "whole"),
    [
        (400, 21610, "dead", False),
        (400, 21614, "dead", False),
        (400, 30006, "dead", False),
        (400, 21617, "rejected", False),
        (400, 30007, "rejected", False),
        (400, 21611, "later", True),
        (400, 30003, "later", False),
        (429, 20429, "later", True),
        (401, 20003, "later", True),
        (503, 20503, "unknown", False),
        (500, None, "unknown", False),
        (400, 21602, "rejected", False),
    ],
)
def test_each_of_twilios_refusals_means_what_it_means(status: int, code: int | None, outcome: str, whole: bool) -> None:
    delivery = twilio.refused(status=status, code=code)
    assert (delivery.outcome, delivery.whole_gateway) == (outcome, whole)
    assert delivery.reason


# --- The plain gateway: what arrives -------------------------------------------------------------


def http_call(body: Any, *, seconds: float = 0.0, secret: str = DEMO["http_secret"]) -> port.Call:
    raw = json.dumps(body, ensure_ascii=False).encode()
    stamp = str(int(clock.now().timestamp() - clock.offset_seconds() + seconds))
    headers = {"x-equb-timestamp": stamp, "x-equb-signature": http.signature(secret, stamp, raw)}
    return port.Call("https://equb.example/t/demo/sms/http", headers, raw)


@pytest.mark.parametrize("case", cases("http.json"))
def test_what_the_gateway_posts_is_understood(case: dict[str, Any]) -> None:
    call, expect = http_call(case["body"]), case["expect"]
    assert http.verify(call, HTTP)
    if expect.get("is") == "malformed":
        with pytest.raises(port.Malformed):
            http.parse(call, HTTP, NOW)
        return
    found = http.parse(call, HTTP, NOW)
    if expect.get("is") == "ignored":
        assert isinstance(found, port.Ignored)
        return
    assert isinstance(found, Inbound)
    assert (found.text, found.address, found.external_id) == (expect["text"], expect["address"], case["body"]["id"])


def test_a_signature_lives_five_minutes_of_real_time(at: Callable[[datetime], datetime]) -> None:
    body = {"id": "i1", "from": PHONE, "text": "x"}
    assert http.verify(http_call(body, seconds=-290), HTTP)
    assert not http.verify(http_call(body, seconds=-320), HTTP)
    assert not http.verify(http_call(body, seconds=+320), HTTP)
    assert not http.verify(http_call(body, secret="guessed"), HTTP)
    at(datetime(2031, 1, 1, 9, 0, tzinfo=UTC))
    assert http.verify(http_call(body), HTTP), "the sandbox's clock moved; the gateway's did not"


def test_a_signature_is_of_this_body_and_this_time() -> None:
    call = http_call({"id": "i1", "from": PHONE, "text": "PAY 500"})
    assert not http.verify(port.Call(call.url, call.headers, call.body.replace(b"500", b"900")), HTTP)
    later = {**call.headers, "x-equb-timestamp": str(int(call.headers["x-equb-timestamp"]) + 1)}
    assert not http.verify(port.Call(call.url, later, call.body), HTTP)
    for stamp in ("", "-1", "1e9", "٣", "9" * 40):
        assert not http.verify(port.Call(call.url, {**call.headers, "x-equb-timestamp": stamp}, call.body), HTTP)


# --- Sending, to stand-ins that refuse what the real ones refuse ----------------------------------


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with fake_target() as running:
        yield running


@pytest.fixture
async def world(
    tmp_path: Path, target: Target, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Outside]:
    """A running sandbox, and a tenant whose gateways are its stand-ins."""
    async with outside(tmp_path, target.url) as running:
        base = f"http://127.0.0.1:{running.port}"
        changed = settings().model_copy(update={"twilio_api": f"{base}/twilio", "public_url": target.url})
        monkeypatch.setattr(sms, "settings", lambda: changed)
        monkeypatch.setattr(twilio, "settings", lambda: changed)
        await configure(tenant, f"{base}/smsgw/send")
        yield running
        await sms.close()


async def configure(tenant: UUID, url: str) -> None:
    async with transaction(tenant) as tx:
        await gateways.configure(
            tx,
            name="http",
            channel="sms",
            sender=DEMO["http_number"],
            credentials={"url": url, "secret": DEMO["http_secret"]},
        )
        await gateways.configure(
            tx, name="twilio", channel="sms", sender=DEMO["twilio_number"], credentials=dict(TWILIO.credentials)
        )


def saying(tenant: UUID, text: str, gateway: str, *, to: str = PHONE) -> Outgoing:
    return Outgoing(new_id(), tenant, "sms", gateway, to, text, [], {}, 1)


@pytest.mark.parametrize("gateway", ["http", "twilio"])
async def test_a_message_arrives_and_is_reported(world: Outside, target: Target, tenant: UUID, gateway: str) -> None:
    delivery = await sms.send(saying(tenant, "ክፈል – 500 ብር", gateway))
    assert delivery.outcome == "sent" and delivery.provider_id
    assert [item["text"] for item in await world.messages(PHONE)] == ["ክፈል – 500 ብር"]
    report = (await target.wait_for(1))[0]
    assert report.path.endswith(f"/sms/{gateway}/status")
    assert delivery.provider_id.encode() in report.body


@pytest.mark.parametrize("gateway", ["http", "twilio"])
async def test_a_text_longer_than_a_message_goes_as_several(world: Outside, tenant: UUID, gateway: str) -> None:
    lines = [f"{number:03} a line of the list of members" for number in range(120)]
    delivery = await sms.send(saying(tenant, "\n".join(lines), gateway))
    got = [item["text"] for item in await world.messages(PHONE)]
    assert delivery.outcome == "sent"
    assert len(got) == 3 and "\n".join(got).split("\n") == lines


@pytest.mark.parametrize(
    ("kind", "gateway", "outcome", "whole"),
    [
        ("429", "http", "later", True),
        ("429", "twilio", "later", True),
        ("403", "http", "dead", False),
        ("403", "twilio", "dead", False),
        ("5xx", "twilio", "unknown", False),
        ("drop_after_commit", "twilio", "unknown", False),
    ],
)
async def test_a_fault_is_named_for_what_it_is(
    world: Outside, tenant: UUID, kind: str, gateway: str, outcome: str, whole: bool
) -> None:
    await world.client.post("/sandbox/faults", json={"target": "sms", "kind": kind, "times": 1})
    delivery = await sms.send(saying(tenant, "hello", gateway))
    assert (delivery.outcome, delivery.whole_gateway) == (outcome, whole)


async def test_a_lost_answer_is_looked_up_instead_of_sent_again(world: Outside, tenant: UUID) -> None:
    await world.client.post("/sandbox/faults", json={"target": "sms", "kind": "drop_after_commit", "times": 1})
    delivery = await sms.send(saying(tenant, "hello", "http"))
    assert delivery.outcome == "sent" and delivery.provider_id
    assert len(await world.messages(PHONE)) == 1


async def test_a_message_that_never_arrived_may_be_sent_again(world: Outside, tenant: UUID) -> None:
    await world.client.post("/sandbox/faults", json={"target": "sms", "kind": "5xx", "times": 1})
    assert (await sms.send(saying(tenant, "hello", "http"))).outcome == "later"
    assert await world.messages(PHONE) == []


@pytest.mark.parametrize("gateway", ["http", "twilio"])
async def test_silence_is_not_known(
    world: Outside, tenant: UUID, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "ANSWER_SECONDS", 0.3)
    await sms.close()  # the next client is made with the shorter patience
    await world.client.post("/sandbox/faults", json={"target": "sms", "kind": "timeout", "times": 1})
    assert (await sms.send(saying(tenant, "hello", gateway))).outcome == "unknown"


@pytest.mark.parametrize("gateway", ["http", "twilio"])
async def test_nobody_there_is_later_for_the_whole_gateway(
    world: Outside, tenant: UUID, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setattr(twilio, "settings", lambda: settings().model_copy(update={"twilio_api": nowhere}))
    await configure(tenant, f"{nowhere}/send")
    delivery = await sms.send(saying(tenant, "hello", gateway))
    assert (delivery.outcome, delivery.whole_gateway) == ("later", True)


async def test_wrong_credentials_leave_the_message_and_the_number_alone(world: Outside, tenant: UUID) -> None:
    async with transaction(tenant) as tx:
        for name, wrong in (("twilio", {"auth_token": "wrong"}), ("http", {"secret": "wrong"})):
            known = await gateways.gateway(tenant, name)
            await gateways.configure(
                tx, name=name, channel="sms", sender=known.sender, credentials={**known.credentials, **wrong}
            )
    for name in ("twilio", "http"):
        delivery = await sms.send(saying(tenant, "hello", name))
        assert (delivery.outcome, delivery.whole_gateway) == ("later", True)


@pytest.mark.parametrize("url", ["", "gateway.example/send", "http://[::1"])
async def test_an_address_that_is_none_leaves_the_message_and_the_number_alone(tenant: UUID, url: str) -> None:
    await configure(tenant, url)
    delivery = await sms.send(saying(tenant, "hello", "http"))
    assert (delivery.outcome, delivery.whole_gateway) == ("later", True)


async def test_a_gateway_that_is_not_there_rejects(tenant: UUID) -> None:
    assert (await sms.send(saying(tenant, "hello", "carrier-pigeon"))).outcome == "rejected"


def test_half_a_text_is_never_sent_again_by_itself() -> None:
    assert port.halfway(Delivery("later", reason="429"), gone=0).outcome == "later"
    assert port.halfway(Delivery("later", reason="429"), gone=2).outcome == "unknown"
    assert port.halfway(Delivery("dead"), gone=2).outcome == "dead"


async def test_concurrent_sends_get_their_own_answers(world: Outside, tenant: UUID) -> None:
    phones = [f"+2519{number:08}" for number in range(60)]
    sent = await asyncio.gather(*(sms.send(saying(tenant, f"for {to}", "twilio", to=to)) for to in phones))
    for to, delivery in zip(phones, sent, strict=True):
        answer: httpx.Response = await world.client.get(
            f"/twilio/2010-04-01/Accounts/{DEMO['twilio_sid']}/Messages/{delivery.provider_id}.json",
            auth=(DEMO["twilio_sid"], DEMO["twilio_token"]),
        )
        assert answer.json()["to"] == to
