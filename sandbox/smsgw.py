"""A local SMS gateway that speaks plain JSON: /smsgw/send takes messages, webhooks report what happens.

Bearer secret in, HMAC-SHA256 out. Refuses what such a gateway refuses: a wrong secret, a number that
cannot be, an empty or over-long text, a sender it was not told of. Knows no idempotency: the same
message sent twice arrives twice, and can be looked up by the sender's own id before sending again.
"""

import hashlib
import hmac
import json
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.courier import Call, Delivery, Kind
from sandbox.faults import Hangup, before_work
from sandbox.people import Phone
from sandbox.problems import Problem
from sandbox.sms import Sms
from sandbox.tenants import Tenant
from sandbox.world import World

_LONGEST_TEXT = 1600
_INBOUND_TRIES = 60
_STATUS_TRIES = 12
_TIMEOUT_SECONDS = 30.0


def register(world: World) -> None:
    """Teach the courier how this gateway's webhooks look."""

    def build(payload: dict[str, Any]) -> Call | None:
        tenant = world.tenants.by_code.get(payload["tenant"])
        if tenant is None:
            return None
        body = json.dumps(payload["body"], ensure_ascii=False).encode()
        # The stamp is that of the attempt, in simulated time: whoever checks its age knows no other.
        stamp = str(int(world.clock.unix_seconds()))
        headers = {
            "Content-Type": "application/json",
            "X-Equb-Timestamp": stamp,
            "X-Equb-Signature": sign(tenant.http_secret, stamp, body),
        }
        return Call(payload["url"], headers, body)

    world.courier.register("smsgw-inbound", Kind(build, _INBOUND_TRIES, _TIMEOUT_SECONDS))
    world.courier.register("smsgw-status", Kind(build, _STATUS_TRIES, _TIMEOUT_SECONDS))


def sign(secret: str, stamp: str, body: bytes) -> str:
    """hex HMAC-SHA256(secret, stamp + "." + body)."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": code, "message": message}, status_code=status)


def _tenant(request: Request, world: World) -> Tenant | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return world.tenants.by_http_secret.get(secret.strip()) if scheme.lower() == "bearer" else None


async def send(request: Request, world: World) -> Response:
    """POST {"to", "from", "text", "id", "status_url"} → {"id", "segments"}; the last two may miss."""
    tenant = _tenant(request, world)
    if tenant is None:
        return _error(401, "unauthorized", "The bearer secret is not known.")
    fault = world.faults.take("sms", "http")
    await before_work(request, fault)
    if fault == "429":
        refused = _error(429, "too_many", "Too many messages.")
        refused.headers["Retry-After"] = "1"
        return refused
    if fault == "5xx":
        return _error(503, "unavailable", "Try again later.")
    if fault == "403":
        return _error(403, "recipient_blocked", "The subscriber does not take messages from this sender.")
    try:
        given = json.loads(await request.body())
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return _error(400, "bad_json", "The body is not a JSON object.")
    message = _take(world, tenant, given)
    if isinstance(message, Response):
        return message
    if fault == "drop_after_commit":
        raise Hangup
    return JSONResponse({"id": message.id, "segments": message.segments})


def _take(world: World, tenant: Tenant, given: dict[str, Any]) -> Sms | Response:
    text, sender = given.get("text"), given.get("from") or tenant.http_number
    if not isinstance(text, str) or not text.strip():
        return _error(422, "empty_text", "A message needs a text.")
    if len(text) > _LONGEST_TEXT:
        return _error(422, "text_too_long", f"A text has at most {_LONGEST_TEXT} characters.")
    if sender != tenant.http_number:
        return _error(422, "unknown_sender", "This sender is not registered for the account.")
    try:
        phone = world.people.phone(str(given.get("to")))
    except Problem as problem:
        return _error(422, "invalid_to", problem.detail)
    with world.store.together():
        message = world.messages.send(
            id="g" + secrets.token_hex(12),
            gateway="http",
            account=tenant.code,
            ref=str(given.get("id") or ""),
            to=phone,
            sender=tenant.http_number,
            text=text,
        )
        if isinstance(given.get("status_url"), str) and message.status != "sent":
            _report(world, tenant, message, given["status_url"])
    return message


def _report(world: World, tenant: Tenant, message: Sms, url: str) -> None:
    for status in world.messages.reports("http", [message.status]):
        body = {"id": message.id, "status": status, "at": world.clock.stamp()}
        payload = {"tenant": tenant.code, "url": url, "body": body}
        world.courier.post("smsgw-status", lane=f"smsgw:{message.id}", payload=payload)


async def look_up(request: Request, world: World) -> Response:
    """GET /smsgw/messages/{id}: by the gateway's id or the sender's own; 404 when it never arrived here."""
    tenant = _tenant(request, world)
    if tenant is None:
        return _error(401, "unauthorized", "The bearer secret is not known.")
    wanted = request.path_params["id"]
    message = world.messages.by_ref(gateway="http", account=tenant.code, ref=wanted) or world.messages.by_id.get(wanted)
    if message is None or (message.gateway, message.account) != ("http", tenant.code):
        return _error(404, "not_found", "No such message.")
    return JSONResponse(
        {
            "id": message.id,
            "ref": message.ref,
            "to": message.to,
            "from": message.sender,
            "text": message.text,
            "segments": message.segments,
            "status": message.status,
            "at": message.at,
        }
    )


def from_phone(world: World, tenant: Tenant, phone: Phone, text: str) -> Delivery:
    """A phone sends an SMS to the tenant's number: a line on its screen and a webhook on its way."""
    with world.store.together():
        world.messages.show(phone, sender=tenant.http_number, text=text, mine=True)
        body = {
            "id": "i" + secrets.token_hex(12),
            "from": phone.number,
            "to": tenant.http_number,
            "text": text,
            "at": world.clock.stamp(),
        }
        url = f"{world.settings.target}/t/{tenant.code}/sms/http"
        payload = {"tenant": tenant.code, "url": url, "body": body}
        return world.courier.post("smsgw-inbound", lane=f"smsgw:{phone.number}", payload=payload)
