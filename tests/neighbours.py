"""Four lots of 1,000 birr a week, small and uneven on purpose, played through the front door.

An organiser with one lot, a member with two, two who share one: whatever is counted by person instead of by lot, or the
other way round, shows.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from doors import Doors, doors_of
from sqlalchemy import text

from core import groups, ledger
from core.cycle import cycles, rounds
from core.db import transaction
from core.groups import Group, forming
from core.groups.accepting import accept
from core.ids import CODE_LETTERS
from core.money import Money
from core.rules import Rules

ABEBE, SARA, LEMA, HANA = "+251911000001", "+251911000002", "+251911000003", "+251911000004"
DAY, WEEK = timedelta(days=1), timedelta(days=7)


def birr(minor: int) -> Money:
    return Money(minor, "ETB")


@dataclass
class Neighbours:
    """Four lots of 1,000 a week: Abebe organises and holds one, Sara two, Lema and Hana half of the fourth each."""

    doors: Doors
    group: Group

    async def sms(self, phone: str, words: str) -> str:
        return await self.doors.sms(phone, words)

    async def cash(self, number: int, amount: int) -> str:
        """The organiser takes cash, whatever is usual."""
        answer = await self.sms(ABEBE, f"CASH {number} {amount}" if number > 1 else f"PAY {amount}")
        return await self.sms(ABEBE, "1") if "Record it?" in answer else answer

    async def everybody_pays(self, *, besides: tuple[int, ...] = ()) -> None:
        for number, amount in ((1, 1000), (2, 2000), (3, 500), (4, 500)):
            if number not in besides:
                await self.cash(number, amount)

    async def draw(self) -> int:
        """Let the week pass; the number of the lot that came up last."""
        await self.doors.pass_time(WEEK)
        return int(
            await self.doors.value(
                "SELECT l.number FROM draws d JOIN lots l ON l.group_id = d.group_id AND l.id = d.lot_id"
                " WHERE d.group_id = :g ORDER BY d.drawn_at DESC LIMIT 1",
                g=self.group.group_id,
            )
        )

    async def pay_out(self) -> None:
        """The organiser pays whoever waits."""
        await self.doors.pay_everybody_out(self.group, ABEBE)

    async def owed(self, number: int, kind: str | None = None) -> int:
        """What a member owes now, in minor units."""
        async with transaction(self.doors.tenant.id) as tx:
            seat = (await groups.seats(tx, self.group.group_id, number=number))[0]
            dues = await rounds.open_dues(tx, self.group.group_id, member_id=seat.member.id)
        return sum(due.open_minor for due in dues if kind is None or due.kind == kind)

    async def fined(self, number: int) -> int:
        """The fines of a member that stand, paid or not, in minor units."""
        return int(
            await self.doors.value(
                "SELECT coalesce(sum(d.amount_minor), 0)::bigint FROM dues d JOIN members m"
                " ON m.group_id = d.group_id AND m.id = d.member_id"
                " WHERE d.group_id = :g AND d.kind = 'fine' AND d.excused_at IS NULL AND m.number = :n",
                g=self.group.group_id,
                n=number,
            )
        )

    async def holds(self, account: str) -> int:
        async with transaction(self.doors.tenant.id) as tx:
            return await ledger.balance(tx.session, group_id=self.group.group_id, account=account)

    async def received(self, kind: str = "pot") -> dict[int, int]:
        rows = await self.doors.rows(
            "SELECT m.number, sum(l.amount_minor)::bigint FROM payout_legs l JOIN members m ON m.group_id = l.group_id"
            " AND m.id = l.member_id WHERE l.group_id = :g AND l.paid_at IS NOT NULL AND l.kind = :k GROUP BY m.number",
            g=self.group.group_id,
            k=kind,
        )
        return dict(rows)

    async def see(self) -> None:
        """Everybody reads what was sent to them: a question is answered by who has seen it."""
        async with transaction(self.doors.tenant.id) as tx:
            await tx.session.execute(text("UPDATE outbox SET state = 'sent' WHERE state = 'queued'"))

    async def told(self, kind: str) -> list[str]:
        """The notices of a kind, the oldest first."""
        rows = await self.doors.rows("SELECT text FROM outbox WHERE kind = :k ORDER BY seq", k=kind)
        return [said for (said,) in rows]


async def neighbours(doors: Doors, **rules: Any) -> Neighbours:
    group = await doors.found(ABEBE, "Abebe", "NEW Merkato 1000 4 weekly")
    async with transaction(doors.tenant.id) as tx:
        found = await groups.by_code(tx, group.code)
        await groups.change_rules(tx, found, Rules(**(found.rule_set.model_dump() | rules)))
        await accept(tx, found, (await groups.seats(tx, found.group_id, number=1))[0].member)
    for phone, name, share in ((SARA, "Sara", "2"), (LEMA, "Lema", "1/2"), (HANA, "Hana", "1/2")):
        await doors.register(phone, name, f"JOIN {group.code} {share}")
    answer = await doors.sms(ABEBE, "BEGIN")
    assert "begins" in answer, answer
    await doors.wake()
    return Neighbours(doors, await doors.group(group.code))


@asynccontextmanager
async def always_the_same(tenant: UUID, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doors]:
    """Doors behind which the same lots come up each time: what examples show must not depend on it."""
    chance = Random("money")
    monkeypatch.setattr(forming, "new_code", lambda length: "".join(chance.choices(CODE_LETTERS, k=length)))
    monkeypatch.setattr(cycles, "new_secret", lambda: chance.randbytes(32))
    async with doors_of(tenant) as open_doors:
        yield open_doors
        assert (await open_doors.audit()).findings == ()
