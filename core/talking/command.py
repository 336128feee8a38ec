"""Commands: typed async functions whose parameters are asked for when they are missing.

``@command("PAY", about=…)`` reads the function's annotations: ``group: Annotated[Group, WhichGroup()]`` is a
slot. One SMS may fill all of them, a walk of buttons one by one; both run the same function. A command has no
branches between questions; where it would need them it is two commands. Names that begin with ``_`` are not
typed: they are what the buttons of a notice run.
"""

import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from core.messages import Kind
from core.talking.asks import Ask, Sure
from core.talking.talk import Answers

Run = Callable[..., Awaitable[Answers]]
R = TypeVar("R", bound=Run)


@dataclass(frozen=True)
class Command:
    """A word, its slots in the order in which they are asked, and what it does. ``office``: only officers need it."""

    word: str
    run: Run
    slots: tuple[tuple[str, Ask], ...]
    about: Kind | None
    office: bool = False

    def ask(self, slot: str) -> Ask:
        return next(ask for name, ask in self.slots if name == slot)


COMMANDS: dict[str, Command] = {}


def command(word: str, *, about: Kind | None = None, office: bool = False) -> Callable[[R], R]:
    """Register an async function as the command of that word."""

    def register(run: R) -> R:
        hints = typing.get_type_hints(run, include_extras=True)
        slots = tuple((name, _ask_of(hint)) for name, hint in hints.items() if name not in ("talk", "return"))
        COMMANDS[word] = Command(word, run, slots, about, office)
        return run

    return register


def _ask_of(hint: Any) -> Ask:
    for extra in typing.get_args(hint):
        if isinstance(extra, Ask):
            return extra
    raise TypeError(f"a command's parameter needs an Ask, not {hint}")


def is_confirmation(ask: Ask) -> bool:
    """Whether the slot is a plain yes or no, where no ends the command."""
    return isinstance(ask, Sure)
