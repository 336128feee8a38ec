"""The Bot API of the stand-in for Telegram: /bot<token>/<method>, and the envelopes it answers with.

Owns parameters in all their forms, faults, webhook and long polling, and a bot's profile. Private chats
only: groups and channels are chats nobody has. Sending is in telegram_send.py.
"""

import inspect
import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.faults import Hangup, before_work
from sandbox.telegram_bots import Bot
from sandbox.telegram_markup import BadRequest
from sandbox.telegram_send import METHODS as SENDING
from sandbox.telegram_send import Ask, Forbidden, Upload
from sandbox.world import World

_PATH = re.compile(r"/bot(\d+):([A-Za-z0-9_-]+)/(?:test/)?([A-Za-z_]+)")
_FILE_PATH = re.compile(r"/file/bot(\d+):[A-Za-z0-9_-]+/(?:photos|documents)/([A-Za-z0-9_-]+)(?:\.\w+)?")
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_LONGEST_POLL_SECONDS = 50.0

#: Calls that carry words to people. Faults and the rate apply to these, so that "twice 429" means two
#: messages and is not used up by a getMe.
_CARRYING = ("sendmessage", "sendphoto", "senddocument", "editmessagetext", "editmessagereplymarkup")


class _Conflict(Exception):
    """409: webhook and long polling, or two pollers, at once."""


def _error(code: int, description: str, **parameters: object) -> JSONResponse:
    body: dict[str, object] = {"ok": False, "error_code": code, "description": description}
    return JSONResponse(body | ({"parameters": parameters} if parameters else {}), status_code=code)


