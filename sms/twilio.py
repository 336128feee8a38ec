"""Twilio: signed form webhooks in, the Messages resource out.

The signature covers the public URL and every field, so the URL comes from our settings, never from the request
(a proxy in between changes it). It has no time: replays are stopped by the unique MessageSid in the inbox.
Twilio takes STOP and its like for itself and tells us with ``OptOutType``.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary
from xml.sax.saxutils import escape

import aiohttp
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]
from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from core.inbox import Inbound
from core.messages import SMS
from core.operator.gateways import Gateway
from core.segments import pieces, plain
from core.settings import settings
from core.telling.outbox import Delivery, Outgoing
from sms import port

LONGEST_TEXT = 1600  # beyond it Twilio answers 21617

_FEW_SECONDS = 5.0
# The sender's queue holds ten hours; asking again before some of it is gone is of no use.
_QUEUE_FULL_SECONDS = 900.0

# Twilio's numbers. What is not listed here and was refused can never go as it is: rejected.
_DEAD = {
    21211: "not a phone number",
    21214: "cannot be reached",
    21610: "opted out",
    21614: "not a mobile",
    30004: "blocked",
    30005: "unknown number",
    30006: "a landline",
}
_LATER = {
    20429: _FEW_SECONDS,
    21611: _QUEUE_FULL_SECONDS,
    14107: _FEW_SECONDS,
    30001: _QUEUE_FULL_SECONDS,
    30022: _FEW_SECONDS,
}
# Our own account or number is not in order: no fault of the message, which waits for somebody to mend it.
_OURS = {20003, 20005, 20403, 20404, 21606, 21603, 21660, 21212, 30002}

_STATES = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
# The opt-out words are many, per country and per account; what they mean is one of our own words.
_OPT_OUT = {"STOP": "STOP", "START": "START", "HELP": "HELP"}

_http: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncTwilioHttpClient] = WeakKeyDictionary()


class _Fields(dict[str, list[str]]):
    """A form's fields with all their values, as RequestValidator reads them."""

    def getlist(self, name: str) -> list[str]:
        return self[name]

    def first(self, name: str) -> str:
        return self.get(name, [""])[0]


def _fields(call: port.Call) -> _Fields:
    try:
        return _Fields(parse_qs(call.body.decode(), keep_blank_values=True, strict_parsing=bool(call.body)))
    except ValueError as error:
        raise port.Malformed("the body is not a form") from error


def verify(call: port.Call, gateway: Gateway) -> bool:
    """The signature is that of the account's token over our public URL and these fields."""
    token, given = gateway.credentials.get("auth_token", ""), call.headers.get("x-twilio-signature", "")
    if not token or not given:
        return False
    return bool(RequestValidator(token).validate(call.url, _fields(call), given))


def parse(call: port.Call, gateway: Gateway, received_at: datetime) -> Inbound | port.Ignored:
    """A message from a phone. One that Twilio took for an opt-out says so in our own word."""
    fields = _fields(call)
    sid = fields.first("MessageSid")
    if not sid:
        raise port.Malformed("there is no MessageSid")
    phone = port.sender_phone(fields.first("From"), gateway)
    if phone is None:
        return port.Ignored("the sender is no phone")
    return Inbound(
        channel=SMS,
        gateway=gateway.name,
        address=phone,
        text=_OPT_OUT.get(fields.first("OptOutType"), fields.first("Body")),
        external_id=sid[:200],
        received_at=received_at,
    )


def answers_itself(call: port.Call) -> bool:
    """Twilio confirms a STOP itself, and would refuse our own answer with 21610."""
    return _fields(call).first("OptOutType") == "STOP"


def answers_in_webhook(gateway: Gateway) -> bool:
    """Whether the tenant wants replies as TwiML: one call less, but nobody learns whether they arrived."""
    return gateway.credentials.get("reply") == "twiml"


