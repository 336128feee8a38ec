"""The stand-in for Twilio's Messages resource: sends, lists, signed webhooks, TwiML answers, STOP.

Twilio's numbers for errors, Twilio's signature (HMAC-SHA1 over URL and sorted fields), Twilio's habit of
taking STOP for itself. Like Twilio it repeats a webhook hardly at all: once when it was answered with
an error (as a fallback URL would), longer only while nobody answers.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.courier import Call, Delivery, Kind, Outcome
from sandbox.faults import Hangup, before_work
from sandbox.people import Phone
from sandbox.problems import Problem
from sandbox.segments import count
from sandbox.sms import Sms
from sandbox.tenants import Tenant
from sandbox.world import World

_LONGEST_BODY = 1600
_TRIES = 2
_TIMEOUT_SECONDS = 15.0
_LARGEST_PAGE = 1000
_STOP_WORDS = frozenset(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"))
_START_WORDS = frozenset(("START", "UNSTOP", "YES"))
_STOPPED = (
    "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe."
)
_STARTED = "You have successfully been re-subscribed to messages from this number. Reply STOP to unsubscribe."
_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_SERVICE = re.compile(r"MG[0-9a-f]{32}")


class _Refused(Exception):
    """A call answered with one of Twilio's error numbers."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def register(world: World) -> None:
    """Teach the courier how Twilio's webhooks look."""

    def build(payload: dict[str, Any]) -> Call | None:
        tenant = world.tenants.by_code.get(payload["tenant"])
        if tenant is None:
            return None
        fields = payload["fields"]
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": sign(tenant.twilio_token, payload["url"], fields),
            "User-Agent": "TwilioProxy/1.1",
        }
        return Call(payload["url"], headers, urlencode(fields).encode())

    def answered(payload: dict[str, Any], outcome: Outcome) -> None:
        tenant = world.tenants.by_code.get(payload["tenant"])
        phone = world.people.phones.get(payload["fields"]["From"])
        if tenant is None or phone is None or tenant.twilio_number in phone.opted_out:
            return
        for text in replies(outcome):
            _carry(world, tenant, phone, sender=tenant.twilio_number, text=text, service="")

    world.courier.register("twilio-inbound", Kind(build, _TRIES, _TIMEOUT_SECONDS, answered))
    world.courier.register("twilio-status", Kind(build, _TRIES, _TIMEOUT_SECONDS))


def sign(token: str, url: str, fields: dict[str, str]) -> str:
    """The X-Twilio-Signature of a form posted to this URL."""
    text = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def replies(outcome: Outcome) -> list[str]:
    """The texts of the <Message> verbs in a TwiML answer; other answers say nothing."""
    if "xml" not in outcome.content_type or not outcome.text.strip():
        return []
    try:
        root = ElementTree.fromstring(outcome.text)  # noqa: S314 - written by the system under development
    except ElementTree.ParseError:
        return []
    texts = []
    for verb in root.iter():
        if verb.tag in ("Message", "Sms"):
            texts.append((verb.findtext("Body") or verb.text or "").strip())
    return [text for text in texts if text]


# The REST resource


async def messages(request: Request, world: World) -> Response:
    """POST and GET /2010-04-01/Accounts/{sid}/Messages.json."""
    try:
        tenant = _tenant(request, world)
        if request.method == "GET":
            return _listing(request, world, tenant)
        fault = world.faults.take("sms", "twilio")
        await before_work(request, fault)
        _refuse_by_fault(fault, tenant)
        async with request.form() as form:
            message = _create(world, tenant, {name: str(value) for name, value in form.items()})
    except _Refused as refused:
        return _answer_refused(refused)
    if fault == "drop_after_commit":
        raise Hangup
    return JSONResponse(_resource(message, fresh=True), status_code=201)


async def message(request: Request, world: World) -> Response:
    """GET /2010-04-01/Accounts/{sid}/Messages/{message}.json."""
    try:
        tenant = _tenant(request, world)
        found = world.messages.by_id.get(request.path_params["message"])
        if found is None or found.account != tenant.twilio_sid:
            raise _Refused(404, 20404, f"The requested resource {request.url.path} was not found")
    except _Refused as refused:
        return _answer_refused(refused)
    return JSONResponse(_resource(found))