def _too_many(seconds: int) -> JSONResponse:
    return _error(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


async def endpoint(request: Request, world: World) -> Response:
    """Any call under /bot…; always Telegram's own envelope."""
    path = _PATH.fullmatch(request.url.path)
    if path is None:
        return _error(404, "Not Found")
    bot = world.bots.bot(int(path.group(1)))
    method = path.group(3).lower()
    handler = _METHODS.get(method) or SENDING.get(method)
    if handler is None:
        return _error(404, "Not Found: method not found")
    fault = world.faults.take("telegram") if method in _CARRYING else None
    if fault is not None:
        await before_work(request, fault)
        if fault == "429":
            return _too_many(1)
        if fault == "5xx":
            return _error(502, "Bad Gateway")
        if fault == "403":
            return _error(403, "Forbidden: bot was blocked by the user")
    if method in _CARRYING and (seconds := world.bots.retry_after(bot)):
        return _too_many(seconds)
    try:
        params, uploads = await _parameters(request)
        result = handler(Ask(world, bot, params, uploads))
        if inspect.isawaitable(result):
            result = await result
    except BadRequest as refused:
        return _error(400, f"Bad Request: {refused}")
    except Forbidden as refused:
        return _error(403, f"Forbidden: {refused}")
    except _Conflict as refused:
        return _error(409, f"Conflict: {refused}")
    if fault == "drop_after_commit":
        raise Hangup
    return JSONResponse({"ok": True, "result": result})


async def download(request: Request, world: World) -> Response:
    """/file/bot<token>/<file_path> as getFile named it."""
    path = _FILE_PATH.fullmatch(request.url.path)
    found = world.store.get_file(path.group(2)) if path else None
    if found is None:
        return _error(404, "Not Found")
    return Response(found[2], media_type="application/octet-stream")


async def _parameters(request: Request) -> tuple[dict[str, Any], dict[str, Upload]]:
    params: dict[str, Any] = dict(request.query_params)
    uploads: dict[str, Upload] = {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST":
        return params, uploads
    if kind == "application/x-www-form-urlencoded":
        text = (await request.body()).decode("utf-8", "replace")
        params.update(parse_qsl(text, keep_blank_values=True))
    elif kind == "multipart/form-data":
        async with request.form() as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    mime = value.content_type or "application/octet-stream"
                    uploads[name] = Upload(value.filename or name, mime, await value.read())
                else:
                    params[name] = value
    elif body := await request.body():
        try:
            given = json.loads(body)
        except ValueError as error:
            raise BadRequest("can't parse JSON object") from error
        if not isinstance(given, dict):
            raise BadRequest("can't parse JSON object")
        params.update(given)
    return params, uploads


# Webhook and long polling


def _set_webhook(ask: Ask) -> bool:
    url = str(ask.params.get("url") or "")
    secret = str(ask.params.get("secret_token") or "")
    if url and not url.startswith(("http://", "https://")):
        raise BadRequest("bad webhook: invalid webhook URL specified")
    if secret and not _SECRET.fullmatch(secret):
        raise BadRequest("secret token contains unallowed characters")
    if ask.flag("drop_pending_updates"):
        ask.world.bots.drop_waiting(ask.bot)
    allowed = ask.rows("allowed_updates")
    ask.world.bots.set_webhook(ask.bot, url, secret=secret if url else "", allowed=allowed)
    return True


def _delete_webhook(ask: Ask) -> bool:
    if ask.flag("drop_pending_updates"):
        ask.world.bots.drop_waiting(ask.bot)
    ask.world.bots.set_webhook(ask.bot, "", secret="", allowed=None)
    return True


def _webhook_info(ask: Ask) -> dict[str, Any]:
    info: dict[str, Any] = {
        "url": ask.bot.webhook,
        "has_custom_certificate": False,
        "pending_update_count": len(ask.world.bots.waiting(ask.bot)),
    }
    if ask.bot.webhook:
        info["max_connections"] = 40
    if ask.bot.allowed:
        info["allowed_updates"] = ask.bot.allowed
    return info


async def _get_updates(ask: Ask) -> list[dict[str, Any]]:
    world, bot = ask.world, ask.bot
    if bot.webhook:
        raise _Conflict("can't use getUpdates method while webhook is active; use deleteWebhook first")
    allowed = ask.rows("allowed_updates")
    if allowed is not None and allowed != bot.allowed:
        bot.allowed = allowed
        world.bots.save(bot)
    offset = ask.number("offset", 0)
    if offset > 0:
        world.bots.drop_waiting(bot, below=offset)
    timeout_seconds = min(float(ask.number("timeout", 0)), _LONGEST_POLL_SECONDS)
    limit = max(1, min(100, ask.number("limit", 100)))
    ends = time.monotonic() + timeout_seconds
    while True:
        world.bots.polled_at[bot.bot_id] = time.monotonic()
        left = ends - time.monotonic()
        waiting = world.bots.waiting(bot)
        ids = sorted(waiting)[offset:] if offset < 0 else sorted(waiting)
        if ids or left <= 0:
            return [waiting[update_id].payload["update"] for update_id in ids[:limit]]
        await world.bots.arrival(bot, min(left, 10.0))
        if bot.webhook:
            raise _Conflict("terminated by setWebhook request")


# A bot's profile


def _text_setter(field: str, *, longest: int) -> Callable[[Ask], bool]:
    def handler(ask: Ask) -> bool:
        text = str(ask.params.get(field) or "")
        if len(text) > longest:
            raise BadRequest(f"{field} is too long")
        ask.bot.profile.setdefault(field, {})[str(ask.params.get("language_code") or "")] = text
        ask.world.bots.save(ask.bot)
        return True

    return handler


def _text_getter(field: str) -> Callable[[Ask], dict[str, str]]:
    def handler(ask: Ask) -> dict[str, str]:
        texts = ask.bot.profile.get(field, {})
        return {field: texts.get(str(ask.params.get("language_code") or ""), texts.get("", ""))}

    return handler


def _commands_key(ask: Ask) -> str:
    scope = ask.fields("scope") or {"type": "default"}
    return f"{scope.get('type')}:{scope.get('chat_id', '')}:{ask.params.get('language_code') or ''}"


def _set_commands(ask: Ask) -> bool:
    commands = ask.rows("commands")
    if commands is None or len(commands) > 100:
        raise BadRequest("can't parse commands: an Array of at most 100 expected")
    for command in commands:
        if not isinstance(command, dict):
            raise BadRequest("can't parse BotCommand: an Object expected")
        if not re.fullmatch(r"[a-z0-9_]{1,32}", str(command.get("command", "")).removeprefix("/")):
            raise BadRequest("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise BadRequest("BOT_COMMAND_DESCRIPTION_INVALID")
    ask.bot.profile.setdefault("commands", {})[_commands_key(ask)] = commands
    ask.world.bots.save(ask.bot)
    return True


def _get_commands(ask: Ask) -> list[dict[str, str]]:
    commands: list[dict[str, str]] = ask.bot.profile.get("commands", {}).get(_commands_key(ask), [])
    return commands


def _delete_commands(ask: Ask) -> bool:
    ask.bot.profile.get("commands", {}).pop(_commands_key(ask), None)
    ask.world.bots.save(ask.bot)
    return True


def menu_commands(bot: Bot, language: str) -> list[dict[str, str]]:
    """The commands a person of this language sees in the menu of a private chat."""
    known: dict[str, list[dict[str, str]]] = bot.profile.get("commands", {})
    for scope in ("all_private_chats", "default"):
        for code in (language, ""):
            if found := known.get(f"{scope}::{code}"):
                return found
    return []


def description_of(bot: Bot, language: str) -> str:
    """What a person of this language reads before pressing START."""
    texts: dict[str, str] = bot.profile.get("description", {})
    return texts.get(language) or texts.get("", "")


def _set_menu_button(ask: Ask) -> bool:
    ask.bot.profile["menu_button"] = ask.fields("menu_button") or {"type": "default"}
    ask.world.bots.save(ask.bot)
    return True


_Handler = Callable[[Ask], Any | Awaitable[Any]]

_METHODS: dict[str, _Handler] = {
    "getme": lambda ask: {
        **ask.bot.user(),
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
    },
    "setwebhook": _set_webhook,
    "deletewebhook": _delete_webhook,
    "getwebhookinfo": _webhook_info,
    "getupdates": _get_updates,
    "setmycommands": _set_commands,
    "getmycommands": _get_commands,
    "deletemycommands": _delete_commands,
    "setchatmenubutton": _set_menu_button,
    "getchatmenubutton": lambda ask: ask.bot.profile.get("menu_button", {"type": "default"}),
    "setmyname": _text_setter("name", longest=64),
    "getmyname": _text_getter("name"),
    "setmydescription": _text_setter("description", longest=512),
    "getmydescription": _text_getter("description"),
    "setmyshortdescription": _text_setter("short_description", longest=120),
    "getmyshortdescription": _text_getter("short_description"),
}
