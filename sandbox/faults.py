"""The outside misbehaves on request: the next n calls to a target go wrong in the way that was asked.

Owns the list of pending faults and what going wrong means on the wire; what a refusal looks like in a
provider's own envelope belongs to that provider's file.
"""

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request

from sandbox.store import Store

#: Kinds of the calls we receive. The last four bend what is reported later, not the call itself.
CALL_KINDS = ("429", "403", "5xx", "timeout", "drop_after_commit", "slow")
REPORT_KINDS = ("reorder", "duplicate", "fail", "silence")
KINDS = CALL_KINDS + REPORT_KINDS

#: "slow" answers after this; "timeout" holds the line until the caller hangs up, or this long.
SLOW_SECONDS = 3.0
TIMEOUT_SECONDS = 90.0


class Hangup(Exception):
    """The line is cut without an answer. The outermost app turns it into a closed connection."""


@dataclass(slots=True)
class Fault:
    """times_left more calls to the target will meet this kind of trouble."""

    target: str
    kind: str
    times_left: int


class Faults:
    """Pending faults by target, oldest first; kept over a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: list[Fault] = []
        for _, body in store.load("faults"):
            self._pending = [Fault(**fault) for fault in body["pending"]]

    def add(self, *, target: str, kind: str, times: int) -> None:
        """times = 0 clears every fault of this target and kind."""
        if times == 0:
            self._pending = [f for f in self._pending if (f.target, f.kind) != (target, kind)]
        else:
            self._pending.append(Fault(target, kind, times))
        self._save()

    def clear(self) -> None:
        """Everything behaves again."""
        self._pending = []
        self._save()

    def listing(self) -> list[dict[str, Any]]:
        """Pending faults as {"target", "kind", "times_left"}."""
        return [asdict(fault) for fault in self._pending]

    def take(self, *targets: str, kinds: tuple[str, ...] = CALL_KINDS) -> str | None:
        """The kind of the oldest fault waiting for one of the targets, used up once; None = all is well."""
        if not self._pending:
            return None
        for fault in self._pending:
            if fault.target in targets and fault.kind in kinds:
                fault.times_left -= 1
                if fault.times_left <= 0:
                    self._pending.remove(fault)
                self._save()
                return fault.kind
        return None

    def _save(self) -> None:
        self._store.put("faults", "all", {"pending": self.listing()})


async def hold_the_line(request: Request) -> None:
    """Answer nothing until the caller gives up; always raises Hangup."""
    await request.body()
    with suppress(TimeoutError):
        # After the body the next thing to be received is that the caller hung up.
        await asyncio.wait_for(request.receive(), TIMEOUT_SECONDS)
    raise Hangup


async def before_work(request: Request, kind: str | None) -> None:
    """What "slow" and "timeout" do before a call is worked on; the other kinds are not handled here."""
    if kind == "slow":
        await asyncio.sleep(SLOW_SECONDS)
    elif kind == "timeout":
        await hold_the_line(request)
