"""Webhooks: what Telegram and the SMS gateways post to us. Verify, one transaction in core, 2xx after its commit.

A wrong secret or signature stores nothing (Telegram 401, SMS and USSD 403). Replies are delivered after the answer,
by this process. No provider of payments is configured here: its path answers 404.
"""

import asyncio
import hmac
import json
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

import bot
import sms
from api import metrics, nudge, problems, replies
from api.problems import problem
from core import clock, people
from core.db import transaction
from core.errors import NotFound
from core.ids import new_id
from core.inbox import Inbound
from core.messages import SMS, TELEGRAM
from core.operator import gateways
from core.operator.gateways import Gateway
from core.people import Tenant
from core.talking import conversation
from core.telling import outbox
from core.telling.outbox import Delivery, Outgoing
from sms import ussd
from sms.port import Adapter, Call, Malformed, Report

log = structlog.get_logger(__name__)

LONGEST_BODY_BYTES = 64 * 1024

# A report can overtake the answer to the send that it is about: it is tried again after these.
REPORT_AGAIN_SECONDS = (0.1, 0.5, 2.0, 10.0)


class _TooLong(Exception):
    """The body is longer than any webhook."""


async def _body(request: Request) -> bytes:
    """The body, read no further than the limit. Raises ``_TooLong``."""
    said = request.headers.get("content-length", "0")
    if said.isascii() and said.isdigit() and int(said) > LONGEST_BODY_BYTES:
        raise _TooLong
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY_BYTES:
            raise _TooLong
    return bytes(body)


def _too_long() -> Response:
    return problem(413, "too-long", f"A webhook has at most {LONGEST_BODY_BYTES} bytes.")


def _malformed(why: str) -> Response:
    return problem(400, "malformed", why)


# --- Telegram ------------------------------------------------------------------------------------


async def telegram(request: Request) -> Response:
    """An update for the tenant's bot."""
    tenant = request.path_params["tenant"]
    whose = await people.tenant_by_code(tenant)
    gateway = await gateways.gateway(whose.id, TELEGRAM)
    expected = gateway.credentials.get("secret", "")
    given = request.headers.get("x-telegram-bot-api-secret-token", "")
    # A bot without a secret is fetched by polling: then nobody may post here.
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        metrics.INBOUND.labels(TELEGRAM, "refused").inc()
        return problem(401, "wrong-secret", "The secret token is missing or wrong.")
    try:
        update: Any = json.loads(await _body(request))
    except _TooLong:
        return _too_long()
    except ValueError:
        update = None
    if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
        metrics.INBOUND.labels(TELEGRAM, "malformed").inc()
        return _malformed("The body is no update.")
    taken = await bot.take_in(whose, gateway, update, received_at=clock.now())
    metrics.INBOUND.labels(TELEGRAM, taken.result).inc()

    if taken.wants_answer:

        async def after() -> None:
            notified = taken.handled.notified if taken.handled else []
            await asyncio.gather(nudge.nudge(whose.id, notified), bot.answer(taken, send=replies.send))

        replies.later(f"{whose.id}:{taken.address or update['update_id']}", after)
    return Response(status_code=200)


# --- SMS -----------------------------------------------------------------------------------------


async def _sms_gateway(tenant: str, name: str) -> tuple[Tenant, Gateway, Adapter]:
    """Raises ``NotFound`` for a tenant or gateway that is not there."""
    whose = await people.tenant_by_code(tenant)
    gateway = await gateways.gateway(whose.id, name)
    adapter = sms.ADAPTERS.get(name)
    if adapter is None or gateway.channel != SMS:
        raise NotFound("gateway.unknown", gateway=name[:40])
    return whose, gateway, adapter


async def _call(request: Request, url: str) -> Call:
    # The query belongs to what is signed; we give gateways no such address, but they may add to it.
    query = request.scope["query_string"].decode("latin-1")
    return Call(f"{url}?{query}" if query else url, dict(request.headers), await _body(request))


async def sms_message(request: Request) -> Response:
    """A message of a phone."""
    tenant, name = request.path_params["tenant"], request.path_params["name"]
    whose, gateway, adapter = await _sms_gateway(tenant, name)
    try:
        call = await _call(request, sms.webhook_url(whose.code, name))
        if not adapter.verify(call, gateway):
            metrics.INBOUND.labels(name, "refused").inc()
            return problem(403, "wrong-signature", "The signature is missing, wrong or too old.")
        inbound = adapter.parse(call, gateway, clock.now())
    except _TooLong:
        return _too_long()
    except Malformed as error:
        metrics.INBOUND.labels(name, "malformed").inc()
        return _malformed(f"{error}.")
    if not isinstance(inbound, Inbound):
        metrics.INBOUND.labels(name, "ignored").inc()
        log.info("sms_ignored", tenant=whose.code, gateway=name, reason=inbound.reason)
        return _said(adapter, gateway, [])
    # A word that the gateway has answered itself is not answered a second time.
    left_to_it = adapter.answers_itself(call)
    in_answer = adapter.answers_in_webhook(gateway) and not left_to_it
    handled = await conversation.receive(whose, inbound, in_answer)
    metrics.INBOUND.labels(name, "new" if handled.new else "repeated").inc()
    if left_to_it:
        for message in handled.outgoing:
            await outbox.deliver(message, _left_to_gateway)
        handled.outgoing.clear()
    if handled.outgoing or handled.notified:

        async def after() -> None:
            await asyncio.gather(nudge.nudge(whose.id, handled.notified), replies.deliver(handled.outgoing))

        replies.later(f"{whose.id}:{inbound.address}", after)
    # Repeated because our first answer was lost: the same is said again, and nothing is done again.
    return _said(adapter, gateway, handled.in_answer)


