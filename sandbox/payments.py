"""A payment provider in its plainest form: a hosted checkout, its outcome, a signed webhook, a look-up.

Any name under /sandbox/providers is a provider. Owns the payments and what a person does with them; the
webhook is signed (as smsgw.py signs) with the bearer secret that opened the checkout.
"""

import json
import re
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.courier import Call, Kind
from sandbox.faults import Hangup, before_work
from sandbox.paybook import Payment
from sandbox.people import checked_number
from sandbox.phones import json_body
from sandbox.problems import Problem
from sandbox.smsgw import sign
from sandbox.world import World

OUTCOMES = ("succeed", "fail", "timeout", "late_success", "wrong_amount", "duplicate")

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,11})\.([0-9]{2})")
_TRIES = 12
_TIMEOUT_SECONDS = 30.0


def register(world: World) -> None:
    """Teach the courier how the providers' webhooks look."""

    def build(payload: dict[str, Any]) -> Call:
        body = json.dumps(payload["body"]).encode()
        stamp = str(int(world.clock.unix_seconds()))
        signature = sign(payload["secret"], stamp, body)
        headers = {
            "Content-Type": "application/json",
            "X-Equb-Timestamp": stamp,
            "X-Equb-Signature": signature,
        }
        return Call(payload["url"], headers, body)

    world.courier.register("payment", Kind(build, _TRIES, _TIMEOUT_SECONDS))


def _shown(payment: Payment) -> dict[str, Any]:
    hidden = ("secret", "webhook_url")
    return {name: value for name, value in asdict(payment).items() if name not in hidden}


async def listing(request: Request, world: World) -> Response:
    """GET /sandbox/payments?phone=…: checkouts, newest first, of one phone or of all."""
    phone = request.query_params.get("phone")
    if phone is not None:
        # A "+" in a query string arrives as a space when it was not escaped.
        phone = checked_number("+" + phone[1:] if phone.startswith(" ") else phone)
    found = [p for p in world.payments.by_reference.values() if phone in (None, p.phone)]
    return JSONResponse({"items": [_shown(payment) for payment in reversed(found)]})


async def settle(request: Request, world: World) -> Response:
    """POST /sandbox/payments/{reference} {"outcome"}: the person pays, fails, or something odd happens."""
    payment = world.payments.by_reference.get(request.path_params["reference"])
    if payment is None:
        raise Problem(404, "no-such-payment", "No checkout was opened under this reference.")
    outcome = (await json_body(request)).get("outcome")
    if outcome not in OUTCOMES:
        raise Problem(422, "bad-outcome", f"outcome is one of {', '.join(OUTCOMES)}.")
    if payment.status != "pending":
        raise Problem(409, "already-settled", f"This payment has already {payment.status}.")
    payment.outcome = outcome
    reports = {
        "succeed": ["succeeded"],
        "fail": ["failed"],
        "timeout": [],
        "late_success": ["failed", "succeeded"],
        "wrong_amount": ["succeeded"],
        "duplicate": ["succeeded", "succeeded"],
    }[outcome]
    with world.store.together():
        if reports:
            payment.status = reports[-1]
        if payment.status == "succeeded":
            payment.paid = _a_little_less(payment.amount) if outcome == "wrong_amount" else payment.amount
        world.payments.save(payment)
        for status in reports:
            _report(world, payment, status)
    return JSONResponse(_shown(payment))


def _a_little_less(amount: str) -> str:
    santim = int(amount.replace(".", "")) - 100
    return f"{max(santim, 1) // 100}.{max(santim, 1) % 100:02d}"


def _report(world: World, payment: Payment, status: str) -> None:
    body = {
        "reference": payment.reference,
        "status": status,
        "amount": payment.paid if status == "succeeded" else "0.00",
        "currency": payment.currency,
    }
    payload = {"url": payment.webhook_url, "secret": payment.secret, "body": body}
    world.courier.post("payment", lane=f"payment:{payment.reference}", payload=payload)


async def _secret_after_faults(request: Request, world: World) -> tuple[str, str | None]:
    """The bearer secret of the caller, and the fault this call meets; Problem for those that refuse."""
    provider = request.path_params["provider"]
    fault = world.faults.take(provider)
    await before_work(request, fault)
    refusals = {"429": 429, "403": 403, "5xx": 503}
    if fault in refusals:
        raise Problem(refusals[fault], "unavailable", f"{provider} does not take this now.")
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Problem(401, "unauthorized", "A bearer secret is needed.")
    return secret.strip(), fault


async def open_checkout(request: Request, world: World) -> Response:
    """POST {"reference", "amount": "1000.00", "currency", "phone", "webhook_url"} → {"checkout_url"}; 201."""
    secret, fault = await _secret_after_faults(request, world)
    body = await json_body(request)
    reference, amount, url = (str(body.get(name) or "") for name in ("reference", "amount", "webhook_url"))
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", reference):
        raise Problem(422, "bad-checkout", "reference is 1 to 64 letters, digits, - and _.")
    if reference in world.payments.by_reference:
        raise Problem(409, "reference-used", "This reference has been used before.")
    if not _AMOUNT.fullmatch(amount) or amount == "0.00":
        raise Problem(422, "bad-checkout", 'amount is a text with two decimals, such as "1000.00".')
    if not url.startswith(("http://", "https://")):
        raise Problem(422, "bad-checkout", "webhook_url is not a URL.")
    payment = Payment(
        reference=reference,
        provider=request.path_params["provider"],
        phone=checked_number(str(body.get("phone"))),
        amount=amount,
        currency=str(body.get("currency") or "ETB"),
        webhook_url=url,
        secret=secret,
        at=world.clock.stamp(),
    )
    world.payments.save(payment)
    if fault == "drop_after_commit":
        raise Hangup
    return JSONResponse(_shown(payment) | {"checkout_url": f"/sandbox#pay={reference}"}, status_code=201)


async def look_up(request: Request, world: World) -> Response:
    """GET …/checkouts/{reference}: how it stands; 404 Problem when it never arrived here."""
    secret, fault = await _secret_after_faults(request, world)
    payment = world.payments.by_reference.get(request.path_params["reference"])
    if payment is None or payment.secret != secret:
        raise Problem(404, "no-such-payment", "No checkout was opened under this reference.")
    if fault == "drop_after_commit":
        raise Hangup
    return JSONResponse(_shown(payment))
