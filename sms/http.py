"""The plain HTTP gateway: what a local aggregator's short code looks like to us when we may choose its form.

We post ``{"to", "from", "text", "id", "status_url"}`` with a bearer secret; it answers ``{"id", "segments"}``. It
posts ``{"id", "from", "to", "text", "at"}`` and ``{"id", "status", "at"}`` to us, and for a missed call, where it can
tell, ``{"id", "from", "to", "event": "missed_call", "at"}``, which is answered like an empty message. Each is signed:
``X-Equb-Signature`` = hex HMAC-SHA256(secret, timestamp + "." + body), ``X-Equb-Timestamp`` in Unix seconds.
Beside the address we post to, ``messages/<our id>`` tells whether a message arrived there.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp

from core import clock
from core.inbox import Inbound
from core.messages import SMS
from core.operator.gateways import Gateway
from core.segments import pieces, plain
from core.telling.outbox import Delivery, Outgoing
from sms import port

# A signature that somebody overheard is worth nothing after this.
OLDEST_SECONDS = 300.0
LONGEST_TEXT = 1600

# What the gateway says of a number that can never be reached; any other refusal is not the number's fault.
_DEAD = ("recipient_blocked", "unknown_subscriber")
_STATES = {
    "sent": "sent",
    "accepted": "sent",
    "delivered": "delivered",
    "failed": "failed",
    "undelivered": "failed",
    "rejected": "failed",
    "expired": "failed",
}

# Status, headers, and the body where it is JSON.
Answer = tuple[int, Mapping[str, str], Any]

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()


def signature(secret: str, stamp: str, body: bytes) -> str:
    """The signature of a body at a time (Unix seconds, as text)."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def verify(call: port.Call, gateway: Gateway) -> bool:
    """The signature is the secret's and fresh."""
    secret = gateway.credentials.get("secret", "")
    stamp = call.headers.get("x-equb-timestamp", "")
    given = call.headers.get("x-equb-signature", "")
    if not secret or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        return False
    # The age is real age: a gateway's clock is the world's, and a sandbox that was moved by a week must not
    # refuse the real gateways beside it. The stand-in lives in the moved time, so in the sandbox that counts too.
    moved = clock.now().timestamp()
    clocks = (moved - clock.offset_seconds(), moved)
    if not any(abs(now - int(stamp)) <= OLDEST_SECONDS for now in clocks):
        return False
    return hmac.compare_digest(signature(secret, stamp, call.body).encode(), given.lower().encode())


def _read(call: port.Call) -> dict[str, Any]:
    try:
        body = json.loads(call.body)
    except ValueError as error:
        raise port.Malformed("the body is not JSON") from error
    if not isinstance(body, dict) or not body.get("id"):
        raise port.Malformed("the body is not an object with an id")
    return body


def parse(call: port.Call, gateway: Gateway, received_at: datetime) -> Inbound | port.Ignored:
    """A message from a phone."""
    body = _read(call)
    if body.get("event") == "missed_call":
        body["text"] = ""
    if not isinstance(body.get("from"), str) or not isinstance(body.get("text"), str):
        raise port.Malformed("from and text are texts")
    phone = port.sender_phone(body["from"], gateway)
    if phone is None:
        return port.Ignored("the sender is no phone")
    return Inbound(
        channel=SMS,
        gateway=gateway.name,
        address=phone,
        text=body["text"],
        external_id=str(body["id"])[:200],
        received_at=received_at,
    )


def answers_itself(call: port.Call) -> bool:
    """Never: this gateway leaves every word to us."""
    return False


def answers_in_webhook(gateway: Gateway) -> bool:
    """Never: replies are posted."""
    return False


def parse_status(call: port.Call, gateway: Gateway) -> port.Report | port.Ignored:
    """A delivery report. ``reason`` ``unknown_subscriber`` says that the number is no more."""
    body = _read(call)
    status = str(body.get("status", "")).lower()
    if status not in _STATES:
        return port.Ignored(f"a state that says nothing: {status[:40]}")
    reason = str(body["reason"])[:100] if body.get("reason") else None
    if reason == "unknown_subscriber":
        reason = "dead"
    return port.Report(str(body["id"])[:200], _STATES[status], reason, status)


def answer(gateway: Gateway, texts: Sequence[str]) -> tuple[str, str]:
    """Taken."""
    return "application/json", "{}"


