"""Doing something once: every act of the admin API runs here, in one transaction with the answer that it gives.

With an ``Idempotency-Key`` the answer is kept beside what was done, for this tenant, administrator, path and key:
the same request again gets the same answer with the same status and does nothing; another body under the same key
is refused, and so is a second request while the first is under way. A refusal is an answer like any other. What
fails for a passing reason leaves nothing behind, and may be tried again with the same key.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import text

from api import nudge, problems
from api.tokens import Caller
from core.db import Tx
from core.errors import Refusal

Act = Callable[[Tx], Awaitable[BaseModel]]
After = Callable[[], Awaitable[None]]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="any text of your own; the same key and body gives the first answer again",
    ),
]


@dataclass(frozen=True)
class _Kept:
    """An answer as it is kept."""

    status: int
    body: dict[str, Any]

    def response(self, *, replayed: bool = False) -> Response:
        headers = {"Idempotency-Replayed": "true"} if replayed else None
        if self.status >= 400:
            return problems.answer(self.status, self.body, headers=headers)
        return JSONResponse(self.body, self.status, headers=headers)


@dataclass(frozen=True)
class Deed:
    """A request that changes something."""

    request: Request
    key: str | None
    # The hash of what is asked for, where the body is no JSON.
    said: bytes | None = None

    async def do(self, caller: Caller, act: Act, *, status: int = 200, after: After | None = None) -> Response:
        """Do it once; ``after`` runs when it is committed, also when it was done before, and must bear repeating."""
        replayed = False
        async with caller.transaction() as tx:
            if self.key is None:
                answer = _Kept(status, (await act(tx)).model_dump(mode="json"))
            else:
                before = await self._before(tx, caller, self.key)
                replayed = before is not None
                answer = before or await self._first(tx, caller, self.key, act, status)
        await nudge.nudge(tx.tenant_id, tx.notified)
        if after is not None and answer.status < 400:
            await after()
        return answer.response(replayed=replayed)

    @property
    def _route(self) -> str:
        return f"{self.request.method} {self.request.url.path}"

    async def _digest(self) -> bytes:
        """The hash of what is asked for; how the JSON is laid out does not matter."""
        if self.said is not None:
            return self.said
        raw = await self.request.body()
        said = json.dumps(json.loads(raw), sort_keys=True).encode() if raw else b""
        return hashlib.sha256(said).digest()

    async def _before(self, tx: Tx, caller: Caller, key: str) -> _Kept | None:
        """The answer that the same request got before. Raises ``Refusal("idempotency.…")``."""
        # Held to the end of the transaction: who dies under way leaves nothing that has to be cleaned up.
        what = f"idempotency {tx.tenant_id} {caller.actor} {self._route} {key}"
        mine = await tx.session.scalar(
            text("SELECT pg_try_advisory_xact_lock(hashtextextended(:what, 0))"), {"what": what}
        )
        if not mine:
            raise Refusal("idempotency.in_flight")
        row = (
            await tx.session.execute(
                text(
                    "SELECT body_hash, status, answer::text FROM idempotency_keys WHERE tenant_id = :tenant"
                    " AND actor = :actor AND route = :route AND key = :key"
                ),
                {"tenant": tx.tenant_id, "actor": caller.actor, "route": self._route, "key": key},
            )
        ).one_or_none()
        if row is None:
            return None
        if bytes(row[0]) != await self._digest():
            raise Refusal("idempotency.other_request")
        return _Kept(row[1], json.loads(row[2]))

    async def _first(self, tx: Tx, caller: Caller, key: str, act: Act, status: int) -> _Kept:
        try:
            async with tx.session.begin_nested():
                answer = _Kept(status, (await act(tx)).model_dump(mode="json"))
        except Refusal as error:
            tx.notified.clear()
            answer = _Kept(*problems.refused(error))
        await tx.session.execute(
            text(
                "INSERT INTO idempotency_keys (tenant_id, actor, route, key, body_hash, status, answer, created_at)"
                " VALUES (:tenant, :actor, :route, :key, :hash, :status, cast(:answer AS jsonb), :now)"
            ),
            {
                "tenant": tx.tenant_id,
                "actor": caller.actor,
                "route": self._route,
                "key": key,
                "hash": await self._digest(),
                "status": answer.status,
                "answer": json.dumps(answer.body),
                "now": tx.now,
            },
        )
        return answer


async def _once(request: Request, idempotency_key: IdempotencyKey = None) -> Deed:
    return Deed(request, idempotency_key)


async def _plain(request: Request) -> Deed:
    return Deed(request, None)


Once = Annotated[Deed, Depends(_once)]
# A PATCH says how something shall be: doing it twice is doing it once.
Again = Annotated[Deed, Depends(_plain)]
