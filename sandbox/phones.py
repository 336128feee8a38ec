"""The sandbox API of the phones: what a person does with one, and what stands on its screen.

Owns the JSON of /sandbox/phones…; the doing itself is in telegram_person.py, smsgw.py, ussd.py and twilio.py.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox import smsgw, telegram_person, twilio, ussd
from sandbox.people import CAST, Line, Phone, checked_number, telegram_name_of, user_id_of
from sandbox.problems import Problem
from sandbox.telegram import description_of, menu_commands
from sandbox.tenants import Tenant
from sandbox.world import World

_MOST_LINES = 300
_LONGEST_SMS = 1530


async def json_body(request: Request) -> dict[str, Any]:
    """The request's JSON object; 400 or 422 Problem when it is none."""
    try:
        body = await request.json()
    except ValueError as error:
        raise Problem(400, "bad-json", "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise Problem(422, "bad-json", "The body is not a JSON object.")
    return body


def _tenant(request: Request, world: World) -> Tenant:
    return world.tenants.get(request.query_params.get("tenant", "demo"))


def _number(request: Request) -> str:
    return checked_number(request.path_params["phone"])


async def send_sms(request: Request, world: World) -> Response:
    """POST …/{phone}/sms {"text"}; ?gateway=http|twilio instead of the tenant's usual one."""
    number = _number(request)
    text = (await json_body(request)).get("text")
    if not isinstance(text, str) or not text:
        raise Problem(422, "empty-text", 'An SMS needs {"text": "…"}.')
    if len(text) > _LONGEST_SMS:
        raise Problem(422, "long-text", f"A phone sends at most {_LONGEST_SMS} characters.")
    tenant = _tenant(request, world)
    gateway = request.query_params.get("gateway", tenant.default_sms)
    phone = world.people.phone(number)
    if gateway == "twilio" and tenant.twilio_sid:
        delivery = twilio.from_phone(world, tenant, phone, text)
        if delivery is None:
            detail = "Twilio takes this word for itself and tells nobody."
            return JSONResponse({"delivered": False, "status": None, "detail": detail})
    elif gateway == "http" and tenant.http_secret:
        delivery = smsgw.from_phone(world, tenant, phone, text)
    else:
        raise Problem(409, "no-gateway", f"The tenant {tenant.code!r} has no SMS gateway {gateway!r}.")
    return JSONResponse(await telegram_person.report(delivery))


async def use_ussd(request: Request, world: World) -> Response:
    """POST …/{phone}/ussd {"dial": "*789#"} or {"text": "1"} → {"text", "open"}: the screen, and whether it asks."""
    number, body = _number(request), await json_body(request)
    acts = [name for name in ("dial", "text") if isinstance(body.get(name), str)]
    if len(acts) != 1:
        raise Problem(422, "one-act", 'Give exactly one of "dial" and "text", a text.')
    tenant = _tenant(request, world)
    if not tenant.http_secret:
        raise Problem(409, "no-gateway", f"The tenant {tenant.code!r} has no gateway with USSD.")
    phone = world.people.phone(number)
    if acts[0] == "dial":
        return JSONResponse(await ussd.dial(world, tenant, phone, body["dial"]))
    return JSONResponse(await ussd.answer(world, tenant, phone, body["text"]))


async def use_telegram(request: Request, world: World) -> Response:
    """POST …/{phone}/telegram {"text"} or {"press", "message"?} or {"share_contact": true | "+251…"}."""
    number, body = _number(request), await json_body(request)
    acts = [name for name in ("text", "press", "share_contact") if body.get(name)]
    if len(acts) != 1:
        raise Problem(422, "one-act", 'Give exactly one of "text", "press" and "share_contact".')
    here = telegram_person.screen(world, number, _tenant(request, world))
    given = body[acts[0]]
    if acts[0] == "share_contact":
        return JSONResponse(await telegram_person.share_contact(here, number if given is True else str(given)))
    if not isinstance(given, str):
        raise Problem(422, "one-act", f'"{acts[0]}" is a text.')
    if acts[0] == "text":
        return JSONResponse(await telegram_person.write(here, given))
    message = body.get("message")
    if message is not None and not isinstance(message, int):
        raise Problem(422, "one-act", '"message" is the n of a message.')
    return JSONResponse(await telegram_person.press(here, given, message=message))


async def block(request: Request, world: World) -> Response:
    """POST …/{phone}/block {"blocked": true|false} (true when the body is empty): blocks the tenant's bot."""
    number = _number(request)
    body = await json_body(request) if await request.body() else {}
    here = telegram_person.screen(world, number, _tenant(request, world))
    blocked = bool(body.get("blocked", True))
    delivery = telegram_person.set_blocked(here, blocked=blocked)
    told = await telegram_person.report(delivery) if delivery and here.bot.webhook else {"delivered": False}
    return JSONResponse({"blocked": blocked} | told)


def _buttons(line: Line) -> list[str]:
    rows = (line.extra.get("inline") or []) + (line.extra.get("keyboard") or {}).get("rows", [])
    return [button["text"] for row in rows for button in row]


async def received(request: Request, world: World) -> Response:
    """GET …/{phone}/messages?after=n: what the phone received, oldest first, as it reads now."""
    number, after = _number(request), request.query_params.get("after", "0")
    if not after.isdigit():
        raise Problem(422, "bad-after", "after is the n of a message, a whole number.")
    items = [
        {
            "n": line.n,
            "channel": line.channel,
            "text": line.text,
            "buttons": _buttons(line),
            "attachments": line.extra.get("attachments", []),
            "segments": line.extra.get("segments"),
            "at": line.at,
        }
        for line in world.people.after(number, int(after))
        if not line.mine
    ]
    return JSONResponse({"items": items})


async def conversation(request: Request, world: World) -> Response:
    """GET …/{phone}/conversation?since=rev: both sides, for the page; what changed since that revision."""
    number, since = _number(request), request.query_params.get("since", "0")
    lines = world.people.changed_since(number, int(since) if since.isdigit() else 0, most=_MOST_LINES)
    hidden = ("media", "bot", "date", "edit_date")
    items = [
        {
            "n": line.n,
            "rev": line.rev,
            "channel": line.channel,
            "mine": line.mine,
            "text": line.text,
            "at": line.at,
            "edited": "edit_date" in line.extra,
        }
        | {name: value for name, value in line.extra.items() if name not in hidden}
        for line in lines
    ]
    phone = world.people.phone(number)
    return JSONResponse({"items": items, "phone": _shown(world, phone)})


def _shown(world: World, phone: Phone) -> dict[str, Any]:
    first, last = telegram_name_of(phone.number)
    shown: dict[str, Any] = {
        "number": phone.number,
        "label": phone.label or f"{first} {last}",
        "name": f"{first} {last}",
        "user_id": user_id_of(phone.number),
        "channel": phone.channel,
        "language": phone.language,
        "reach": phone.reach,
        "telegram": None,
    }
    tenant = world.tenants.by_code.get("demo")
    if tenant is not None and tenant.bot_id is not None:
        bot = world.bots.bot(tenant.bot_id)
        chat = world.bots.chat(bot, phone)
        shown["telegram"] = {
            "bot": bot.user()["first_name"],
            "username": bot.username,
            "started": chat.started,
            "blocked": chat.blocked,
            "keyboard": chat.keyboard,
            "commands": menu_commands(bot, phone.language),
            "description": description_of(bot, phone.language),
        }
    if tenant is not None:
        shown["sms_number"] = tenant.twilio_number if tenant.default_sms == "twilio" else tenant.http_number
    return shown


async def cast(_request: Request, world: World) -> Response:
    """GET /sandbox/phones: the phones on the page, in their order."""
    shown = sorted((p for p in world.people.phones.values() if p.shown), key=lambda p: (p.place, p.number))
    return JSONResponse({"items": [_shown(world, phone) for phone in shown]})


async def change(request: Request, world: World) -> Response:
    """PUT …/{phone} {"label", "channel", "shown", "place", "language", "reach"}: what is given is changed."""
    number, body = _number(request), await json_body(request)
    allowed: dict[str, tuple[str, ...]] = {
        "channel": ("sms", "telegram"),
        "reach": ("on", "off", "gone"),
    }
    for name, values in allowed.items():
        if name in body and body[name] not in values:
            raise Problem(422, "bad-phone", f'"{name}" is one of {", ".join(values)}.')
    phone = world.people.phone(number)
    for name, kind in (("label", str), ("channel", str), ("reach", str), ("language", str), ("place", int)):
        if name in body:
            if not isinstance(body[name], kind) or len(str(body[name])) > 60:
                raise Problem(422, "bad-phone", f'"{name}" has the wrong type or is too long.')
            setattr(phone, name, body[name])
    phone.shown = bool(body.get("shown", True))
    world.people.save(phone)
    return JSONResponse(_shown(world, phone))


async def hide(request: Request, world: World) -> Response:
    """DELETE …/{phone}: off the page; what it received stays."""
    phone = world.people.phone(_number(request))
    phone.shown = False
    world.people.save(phone)
    return Response(status_code=204)


def fresh_number(world: World) -> str:
    """A number of the default cast's kind that no phone on the page has."""
    start = int(CAST[0][0][1:])
    taken = world.people.phones
    return next(f"+{n}" for n in range(start, start + 10**6) if not ((p := taken.get(f"+{n}")) and p.shown))


async def add(request: Request, world: World) -> Response:
    """POST /sandbox/phones {"number"?, "label"?, "channel"?}: one more phone on the page."""
    body = await json_body(request)
    number = checked_number(str(body["number"]).replace(" ", "")) if body.get("number") else fresh_number(world)
    phone = world.people.phone(number)
    if not phone.shown:
        phone.place = 1 + max((p.place for p in world.people.phones.values() if p.shown), default=0)
    phone.label = str(body.get("label") or phone.label)[:60]
    phone.channel = "telegram" if body.get("channel") == "telegram" else "sms"
    phone.shown = True
    world.people.save(phone)
    return JSONResponse(_shown(world, phone), status_code=201)