async def send(outgoing: Outgoing, gateway: Gateway, status_url: str) -> Delivery:
    """Post the message; longer texts than the gateway takes go as several messages of one delivery."""
    delivery = Delivery("rejected", reason="nothing to say")
    for gone, text in enumerate(pieces(plain(outgoing.text), longest=LONGEST_TEXT)):
        # The gateway can be asked later whether it knows a message by our id, so each piece has its own.
        reference = str(outgoing.id) if gone == 0 else f"{outgoing.id}.{gone}"
        body = {
            "to": outgoing.address,
            "from": gateway.sender,
            "text": text,
            "id": reference,
            "status_url": status_url,
            "valid_seconds": port.valid_seconds(outgoing),
        }
        delivery = await _post(gateway, body)
        if delivery.outcome != "sent":
            return port.halfway(delivery, gone=gone)
    return delivery


async def _post(gateway: Gateway, body: dict[str, Any]) -> Delivery:
    try:
        status, headers, given = await _call("POST", gateway, gateway.credentials.get("url", ""), body)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        # Nothing has left this machine.
        return Delivery(
            "later",
            reason=type(error).__name__,
            retry_seconds=port.OUT_OF_REACH_SECONDS,
            whole_gateway=True,
        )
    except aiohttp.InvalidURL as error:
        # The address is not one: ours to mend, like wrong credentials.
        return Delivery("later", reason=type(error).__name__, retry_seconds=port.REFUSED_SECONDS, whole_gateway=True)
    except TimeoutError as error:
        # It may still be at work on it: asking now would say no too early.
        return Delivery("unknown", reason=type(error).__name__)
    except aiohttp.ClientError as error:
        return await _look_up(gateway, body["id"], type(error).__name__)
    if status >= 500:
        return await _look_up(gateway, body["id"], f"status {status}")
    return _outcome(status, headers, given if isinstance(given, dict) else {})


async def _call(method: str, gateway: Gateway, url: str, body: dict[str, Any] | None = None) -> Answer:
    """The answer, with its body where that is JSON, else None."""
    headers = {"Authorization": f"Bearer {gateway.credentials['secret']}"}
    async with _client().request(method, url, json=body, headers=headers, allow_redirects=False) as response:
        content = await response.read()
    try:
        given = json.loads(content)
    except ValueError:
        given = None
    return response.status, response.headers, given


async def _look_up(gateway: Gateway, reference: str, reason: str) -> Delivery:
    """Whether a message whose answer got lost has arrived: sent, later (it has not), or still unknown."""
    url = f"{gateway.credentials['url'].rpartition('/')[0]}/messages/{reference}"
    try:
        status, _, known = await _call("GET", gateway, url)
    except (aiohttp.ClientError, TimeoutError):
        return Delivery("unknown", reason=reason)
    if status == 200 and isinstance(known, dict) and known.get("id"):
        return Delivery("sent", provider_id=str(known["id"])[:200], reason=f"looked up after {reason}")
    if status == 404 and isinstance(known, dict) and known.get("error") == "not_found":
        return Delivery("later", reason=reason)
    return Delivery("unknown", reason=reason)


def _outcome(status: int, headers: Mapping[str, str], body: dict[str, Any]) -> Delivery:
    code = str(body.get("error") or status)[:100]
    match status:
        case _ if 200 <= status < 300:
            if not body.get("id"):
                return Delivery("unknown", reason="accepted without an id")
            return Delivery("sent", provider_id=str(body["id"])[:200])
        case 429:
            wait = headers.get("retry-after", "")
            seconds = float(wait) if wait.isascii() and wait.isdigit() else port.OUT_OF_REACH_SECONDS
            return Delivery("later", reason=code, retry_seconds=seconds, whole_gateway=True)
        case _ if code in _DEAD:
            return Delivery("dead", reason=code)
        case 401 | 403 | 404:
            # Ours to mend, and no fault of the message: it waits until address and credentials are right.
            return Delivery("later", reason=code, retry_seconds=port.REFUSED_SECONDS, whole_gateway=True)
        case _:
            return Delivery("rejected", reason=code)


def _client() -> aiohttp.ClientSession:
    """One client for each event loop: its connections live in the loop that opened them."""
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = _clients[loop] = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, connect=5.0, sock_read=port.ANSWER_SECONDS),
            # Shorter than servers keep an idle connection: a post on one that was just closed would be unknown.
            connector=aiohttp.TCPConnector(limit=50, keepalive_timeout=3.0),
            # No answer of a gateway sets anything for the next call.
            cookie_jar=aiohttp.DummyCookieJar(),
        )
    return client


async def close() -> None:
    """Close this loop's connections."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.close()
