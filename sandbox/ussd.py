"""A phone that dials: the gateway's USSD sessions, a signed form for each step, as Africa's Talking posts them.

Owns the sessions that are open, one for each phone: what was typed since dialling, joined by ``*``. A step that is
not answered is posted once more, as gateways do, and then the session is over; so is one that answers END, and one
whose phone dials anew. Refuses an answer that is neither CON nor END, or does not fit 160 characters, as networks do.
"""

from typing import Any
from urllib.parse import urlencode

from sandbox.courier import Call, Outcome
from sandbox.people import Phone, Session
from sandbox.problems import Problem
from sandbox.smsgw import sign
from sandbox.tenants import Tenant
from sandbox.world import World

LONGEST = 160
_TRIES = 2
_TIMEOUT_SECONDS = 10.0


async def dial(world: World, tenant: Tenant, phone: Phone, code: str) -> dict[str, Any]:
    """Begin a session; one that was open is cut. Answers the first screen."""
    if not (code.startswith("*") and code.endswith("#") and 3 <= len(code) <= 40):
        raise Problem(422, "bad-code", "One dials something like *789#.")
    session = world.dialled[phone.number] = Session(tenant.code, code)
    return await _step(world, tenant, phone, session)


async def answer(world: World, tenant: Tenant, phone: Phone, text: str) -> dict[str, Any]:
    """Type an answer to the screen of the open session."""
    session = world.dialled.get(phone.number)
    if session is None or session.tenant != tenant.code:
        raise Problem(409, "no-session", "This phone has no session open: dial first.")
    if len(text) > LONGEST:
        raise Problem(422, "long-text", f"An answer has at most {LONGEST} characters.")
    session.typed.append(text)
    return await _step(world, tenant, phone, session)


async def _step(world: World, tenant: Tenant, phone: Phone, session: Session) -> dict[str, Any]:
    form = {
        "sessionId": session.id,
        "phoneNumber": phone.number,
        "serviceCode": session.code,
        "networkCode": "63601",
        "text": "*".join(session.typed),
    }
    body = urlencode(form).encode()
    outcome = Outcome(None)
    for _ in range(_TRIES):
        stamp = str(int(world.clock.unix_seconds()))
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Equb-Timestamp": stamp,
            "X-Equb-Signature": sign(tenant.http_secret, stamp, body),
        }
        url = f"{world.settings.target}/t/{tenant.code}/ussd/http"
        outcome = await world.courier.call(Call(url, headers, body), _TIMEOUT_SECONDS)
        if outcome.status is not None and outcome.status < 500:
            break
    word, _, text = outcome.text.partition(" ")
    if outcome.status != 200 or word not in ("CON", "END") or len(outcome.text) > LONGEST:
        world.dialled.pop(phone.number, None)
        raise Problem(502, "connection-problem", "Connection problem or invalid MMI code.")
    if word == "END":
        world.dialled.pop(phone.number, None)
    return {"text": text, "open": word == "CON"}
