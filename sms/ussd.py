"""USSD through the plain HTTP gateway, as Africa's Talking puts it: a form for each step, ``CON`` or ``END`` back.

The form has ``sessionId``, ``phoneNumber``, ``serviceCode``, ``networkCode`` and ``text``: everything that was typed
since dialling, joined by ``*``. It is signed like a message of the gateway (``sms.http``), over its raw body. A step
is known by phone, session and text, so a repeated one is the same step; what was typed may hold a PIN, so its name in
the inbox is a keyed hash. Refuses a session without an id, and phones that are none.
"""

from datetime import datetime
from urllib.parse import parse_qs

from core import crypto
from core.inbox import Inbound
from core.messages import SMS
from core.operator.gateways import Gateway
from sms import http, port

# Gateways that have session calls beside their messages.
GATEWAYS = frozenset({"http"})

_LONGEST_SESSION = 200


def verify(call: port.Call, gateway: Gateway) -> bool:
    """The signature is the gateway's, and fresh."""
    return http.verify(call, gateway)


def parse(call: port.Call, gateway: Gateway, received_at: datetime) -> Inbound | port.Ignored:
    """A step of a session: what was typed last, and which screen it answers. Raises ``port.Malformed``."""
    try:
        form = parse_qs(call.body.decode(), keep_blank_values=True, strict_parsing=bool(call.body))
    except ValueError as error:
        raise port.Malformed("the body is not a form") from error
    session, text = form.get("sessionId", [""])[0], form.get("text", [""])[0]
    if not session or len(session) > _LONGEST_SESSION:
        raise port.Malformed("there is no sessionId")
    phone = port.sender_phone(form.get("phoneNumber", [""])[0], gateway)
    if phone is None:
        return port.Ignored("the sender is no phone")
    before, _, typed = text.rpartition("*")
    return Inbound(
        channel=SMS,
        gateway=gateway.name,
        address=phone,
        text=typed,
        external_id=_step(phone, session, text),
        received_at=received_at,
        screen=True,
        before=_step(phone, session, before) if text else "",
    )


def _step(phone: str, session: str, text: str) -> str:
    return f"ussd:{crypto.lookup(f'{phone}:{session}:{text}', 'ussd').hex()}"


def answer(text: str, *, goes_on: bool) -> str:
    """The screen, and whether the phone may answer it."""
    return f"{'CON' if goes_on else 'END'} {text}"