async def _left_to_gateway(_outgoing: Outgoing) -> Delivery:
    return Delivery("rejected", reason="the gateway answers this word itself")


def _said(adapter: Adapter, gateway: Gateway, texts: list[str]) -> Response:
    kind, body = adapter.answer(gateway, texts)
    return Response(body, media_type=kind)


async def sms_status(request: Request) -> Response:
    """A delivery report."""
    tenant, name = request.path_params["tenant"], request.path_params["name"]
    whose, gateway, adapter = await _sms_gateway(tenant, name)
    try:
        call = await _call(request, sms.status_url(whose.code, name))
        if not adapter.verify(call, gateway):
            metrics.REPORTS.labels(name, "refused").inc()
            return problem(403, "wrong-signature", "The signature is missing, wrong or too old.")
        report = adapter.parse_status(call, gateway)
    except _TooLong:
        return _too_long()
    except Malformed as error:
        return _malformed(f"{error}.")
    if isinstance(report, Report):
        metrics.REPORTS.labels(name, report.state).inc()
        if not await _keep_report(whose, name, report, clock.now()):
            replies.later(f"report:{report.provider_id}:{report.status}", lambda: _report_again(whose, name, report))
    return Response(status_code=204)


async def _keep_report(whose: Tenant, name: str, report: Report, now: datetime) -> bool:
    """Store a report once and apply it; False when we know no such message (yet)."""
    async with transaction(whose.id, now=now) as tx:
        await tx.session.execute(
            text(
                "INSERT INTO provider_events (id, tenant_id, provider, external_id, body, received_at)"
                " VALUES (:id, :tenant, :provider, :external_id, cast(:body AS jsonb), :now) ON CONFLICT DO NOTHING"
            ),
            {
                "id": new_id(),
                "tenant": whose.id,
                "provider": name,
                "external_id": f"{report.provider_id}:{report.status}",
                # Only what the report says of the message: the raw one holds a phone number in clear.
                "body": json.dumps({"id": report.provider_id, "status": report.status, "reason": report.reason}),
                "now": now,
            },
        )
        return await outbox.report(
            tx, gateway=name, provider_id=report.provider_id, state=report.state, reason=report.reason
        )


async def _report_again(whose: Tenant, name: str, report: Report) -> None:
    for seconds in REPORT_AGAIN_SECONDS:
        await asyncio.sleep(seconds)
        if await _keep_report(whose, name, report, clock.now()):
            return
    log.info("report_of_unknown_message", tenant=whose.code, gateway=name)


# --- USSD ----------------------------------------------------------------------------------------


async def ussd_step(request: Request) -> Response:
    """A step of a phone's session; the answer is its next screen."""
    tenant, name = request.path_params["tenant"], request.path_params["name"]
    whose, gateway, _ = await _sms_gateway(tenant, name)
    if name not in ussd.GATEWAYS:
        raise NotFound("gateway.unknown", gateway=name[:40])
    try:
        call = await _call(request, sms.ussd_url(whose.code, name))
        if not ussd.verify(call, gateway):
            metrics.INBOUND.labels("ussd", "refused").inc()
            return problem(403, "wrong-signature", "The signature is missing, wrong or too old.")
        inbound = ussd.parse(call, gateway, clock.now())
    except _TooLong:
        return _too_long()
    except Malformed as error:
        metrics.INBOUND.labels("ussd", "malformed").inc()
        return _malformed(f"{error}.")
    if not isinstance(inbound, Inbound):
        metrics.INBOUND.labels("ussd", "ignored").inc()
        return _malformed("The sender is no phone.")
    handled = await conversation.receive(whose, inbound, True)
    metrics.INBOUND.labels("ussd", "new" if handled.new else "repeated").inc()
    if handled.notified:
        replies.later(f"{whose.id}:{inbound.address}", lambda: nudge.nudge(whose.id, handled.notified))
    return Response(
        ussd.answer("\n".join(handled.in_answer), goes_on=handled.goes_on), media_type="text/plain; charset=utf-8"
    )


# --- Payments ------------------------------------------------------------------------------------


async def payments(request: Request) -> Response:
    """No provider of payments is configured: groups keep book of money that moves between people."""
    await people.tenant_by_code(request.path_params["tenant"])
    return problem(404, "provider.unknown", "No such provider is configured.")


# --- The door ------------------------------------------------------------------------------------


class _Hook(Route):
    """A route that leaves its template where the measuring looks for it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, {**found, "route": self} if found else found


class Webhooks:
    """ASGI middleware that takes what is posted under ``/t/`` and passes on everything else.

    Webhooks are nearly all that arrives, and use nothing of what the framework does for a request: no models, no
    dependencies. Taken here, they pass by a dozen routers and four layers; errors are answered as everywhere.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._others = app
        self._hooks = Starlette(
            routes=[
                _Hook("/t/{tenant}/telegram", telegram, methods=["POST"]),
                _Hook("/t/{tenant}/sms/{name}", sms_message, methods=["POST"]),
                _Hook("/t/{tenant}/sms/{name}/status", sms_status, methods=["POST"]),
                _Hook("/t/{tenant}/ussd/{name}", ussd_step, methods=["POST"]),
                _Hook("/t/{tenant}/payments/{provider}", payments, methods=["POST"]),
            ]
        )
        problems.install(self._hooks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and scope["path"].startswith("/t/")
        await (self._hooks if ours else self._others)(scope, receive, send)
