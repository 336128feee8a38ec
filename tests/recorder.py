"""What our code can say, with invented values; and every Bot API call of a bot, as JSON and as TypeScript.

The sentences are those of ``core.sentences.KINDS``, rendered as core renders them. Calls are written down where
aiogram hands them to the wire, by its own rules of what is left out and how values are written.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from aiogram import Bot
from aiogram.client.session.base import BaseSession

from core.messages import Kind, Message, Reader, render
from core.money import Money
from core.sentences import KINDS

_PLACEHOLDER = re.compile(r"\{(\w+)\}")

# What stands in a placeholder of that name; every other one gets a text.
_VALUES: dict[str, Any] = {
    **dict.fromkeys(("amount", "pot", "fee", "whole", "collected", "contribution"), Money(1_234_500, "ETB")),
    **dict.fromkeys(("due", "draw"), datetime(2026, 11, 29, 5, 30, tzinfo=UTC)),
    **dict.fromkeys(("on", "day"), date(2026, 11, 22)),
    **dict.fromkeys(("round", "rounds", "lots", "number", "cycle", "beacon", "most"), 12),
    "url": "https://equb.example/verify/K7M2Q4-3",
}
_TEXT = 'አልማዝ <b>& "Co"</b> 😀'


def every_sentence(language: str, channel: str) -> list[tuple[str, str]]:
    """(name, text) of each kind, and of both forms where a number decides."""
    reader = Reader(language, channel)
    return [
        (f"{kind.name}-{count}", render(_filled(kind, count), reader).text)
        for kind in KINDS.values()
        for count in ((1, 3) if kind.many else (3,))
    ]


def _filled(kind: Kind, count: int) -> Message:
    names = _PLACEHOLDER.findall(kind.text + (kind.brief or "") + (kind.many or ""))
    return kind(**{name: _VALUES.get(name, _TEXT) for name in names} | {"count": count})


@dataclass
class Recorder:
    """A middleware of aiogram's session that writes down (method, JSON) of every call."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def __call__(self, make_request: Any, bot: Bot, method: Any) -> Any:
        self.calls.append((method.__api_method__, as_json(bot.session, bot, method)))
        return await make_request(bot, method)

    def methods(self) -> set[str]:
        return {method for method, _ in self.calls}

    def of(self, method: str) -> list[dict[str, Any]]:
        return [params for called, params in self.calls if called == method]


def as_json(session: BaseSession, bot: Bot, method: Any) -> dict[str, Any]:
    """The parameters of a call, without those that aiogram leaves out."""
    given: dict[str, Any] = {}
    for name, value in method.model_dump(warnings=False).items():
        written = session.prepare_value(value, bot=bot, files={}, _dumps_json=False)
        if written is not None and written != "":
            given[name] = written
    return given


def typescript(calls: list[tuple[str, dict[str, Any]]]) -> str:
    """A module in which every call is a constant of its method's own type, one a line (the first is line 3)."""
    lines = [
        'import type { ApiMethods } from "@grammyjs/types";',
        "type Call<M extends keyof ApiMethods<never>> = Parameters<ApiMethods<never>[M]>[0];",
    ]
    for number, (method, params) in enumerate(calls):
        lines.append(f"export const call{number}: Call<{json.dumps(method)}> = {json.dumps(params)};")
    return "\n".join(lines) + "\n"
