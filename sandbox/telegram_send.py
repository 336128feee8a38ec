"""What a bot can do to a person's screen: send, edit, delete, answer a button. Refuses as Telegram does.

A message id is the number of the line on the phone, so ids grow and no two chats share one.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.people import Line, Phone
from sandbox.telegram_bots import Bot, Chat, chat_of
from sandbox.telegram_entities import Entities, parse, utf16
from sandbox.telegram_markup import BadRequest, Markup, inline_only
from sandbox.telegram_markup import parse as parse_markup
from sandbox.world import World

_LONGEST_TEXT = 4096
_LONGEST_CAPTION = 1024
_LONGEST_CALLBACK_ANSWER = 200
_LARGEST = {"photo": 10 * 2**20, "document": 50 * 2**20}
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_ACTIONS = ("typing", "choose_sticker", "find_location")
_ACTION_STARTS = ("upload_", "record_")


class Forbidden(Exception):
    """A call Telegram answers with 403; the text is what follows "Forbidden: "."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a multipart call."""

    name: str
    mime: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """One Bot API call: who calls, with which parameters and files."""

    world: World
    bot: Bot
    params: dict[str, Any]
    uploads: dict[str, Upload]

    def decoded(self, name: str) -> Any:
        """A structured parameter, which forms carry as JSON text; None when absent."""
        value = self.params.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError as error:
            raise BadRequest(f"can't parse {name} JSON object") from error

    def fields(self, name: str) -> dict[str, Any]:
        """A structured parameter that is an object; {} when absent."""
        value = self.decoded(name)
        if value is not None and not isinstance(value, dict):
            raise BadRequest(f"can't parse {name}: an Object expected")
        return value or {}

    def rows(self, name: str) -> list[Any] | None:
        """A structured parameter that is a list; None when absent."""
        value = self.decoded(name)
        if value is not None and not isinstance(value, list):
            raise BadRequest(f"can't parse {name}: an Array expected")
        return value

    def number(self, name: str, default: int) -> int:
        """A whole number, also when it came as text."""
        value = self.params.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise BadRequest(f'field "{name}" must be a valid Number') from error

    def flag(self, name: str) -> bool:
        """A boolean, also when it came as text."""
        return self.params.get(name) in (True, "true", "True", "1", 1)


# Finding the chat and the message


def _chat(ask: Ask) -> tuple[Phone, Chat]:
    """The private chat of the call; only one that the person opened and did not block can be written to."""
    phone = _person(ask)
    chat = ask.world.bots.chat(ask.bot, phone)
    if chat.blocked:
        raise Forbidden("bot was blocked by the user")
    if not chat.started:
        raise Forbidden("bot can't initiate conversation with a user")
    if phone.reach == "gone":
        raise Forbidden("user is deactivated")
    return phone, chat


def _person(ask: Ask) -> Phone:
    if ask.params.get("chat_id") in (None, ""):
        raise BadRequest("chat_id is empty")
    try:
        phone = ask.world.people.by_user_id.get(int(ask.params["chat_id"]))
    except (TypeError, ValueError):
        phone = None
    if phone is None:
        raise BadRequest("chat not found")
    return phone


def _own_line(ask: Ask) -> Line:
    """The bot's own message that the call wants to edit."""
    phone, _ = _chat(ask)
    line = ask.world.people.lines.get(ask.number("message_id", 0))
    if line is None or not _in_chat(ask, phone, line):
        raise BadRequest("message to edit not found")
    if line.mine:
        raise BadRequest("message can't be edited")
    return line


def _in_chat(ask: Ask, phone: Phone, line: Line) -> bool:
    same = line.phone == phone.number and line.extra.get("bot") == ask.bot.bot_id
    return same and not line.extra.get("deleted")


def _checked_reply(ask: Ask, phone: Phone) -> int | None:
    """The message replied to, or None; BadRequest when it is not there and that was not allowed for."""
    reply = ask.fields("reply_parameters")
    target = reply.get("message_id") or ask.number("reply_to_message_id", 0)
    if not target:
        return None
    line = ask.world.people.lines.get(target) if isinstance(target, int) else None
    if line is None or not _in_chat(ask, phone, line):
        if reply.get("allow_sending_without_reply") or ask.flag("allow_sending_without_reply"):
            return None
        raise BadRequest("message to be replied not found")
    return line.n