def parse_status(call: port.Call, gateway: Gateway) -> port.Report | port.Ignored:
    """A status callback. A number that is unknown or a landline makes the address dead."""
    fields = _fields(call)
    sid, status = fields.first("MessageSid"), fields.first("MessageStatus").lower()
    if not sid or not status:
        raise port.Malformed("MessageSid and MessageStatus are needed")
    if status not in _STATES:
        return port.Ignored(f"a state that says nothing: {status[:40]}")
    code = fields.first("ErrorCode")
    reason = f"twilio {code[:10]}" if code else None
    if code.isascii() and code.isdigit() and int(code) in _DEAD:
        reason = "dead"
    return port.Report(sid[:200], _STATES[status], reason, status)


def answer(gateway: Gateway, texts: Sequence[str]) -> tuple[str, str]:
    """TwiML with a Message for each text; an empty Response says that there is nothing to send."""
    said = [piece for text in texts for piece in pieces(plain(text), longest=LONGEST_TEXT)]
    verbs = "".join(f"<Message>{escape(text)}</Message>" for text in said)
    return "text/xml", f'<?xml version="1.0" encoding="UTF-8"?><Response>{verbs}</Response>'


async def send(outgoing: Outgoing, gateway: Gateway, status_url: str) -> Delivery:
    """Post the message; longer texts than Twilio takes go as several messages of one delivery."""
    client = Client(gateway.credentials["account_sid"], gateway.credentials["auth_token"], http_client=_http_client())
    # The library builds its URLs from a constant; the sandbox and a regional host stand elsewhere.
    client.api.base_url = settings().twilio_api
    delivery = Delivery("rejected", reason="nothing to say")
    for gone, text in enumerate(pieces(plain(outgoing.text), longest=LONGEST_TEXT)):
        delivery = await _post(client, outgoing, gateway, text, status_url)
        if delivery.outcome != "sent":
            return port.halfway(delivery, gone=gone)
    return delivery


async def _post(client: Client, outgoing: Outgoing, gateway: Gateway, text: str, status_url: str) -> Delivery:
    try:
        # The library's own timeout does not reach its async requests.
        async with asyncio.timeout(port.ANSWER_SECONDS):
            message = await client.messages.create_async(
                to=outgoing.address,
                from_=gateway.sender,
                body=text,
                status_callback=status_url,
                validity_period=port.valid_seconds(outgoing),
            )
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        # Nothing has left this machine.
        return Delivery(
            "later", reason=type(error).__name__, retry_seconds=port.OUT_OF_REACH_SECONDS, whole_gateway=True
        )
    except TwilioRestException as error:
        return refused(status=error.status, code=error.code)
    except (TimeoutError, aiohttp.ClientError, TwilioException, ValueError) as error:
        return Delivery("unknown", reason=type(error).__name__)
    if not message.sid:
        return Delivery("unknown", reason="accepted without a sid")
    return Delivery("sent", provider_id=message.sid)


def refused(*, status: int, code: int | None) -> Delivery:
    """What Twilio's refusal means for the message and its address."""
    reason = f"twilio {code or status}"
    if code in _DEAD:
        return Delivery("dead", reason=f"{reason}: {_DEAD[code]}")
    if code in _LATER:
        return Delivery("later", reason=reason, retry_seconds=_LATER[code], whole_gateway=True)
    if code == 30003:  # switched off or out of coverage: this phone alone
        return Delivery("later", reason=reason)
    if status == 429:
        return Delivery("later", reason=reason, retry_seconds=_FEW_SECONDS, whole_gateway=True)
    if code in _OURS or status in (401, 403, 404):
        return Delivery("later", reason=reason, retry_seconds=port.REFUSED_SECONDS, whole_gateway=True)
    if status >= 500:
        return Delivery("unknown", reason=reason)
    return Delivery("rejected", reason=reason)


def _http_client() -> AsyncTwilioHttpClient:
    """One client for each event loop.

    Its pool is the default one on purpose: without, concurrent sends got each other's answers. Its retries stay
    unset: they post again after a 503, and a limit of 0 is taken for none at all.
    """
    loop = asyncio.get_running_loop()
    client = _http.get(loop)
    if client is None:
        client = _http[loop] = AsyncTwilioHttpClient()
    return client


async def close() -> None:
    """Close this loop's connections."""
    client = _http.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.close()
