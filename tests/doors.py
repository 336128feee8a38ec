"""The front door: people write SMS through the webhook of a signed gateway and read the answer it gives.

The application runs in this process; the gateway is Twilio's, answered in the webhook's own response, so that no
provider is needed. Time is moved by hand, and what falls due is done as the workers would do it.
"""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text
from talking import fetch
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from api.app import make_app
from core import clock, groups, people
from core.cycle import agenda
from core.db import transaction, unscoped
from core.groups import Group
from core.ledger import AuditReport, audit
from core.operator import gateways
from core.people import Tenant
from core.settings import settings
from core.telling import outbox
from core.telling.outbox import Delivery, Outgoing

TOKEN = "door-token"


async def _goes(_outgoing: Outgoing) -> Delivery:
    return Delivery("sent")


@dataclass
class Doors:
    """A tenant's SMS door. ``sms`` is what a phone sees: its own words out, the answer in."""

    tenant: Tenant
    client: httpx.AsyncClient
    said: int = 0

    async def sms(self, phone: str, words: str, *, sid: str | None = None) -> str:
        """One SMS through the signed webhook; the answer's text ('' when nothing is answered)."""
        self.said += 1
        fields = {
            "MessageSid": sid or f"SM{self.said:032x}",
            "AccountSid": "AC" + "0" * 32,
            "From": phone,
            "To": "+15005550006",
            "Body": words,
        }
        path = f"/t/{self.tenant.code}/sms/twilio"
        signature = RequestValidator(TOKEN).compute_signature(settings().public_url + path, fields)
        answer = await self.client.post(path, data=fields, headers={"X-Twilio-Signature": signature})
        assert answer.status_code == 200, answer.text
        return "\n".join(html.unescape(one) for one in re.findall(r"<Message[^>]*>(.*?)</Message>", answer.text, re.S))

    async def register(self, phone: str, name: str, first: str) -> str:
        """Somebody's first command, with the questions that it brings: name, language, consent."""
        await self.sms(phone, first)
        await self.sms(phone, name)
        await self.sms(phone, "English")
        return await self.sms(phone, "1")

    async def found(self, phone: str, name: str, line: str) -> Group:
        """Found an equb; the group."""
        answer = await self.register(phone, name, line)
        found = re.search(r"JOIN (\w+)", answer)
        assert found, answer
        return await self.group(found[1])

    async def running(self, *people: tuple[str, str]) -> Group:
        """Merkato in its first round: 1,000 birr a week, a lot for each (phone, name); the first is the organiser."""
        (organiser, name), *others = people
        group = await self.found(organiser, name, f"NEW Merkato 1000 {len(people)} weekly")
        for phone, name in others:
            await self.register(phone, name, f"JOIN {group.code}")
        await self.sms(organiser, "BEGIN")
        await self.wake()
        return group

    async def group(self, code: str) -> Group:
        async with transaction(self.tenant.id) as tx:
            return await groups.by_code(tx, code)

    async def pass_time(self, wait: timedelta) -> None:
        """Move the clock through everything that falls due."""
        until = clock.now() + wait
        for _ in range(10_000):
            async with unscoped() as session:
                due = await session.scalar(text("SELECT min(wake_at) FROM due_groups(:until, 1000)"), {"until": until})
            if due is None:
                break
            if due > clock.now():
                clock.set_to(due)
            await self.wake()
        clock.set_to(until)

    async def wake(self) -> None:
        """Do what is due now."""
        async with unscoped() as session:
            rows = (await session.execute(text("SELECT * FROM due_groups(:now, 1000)"), {"now": clock.now()})).all()
        for tenant_id, group_id, _ in rows:
            await agenda.wake(UUID(str(tenant_id)), UUID(str(group_id)), fetch)

    async def pay_everybody_out(self, group: Group, by: str) -> None:
        """The officer with that phone pays whoever can be paid, one after another, as PAYOUT offers them."""
        for _ in range(100):
            waiting = await self.rows(
                "SELECT m.number FROM payout_legs l JOIN members m ON m.group_id = l.group_id AND m.id = l.member_id"
                " WHERE l.group_id = :g AND l.paid_at IS NULL AND l.kind <> 'set_off'"
                " GROUP BY m.number ORDER BY min(l.created_at), m.number",
                g=group.group_id,
            )
            paid = False
            for (number,) in waiting:
                if "Did you pay" in await self.sms(by, f"PAYOUT {number}"):
                    await self.sms(by, "1")
                    paid = True
            if not paid:
                return
        raise AssertionError("whoever is paid does not wait any more")

    async def deliver(self) -> None:
        """Let every waiting notice go out, as a worker would: what a notice asks can be answered once it is seen."""
        waiting = await self.rows("SELECT DISTINCT address_id FROM outbox WHERE state = 'queued'")
        for (address_id,) in waiting:
            await outbox.drain(self.tenant.id, UUID(str(address_id)), _goes, most=1000)

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """Read the tenant's rows."""
        async with transaction(self.tenant.id) as tx:
            return list((await tx.session.execute(text(query), values)).all())

    async def value(self, query: str, **values: Any) -> Any:
        rows = await self.rows(query, **values)
        return rows[0][0] if rows else None

    async def audit(self) -> AuditReport:
        async with transaction(self.tenant.id) as tx:
            return await audit(tx.session)


@asynccontextmanager
async def doors_of(tenant_id: UUID) -> AsyncIterator[Doors]:
    """The doors of a tenant, with the application behind them."""
    tenant = await people.tenant_by_id(tenant_id)
    async with transaction(tenant.id) as tx:
        await gateways.configure(
            tx,
            name="twilio",
            channel="sms",
            sender="+15005550006",
            credentials={"account_sid": "AC" + "0" * 32, "auth_token": TOKEN, "reply": "twiml"},
        )
    transport = httpx.ASGITransport(app=make_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        yield Doors(tenant, client)