def message_of(bot: Bot, phone: Phone, line: Line, date: int) -> dict[str, Any]:
    """A line of the bot as a Message object. A reply keyboard is not echoed back, an inline one is."""
    extra = line.extra
    message: dict[str, Any] = {
        "message_id": line.n,
        "from": bot.user(),
        "chat": chat_of(phone),
        "date": extra.get("date", date),
    }
    body, entities = ("caption", "caption_entities") if "media" in extra else ("text", "entities")
    if line.text:
        message[body] = line.text
    if extra.get("entities"):
        message[entities] = extra["entities"]
    if "media" in extra:
        message.update(extra["media"])
    if extra.get("edit_date"):
        message["edit_date"] = extra["edit_date"]
    if extra.get("inline"):
        message["reply_markup"] = {"inline_keyboard": extra["inline"]}
    return message


# Sending


def _formatted(ask: Ask, field: str) -> tuple[str, Entities]:
    raw = ask.params.get(field)
    if raw is None:
        return "", []
    given = ask.rows("entities" if field == "text" else "caption_entities")
    if given and not ask.params.get("parse_mode"):
        return str(raw), given
    plain, entities = parse(str(raw), ask.params.get("parse_mode"))
    # Telegram trims the ends; entities move with the front.
    cut = utf16(plain) - utf16(plain.lstrip())
    for entity in entities:
        entity["offset"] = max(0, entity["offset"] - cut)
    return plain.strip(), entities


def _text(ask: Ask) -> tuple[str, Entities]:
    text, entities = _formatted(ask, "text")
    if not text:
        raise BadRequest("message text is empty")
    if utf16(text) > _LONGEST_TEXT:
        raise BadRequest("message is too long")
    return text, entities


def _show(ask: Ask, phone: Phone, chat: Chat, *, text: str, extra: dict[str, Any]) -> dict[str, Any]:
    markup = parse_markup(ask.decoded("reply_markup"))
    reply_to = _checked_reply(ask, phone)
    date = int(ask.world.clock.unix_seconds())
    extra |= {"bot": ask.bot.bot_id, "date": date}
    if reply_to is not None:
        extra["reply_to"] = reply_to
    if markup.inline:
        extra["inline"] = markup.inline
    if markup.keyboard:
        extra["keyboard"] = markup.keyboard
    line = ask.world.people.add(phone, channel="telegram", mine=False, text=text, extra=extra)
    _change_keyboard(ask, chat, markup, line.n)
    return message_of(ask.bot, phone, line, date)


def _change_keyboard(ask: Ask, chat: Chat, markup: Markup, line: int) -> None:
    if markup.keyboard is not None:
        chat.keyboard = markup.keyboard | {"line": line}
        ask.world.bots.save_chat(chat)
    elif markup.remove and chat.keyboard is not None:
        chat.keyboard = None
        ask.world.bots.save_chat(chat)


def _send_message(ask: Ask) -> dict[str, Any]:
    phone, chat = _chat(ask)
    text, entities = _text(ask)
    return _show(ask, phone, chat, text=text, extra={"entities": entities} if entities else {})


def _send_file(kind: str) -> Callable[[Ask], dict[str, Any]]:
    def handler(ask: Ask) -> dict[str, Any]:
        phone, chat = _chat(ask)
        caption, entities = _formatted(ask, "caption")
        if utf16(caption) > _LONGEST_CAPTION:
            raise BadRequest("message caption is too long")
        file_id, name, mime, size = _file(ask, kind)
        extra: dict[str, Any] = {"attachments": [{"kind": kind, "url": f"/sandbox/files/{file_id}", "name": name}]}
        extra["media"] = _media(kind, file_id=file_id, name=name, mime=mime, size_bytes=size)
        if entities:
            extra["entities"] = entities
        return _show(ask, phone, chat, text=caption, extra=extra)

    return handler


def _file(ask: Ask, kind: str) -> tuple[str, str, str, int]:
    """(file id, name, mime, bytes) of what the call sends: an upload, attach:// or a known file's id."""
    given = ask.params.get(kind)
    upload = ask.uploads.get(kind)
    if upload is None and isinstance(given, str) and given.startswith("attach://"):
        upload = ask.uploads.get(given.removeprefix("attach://"))
        if upload is None:
            raise BadRequest("attached file not found")
    if upload is None:
        known = ask.world.store.get_file(given) if isinstance(given, str) else None
        if known is not None and isinstance(given, str):
            return given, known[0], known[1], len(known[2])
        if isinstance(given, str) and given.startswith(("http://", "https://")):
            raise BadRequest("failed to get HTTP URL content")  # nothing outside this machine exists here
        raise BadRequest("wrong file identifier/HTTP URL specified" if given else f"there is no {kind} in the request")
    if not upload.content:
        raise BadRequest("file must be non-empty")
    if len(upload.content) > _LARGEST[kind]:
        raise BadRequest("file is too big")
    if kind == "photo" and not upload.content.startswith(_PICTURES):
        raise BadRequest("IMAGE_PROCESS_FAILED")
    file_id = "f" + base64.urlsafe_b64encode(hashlib.sha256(upload.content).digest()[:24]).decode()
    mime = _sniffed(upload) if kind == "photo" else upload.mime
    ask.world.store.put_file(file_id, name=upload.name, mime=mime, content=upload.content)
    return file_id, upload.name, mime, len(upload.content)


