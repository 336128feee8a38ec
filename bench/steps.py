"""How long the steps of a group's life take, watched inside the product while it does them.

While watched, the functions named here are wrapped by a stop-watch; what they call, their statements included, counts
as theirs. Refuses to change what they do. Time is moved by the clock's file, and put right here.
"""

import functools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from core.cycle import cycles, rounds
from core.order import draws
from core.telling import notices

STEPS: tuple[tuple[str, ModuleType, str], ...] = (
    ("beginning a cycle", cycles, "begin"),
    ("opening a round", rounds, "open_round"),
    ("telling that the cycle begins", notices, "round_opened"),
    ("reminding", notices, "remind"),
    ("freezing the list", rounds, "freeze"),
    ("telling the list's code", notices, "list_frozen"),
    ("drawing", draws, "hold"),
    ("telling who was drawn", notices, "draw_held"),
    ("closing the cycle", cycles, "close_if_done"),
    ("telling the end", notices, "cycle_closed"),
)

Took = dict[str, list[float]]


def back_to_now() -> None:
    """Put the clock right, for every process of the machine."""
    Path(os.environ["EQUB_CLOCK_FILE"]).unlink(missing_ok=True)


@contextmanager
def watched() -> Iterator[Took]:
    """Step → the seconds that each time took."""
    took: Took = {name: [] for name, _, _ in STEPS}
    originals = [(module, called, getattr(module, called)) for _, module, called in STEPS]
    for (name, module, called), (_, _, original) in zip(STEPS, originals, strict=True):
        setattr(module, called, _timed(original, took[name]))
    try:
        yield took
    finally:
        for module, called, original in originals:
            setattr(module, called, original)


def _timed(step: Callable[..., Any], took: list[float]) -> Callable[..., Any]:
    @functools.wraps(step)
    async def timed(*arguments: Any, **named: Any) -> Any:
        begun = time.perf_counter()
        try:
            return await step(*arguments, **named)
        finally:
            took.append(time.perf_counter() - begun)

    return timed