def _answer_refused(refused: _Refused) -> Response:
    body = {
        "code": refused.code,
        "message": refused.message,
        "status": refused.status,
        "more_info": f"https://www.twilio.com/docs/errors/{refused.code}",
    }
    return JSONResponse(body, status_code=refused.status)


def _refuse_by_fault(fault: str | None, tenant: Tenant) -> None:
    if fault == "429":
        raise _Refused(429, 20429, "Too Many Requests")
    if fault == "5xx":
        raise _Refused(503, 20503, "Service unavailable")
    if fault == "403":
        raise _Refused(400, 21610, f"Attempt to send to unsubscribed recipient from {tenant.twilio_number}")


def _tenant(request: Request, world: World) -> Tenant:
    account = request.path_params["sid"]
    scheme, _, pair = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(pair, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = password = ""
    tenant = world.tenants.by_twilio_sid.get(user)
    right = tenant is not None and hmac.compare_digest(password.encode(), tenant.twilio_token.encode())
    if scheme.lower() != "basic" or tenant is None or not right or account != tenant.twilio_sid:
        raise _Refused(401, 20003, "Authenticate")
    return tenant


def _create(world: World, tenant: Tenant, form: dict[str, str]) -> Sms:
    to, body, service = form.get("To", ""), form.get("Body", ""), form.get("MessagingServiceSid", "")
    sender = form.get("From", "") or (tenant.twilio_number if service else "")
    if not to:
        raise _Refused(400, 21604, "A 'To' phone number is required.")
    if not sender:
        raise _Refused(400, 21603, "A 'From' phone number is required.")
    if service and not _SERVICE.fullmatch(service):
        raise _Refused(400, 21701, "The Messaging Service does not exist")
    if not body.strip():
        raise _Refused(400, 21602, "Message body is required.")
    if len(body) > _LONGEST_BODY:
        raise _Refused(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
    try:
        phone = world.people.phone(to)
    except Problem as problem:
        raise _Refused(400, 21211, f"Invalid 'To' Phone Number: {to}") from problem
    if sender == to:
        raise _Refused(400, 21266, "'To' and 'From' number cannot be the same")
    if sender != tenant.twilio_number and not _ALPHANUMERIC.fullmatch(sender):
        raise _Refused(400, 21606, f"The 'From' phone number {sender} is not a valid sender of your account.")
    if sender in phone.opted_out:
        raise _Refused(400, 21610, "Attempt to send to unsubscribed recipient")
    _check_options(form)
    return _carry(
        world,
        tenant,
        phone,
        sender=sender,
        text=body,
        service=service,
        callback=form.get("StatusCallback", ""),
    )


def _check_options(form: dict[str, str]) -> None:
    callback = form.get("StatusCallback", "")
    if callback and urlsplit(callback).scheme not in ("http", "https"):
        raise _Refused(400, 21609, "The 'StatusCallback' URL is not a valid URL.")
    validity = form.get("ValidityPeriod", "")
    if validity and not (validity.isdigit() and 1 <= int(validity) <= 36_000):
        raise _Refused(400, 20001, "The 'ValidityPeriod' is not a number of seconds from 1 to 36000.")


def _carry(
    world: World, tenant: Tenant, phone: Phone, *, sender: str, text: str, service: str, callback: str = ""
) -> Sms:
    with world.store.together():
        message = world.messages.send(
            id="SM" + secrets.token_hex(16),
            gateway="twilio",
            account=tenant.twilio_sid,
            ref="",
            to=phone,
            sender=sender,
            text=text,
            service=service,
        )
        if callback:
            _report(world, tenant, message, callback)
    return message


def _report(world: World, tenant: Tenant, message: Sms, url: str) -> None:
    final = {"failed": ["undelivered"], "delivered": ["delivered"], "sent": []}[message.status]
    for status in world.messages.reports("twilio", ["sent", *final]):
        fields = {
            "SmsSid": message.id,
            "SmsStatus": status,
            "MessageSid": message.id,
            "MessageStatus": status,
            "To": message.to,
            "From": message.sender,
            "AccountSid": tenant.twilio_sid,
            "ApiVersion": "2010-04-01",
        }
        if status == "undelivered":
            fields["ErrorCode"] = str(message.error)
        payload = {"tenant": tenant.code, "url": url, "fields": fields}
        world.courier.post("twilio-status", lane=f"twilio:{message.id}", payload=payload)


def _resource(message: Sms, *, fresh: bool = False) -> dict[str, Any]:
    """The message as JSON; a fresh one is queued, whatever became of it since."""
    base = f"/2010-04-01/Accounts/{message.account}/Messages/{message.id}"
    stamp = format_datetime(datetime.fromisoformat(message.at))
    status = "undelivered" if message.status == "failed" else message.status
    error = message.error or None
    return {
        "account_sid": message.account,
        "api_version": "2010-04-01",
        "body": message.text,
        "date_created": stamp,
        "date_updated": stamp,
        "date_sent": None if fresh else stamp,
        "direction": "outbound-api",
        "error_code": None if fresh else error,
        "error_message": None,
        "from": message.sender,
        "messaging_service_sid": message.service or None,
        "num_media": "0",
        "num_segments": str(message.segments),
        "price": None,
        "price_unit": "USD",
        "sid": message.id,
        "status": ("accepted" if message.service else "queued") if fresh else status,
        "subresource_uris": {"media": f"{base}/Media.json"},
        "to": message.to,
        "uri": f"{base}.json",
    }


def _listing(request: Request, world: World, tenant: Tenant) -> Response:
    asked = request.query_params
    size = min(int(asked["PageSize"]) if asked.get("PageSize", "").isdigit() else 50, _LARGEST_PAGE)
    page = int(asked["Page"]) if asked.get("Page", "").isdigit() else 0
    wanted: list[Sms] = []
    more = False
    for found in world.messages.of_account(tenant.twilio_sid, to=asked.get("To")):
        if asked.get("From") not in (None, found.sender) or not _sent_when(asked, found):
            continue
        if len(wanted) == (page + 1) * size:
            more = True
            break
        wanted.append(found)
    rest = {name: value for name, value in asked.items() if name != "Page"}
    here = f"/2010-04-01/Accounts/{tenant.twilio_sid}/Messages.json?"
    body = {
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": max(0, len(wanted) - 1),
        "uri": here + urlencode(rest | {"Page": page}),
        "first_page_uri": here + urlencode(rest | {"Page": 0}),
        "next_page_uri": here + urlencode(rest | {"Page": page + 1}) if more else None,
        "previous_page_uri": here + urlencode(rest | {"Page": page - 1}) if page else None,
        "messages": [_resource(found) for found in wanted[page * size :]],
    }
    return JSONResponse(body)


def _sent_when(asked: Any, found: Sms) -> bool:
    """DateSent (a day), DateSent< and DateSent> (a day or an instant) as the list takes them."""
    day, before, after = asked.get("DateSent"), asked.get("DateSent<"), asked.get("DateSent>")
    at = found.at.replace("+00:00", "Z")
    in_day = day is None or at.startswith(day[:10])
    return in_day and (before is None or at[: len(before)] <= before) and (after is None or at[: len(after)] >= after)


# What a phone sends


def from_phone(world: World, tenant: Tenant, phone: Phone, text: str) -> Delivery | None:
    """A phone writes to the Twilio number; None when Twilio keeps it for itself (STOP and its like)."""
    number, word = tenant.twilio_number, text.strip().upper()
    with world.store.together():
        world.messages.show(phone, sender=number, text=text, mine=True)
        if tenant.twilio_stop_words and word in _STOP_WORDS:
            if number not in phone.opted_out:
                world.messages.show(phone, sender=number, text=_STOPPED, mine=False)
                phone.opted_out.append(number)
                world.people.save(phone)
            return None
        if word in _START_WORDS and number in phone.opted_out:
            phone.opted_out.remove(number)
            world.people.save(phone)
            world.messages.show(phone, sender=number, text=_STARTED, mine=False)
        sid = "SM" + secrets.token_hex(16)
        fields = {
            "MessageSid": sid,
            "SmsMessageSid": sid,
            "SmsSid": sid,
            "SmsStatus": "received",
            "AccountSid": tenant.twilio_sid,
            "ApiVersion": "2010-04-01",
            "NumMedia": "0",
            "From": phone.number,
            "To": number,
            "Body": text,
            "NumSegments": str(count(text).count),
            "FromCountry": "ET",
            "FromState": "",
            "FromCity": "",
            "FromZip": "",
        }
        payload = {
            "tenant": tenant.code,
            "fields": fields,
            "url": f"{world.settings.target}/t/{tenant.code}/sms/twilio",
        }
        return world.courier.post("twilio-inbound", lane=f"twilio:{phone.number}", payload=payload)