def _sniffed(upload: Upload) -> str:
    kinds = ("image/png", "image/jpeg", "image/gif", "image/webp")
    return next(mime for head, mime in zip(_PICTURES, kinds, strict=True) if upload.content.startswith(head))


def _media(kind: str, *, file_id: str, name: str, mime: str, size_bytes: int) -> dict[str, Any]:
    about = {"file_id": file_id, "file_unique_id": file_id[:16], "file_size": size_bytes}
    if kind == "photo":
        # The real one re-scales and knows the size in pixels; a bot only keeps the id.
        return {"photo": [about | {"width": 800, "height": 600}]}
    return {"document": about | {"file_name": name, "mime_type": mime}}


def _get_file(ask: Ask) -> dict[str, Any]:
    file_id = str(ask.params.get("file_id") or "")
    found = ask.world.store.get_file(file_id)
    if found is None:
        raise BadRequest("invalid file_id")
    folder = "photos" if found[1].startswith("image/") else "documents"
    about = {"file_id": file_id, "file_unique_id": file_id[:16], "file_size": len(found[2])}
    return about | {"file_path": f"{folder}/{file_id}"}


# Changing what was sent


def _edit(ask: Ask, line: Line, *, text: str, entities: Entities, rows: list[list[dict[str, Any]]]) -> dict[str, Any]:
    before = (line.text, line.extra.get("entities") or [], line.extra.get("inline") or [])
    if before == (text, entities, rows):
        raise BadRequest(
            "message is not modified: specified new message content and reply markup are exactly the same as "
            "a current content and reply markup of the message"
        )
    line.text = text
    line.extra |= {"entities": entities, "inline": rows, "edit_date": int(ask.world.clock.unix_seconds())}
    ask.world.people.touch(line)
    phone = ask.world.people.phones[line.phone]
    return message_of(ask.bot, phone, line, line.extra["date"])


def _edit_text(ask: Ask) -> dict[str, Any]:
    line = _own_line(ask)
    if "media" in line.extra:
        raise BadRequest("there is no text in the message to edit")
    text, entities = _text(ask)
    return _edit(ask, line, text=text, entities=entities, rows=inline_only(ask.decoded("reply_markup")))


def _edit_markup(ask: Ask) -> dict[str, Any]:
    line = _own_line(ask)
    rows = inline_only(ask.decoded("reply_markup"))
    return _edit(ask, line, text=line.text, entities=line.extra.get("entities") or [], rows=rows)


def _delete_message(ask: Ask) -> bool:
    phone, _ = _chat(ask)
    line = ask.world.people.lines.get(ask.number("message_id", 0))
    if line is None or not _in_chat(ask, phone, line):
        raise BadRequest("message to delete not found")
    line.extra["deleted"] = True
    ask.world.people.touch(line)
    return True


def _answer_callback(ask: Ask) -> bool:
    query_id = str(ask.params.get("callback_query_id") or "")
    text = str(ask.params.get("text") or "")
    known = ask.world.bots.callbacks.get(query_id)
    if known is None or known.bot_id != ask.bot.bot_id or known.answer is not None:
        raise BadRequest("query is too old and response timeout expired or query ID is invalid")
    if len(text) > _LONGEST_CALLBACK_ANSWER:
        raise BadRequest("MESSAGE_TOO_LONG")
    known.answer = {"text": text, "show_alert": ask.flag("show_alert")}
    line = ask.world.people.lines.get(known.line)
    if text and line is not None:
        line.extra["toast"] = known.answer
        ask.world.people.touch(line)
    return True


def _chat_action(ask: Ask) -> bool:
    _chat(ask)
    action = str(ask.params.get("action"))
    if action not in _ACTIONS and not action.startswith(_ACTION_STARTS):
        raise BadRequest("wrong parameter action in request")
    return True


def new_callback_id() -> str:
    """An id for a callback query, as unguessable as the real ones."""
    return str(secrets.randbits(63))


METHODS: dict[str, Callable[[Ask], Any]] = {
    "sendmessage": _send_message,
    "sendphoto": _send_file("photo"),
    "senddocument": _send_file("document"),
    "getfile": _get_file,
    "editmessagetext": _edit_text,
    "editmessagereplymarkup": _edit_markup,
    "deletemessage": _delete_message,
    "answercallbackquery": _answer_callback,
    "sendchataction": _chat_action,
    "getchat": lambda ask: chat_of(_person(ask)) | {"accent_color_id": 0, "max_reaction_count": 11},
}
