"""Keyboards as Telegram checks them. Pure: takes the JSON a bot sent, answers what the phone shows.

Refuses what Telegram refuses with the Bad Request sentence it uses; nobody should match on the sentence.
"""

from dataclasses import dataclass
from typing import Any

_ACTIONS = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)
_STYLES = ("danger", "success", "primary")
_MOST_BUTTONS = 100

Rows = list[list[dict[str, Any]]]


class BadRequest(Exception):
    """A call Telegram answers with 400; the text is what follows "Bad Request: "."""


@dataclass(frozen=True, slots=True)
class Markup:
    """At most one is set: inline rows, a reply keyboard to show, or remove = take the keyboard away."""

    inline: Rows | None = None
    keyboard: dict[str, Any] | None = None
    remove: bool = False


def parse(markup: Any) -> Markup:
    """The reply_markup of a call, already decoded from JSON; None and {} are no markup."""
    if markup is None or markup == {}:
        return Markup()
    if not isinstance(markup, dict):
        raise BadRequest("object expected as reply markup")
    if "inline_keyboard" in markup:
        return Markup(inline=_inline(markup["inline_keyboard"]))
    if "keyboard" in markup:
        return Markup(keyboard=_reply(markup))
    if markup.get("remove_keyboard") is True:
        return Markup(remove=True)
    if markup.get("force_reply") is True:
        return Markup()
    raise BadRequest("can't parse reply markup JSON object")


def inline_only(markup: Any) -> Rows:
    """The markup of an edit, which can only be an inline keyboard; no markup is an empty one."""
    parsed = parse(markup)
    if parsed.keyboard is not None or parsed.remove:
        raise BadRequest("inline keyboard expected")
    return parsed.inline or []


def _rows(rows: Any, field: str) -> list[list[Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise BadRequest(f'field "{field}" must be an Array of Arrays')
    if sum(len(row) for row in rows) > _MOST_BUTTONS:
        raise BadRequest("REPLY_MARKUP_TOO_LONG")
    return rows


def _label(button: dict[str, Any]) -> str:
    label = button.get("text")
    if not isinstance(label, str):
        raise BadRequest('can\'t parse keyboard button: field "text" must be of type String')
    if not label.strip():
        raise BadRequest("text of a keyboard button must be non-empty")
    if button.get("style") is not None and button["style"] not in _STYLES:
        raise BadRequest("can't parse keyboard button: invalid button style specified")
    return label


def _inline(rows: Any) -> Rows:
    return [[_inline_button(button) for button in row] for row in _rows(rows, "inline_keyboard") if row]


def _inline_button(button: Any) -> dict[str, Any]:
    if not isinstance(button, dict):
        raise BadRequest("can't parse inline keyboard button: an Object expected")
    label = _label(button)
    actions = [name for name in _ACTIONS if button.get(name) is not None]
    if not actions:
        raise BadRequest("can't parse inline keyboard button: text buttons are unallowed in the inline keyboard")
    if len(actions) > 1:
        raise BadRequest("can't parse inline keyboard button: exactly one optional field must be used")
    (action,) = actions
    value = button[action]
    if action == "callback_data" and (not isinstance(value, str) or not 1 <= len(value.encode("utf-8")) <= 64):
        raise BadRequest("BUTTON_DATA_INVALID")
    if action == "url" and not _is_link(value):
        raise BadRequest(f"inline keyboard button URL '{value}' is invalid: wrong HTTP URL")
    if action == "copy_text" and not (isinstance(value, dict) and 1 <= len(str(value.get("text", ""))) <= 256):
        raise BadRequest("BUTTON_COPY_TEXT_INVALID")
    shown = {"text": label, action: value}
    return shown | ({"style": button["style"]} if button.get("style") else {})


def _is_link(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    scheme, colon, rest = value.partition("://")
    if not colon:
        scheme, rest = "http", value
    host = rest.split("/")[0]
    return scheme in ("http", "https", "tg", "ton") and bool(host) and " " not in value


def _reply(markup: dict[str, Any]) -> dict[str, Any]:
    rows = [[_reply_button(button) for button in row] for row in _rows(markup["keyboard"], "keyboard") if row]
    if not rows:
        raise BadRequest("reply keyboard must have at least one button")
    options = ("resize_keyboard", "one_time_keyboard", "is_persistent", "input_field_placeholder")
    return {"rows": rows} | {name: markup[name] for name in options if markup.get(name)}


def _reply_button(button: Any) -> dict[str, Any]:
    if isinstance(button, str):
        button = {"text": button}
    if not isinstance(button, dict):
        raise BadRequest("can't parse keyboard button: an Object or a String expected")
    label = _label(button)
    wants = [name for name in ("request_contact", "request_location") if button.get(name) is True]
    if len(wants) > 1:
        raise BadRequest("can't parse keyboard button: exactly one optional field must be used")
    return {"text": label} | dict.fromkeys(wants, True)
