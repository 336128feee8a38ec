"""A tenant, its people and their equbs, arranged as people do it: by what they write.

Owns: how a person's message becomes the webhook of their channel, signed; registering, founding, joining; moving
the clock through what falls due. Refuses to look into answers beyond what a person would read.
"""

import base64
import hashlib
import hmac
import html
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import text

from bench.figures import NotKept
from bench.machine import BEACON, Machine
from core import clock, groups, people
from core.beacon import Beacon
from core.cycle import agenda
from core.db import transaction
from core.groups import Group
from core.operator import bootstrap, gateways
from core.order.draw import randomness_of
from core.people import Tenant

TELEGRAM, TWILIO, HTTP = "telegram", "twilio", "http"
CHANNELS = (TELEGRAM, HTTP, TWILIO)
SECRET = "bench-secret"  # noqa: S105 (guards invented people on this machine)
TOKEN = "1000000001:" + "b" * 35
SHORT_CODE, NUMBER = "8811", "+15005550006"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Phone:
    """Somebody's phone on one channel. ``address``: chat id or E.164 number."""

    channel: str
    address: str
    name: str


@dataclass(frozen=True)
class Letter:
    """A webhook as it goes over the wire; ``external_id`` is its row's in the inbox."""

    path: str
    headers: str
    body: bytes
    external_id: str


@dataclass
class Town:
    """A tenant on a machine, with a bot and two SMS gateways whose other end is the stub."""

    machine: Machine
    tenant: Tenant
    spoken: int = 0
    _turn: Iterator[int] = field(default_factory=lambda: itertools.cycle((0, 1)))

    def letter(self, phone: Phone, words: str) -> Letter:
        """What that phone's provider would post."""
        number = next(_numbers)
        if phone.channel == TELEGRAM:
            return self._update(phone, words, number)
        if phone.channel == TWILIO:
            return self._form(phone, words, number)
        stamp = str(int(clock.now().timestamp()))
        said = {"id": f"in-{number}", "from": phone.address, "to": SHORT_CODE, "text": words, "at": stamp}
        body = json.dumps(said).encode()
        signature = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = f"Content-Type: application/json\r\nX-Equb-Timestamp: {stamp}\r\nX-Equb-Signature: {signature}\r\n"
        return Letter(f"/t/{self.tenant.code}/sms/http", headers, body, f"in-{number}")

    def _update(self, phone: Phone, words: str, number: int) -> Letter:
        who = {"id": int(phone.address), "first_name": phone.name}
        message = {
            "message_id": number,
            "date": int(clock.now().timestamp()),
            "chat": {**who, "type": "private"},
            "from": {**who, "is_bot": False, "language_code": "en"},
            "text": words,
        }
        body = json.dumps({"update_id": number, "message": message}).encode()
        headers = f"Content-Type: application/json\r\nX-Telegram-Bot-Api-Secret-Token: {SECRET}\r\n"
        external_id = f"{TOKEN.partition(':')[0]}:{number}"
        return Letter(f"/t/{self.tenant.code}/telegram", headers, body, external_id)

    def _form(self, phone: Phone, words: str, number: int) -> Letter:
        sid = f"SM{number:032x}"
        fields = {"AccountSid": "AC" + "0" * 32, "Body": words, "From": phone.address, "MessageSid": sid, "To": NUMBER}
        path = f"/t/{self.tenant.code}/sms/twilio"
        signed = self.machine.public_url + path + "".join(key + fields[key] for key in sorted(fields))
        signature = base64.b64encode(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha1).digest()).decode()
        headers = f"Content-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: {signature}\r\n"
        return Letter(path, headers, urlencode(fields).encode(), sid)

    async def post(self, letter: Letter, *, process: int | None = None) -> str:
        """Post it (to the processes by turns); the answer's text, where the channel answers in the webhook."""
        turn = next(self._turn) if process is None else process
        status, body = await self.machine.client.post(letter.path, letter.body, letter.headers, process=turn)
        if status != 200:
            raise NotKept(f"a webhook was answered {status}: {body[:200]!r}")
        self.spoken += 1
        if not letter.path.endswith("twilio"):
            return ""
        return "\n".join(
            html.unescape(one) for one in re.findall(r"<Message[^>]*>(.*?)</Message>", body.decode(), re.S)
        )

    async def say(self, phone: Phone, words: str) -> str:
        """One message, to its end."""
        return await self.post(self.letter(phone, words))

    async def introduce(self, phone: Phone, first: str) -> None:
        """Somebody's first command up to the last question, whether they agree."""
        await self.say(phone, first)
        await self.say(phone, phone.name)
        await self.say(phone, "English")

    async def register(self, phone: Phone, first: str) -> str:
        """Somebody's first command, with the questions that it brings."""
        await self.introduce(phone, first)
        return await self.say(phone, "1")

    async def found(self, organiser: Phone, line: str) -> Group:
        """Found an equb by ``NEW …``."""
        await self.register(organiser, line)
        rows = await self.rows("SELECT group_id FROM groups WHERE tenant_id = :t ORDER BY group_id DESC LIMIT 1")
        return await self.group(rows[0][0])

    async def group(self, group_id: UUID) -> Group:
        async with transaction(self.tenant.id) as tx:
            return await groups.by_id(tx, group_id)

    async def office(self, group: Group, number: int, role: str) -> None:
        """Give a member an office."""
        async with transaction(self.tenant.id) as tx:
            seat = (await groups.find_members(tx, group.group_id, str(number)))[0]
            await groups.give_role(tx, group, seat.member, role)

    async def rows(self, query: str, **values: Any) -> Sequence[Any]:
        """Read the tenant's rows; ``:t`` is its id."""
        given = {"t": self.tenant.id, **values} if ":t" in query else values
        async with transaction(self.tenant.id) as tx:
            return (await tx.session.execute(text(query), given)).all()

    async def value(self, query: str, **values: Any) -> Any:
        rows = await self.rows(query, **values)
        return rows[0][0] if rows else None


def phone(number: int, channel: str) -> Phone:
    """The n-th person's phone."""
    address = str(700_000_000 + number) if channel == TELEGRAM else f"+2519{10_000_000 + number}"
    return Phone(channel, address, f"Person {number}")


async def town(machine: Machine, code: str) -> Town:
    """A fresh tenant."""
    tenant_id = await bootstrap.make_tenant(code, code.title())
    async with transaction(tenant_id) as tx:
        await gateways.configure(
            tx, name=TELEGRAM, channel="telegram", sender="bench_bot", credentials={"token": TOKEN, "secret": SECRET}
        )
        url = f"http://127.0.0.1:{machine.stub.port}/sms"
        await gateways.configure(
            tx, name=HTTP, channel="sms", sender=SHORT_CODE, credentials={"url": url, "secret": SECRET}
        )
        await gateways.configure(
            tx,
            name=TWILIO,
            channel="sms",
            sender=NUMBER,
            credentials={"account_sid": "AC" + "0" * 32, "auth_token": SECRET, "reply": "twiml"},
            preferred=False,
        )
    return Town(machine, await people.tenant_by_code(code))


async def fetch(number: int) -> Beacon:
    """A round of this bench's own randomness beacon."""
    signature = bytes.fromhex(str(BEACON.round(number)["signature"]))
    return Beacon(round=number, randomness=randomness_of(signature), signature=signature)


async def wake(group: Group) -> None:
    """Do what is due for a group now, as a worker does."""
    await agenda.wake(group.tenant_id, group.group_id, fetch)


async def pass_time(town: Town, group: Group, until: datetime) -> None:
    """Move the clock through everything that falls due for the group."""
    while True:
        due = await town.value(
            "SELECT wake_at FROM groups WHERE group_id = :g AND wake_at <= :until", g=group.group_id, until=until
        )
        if due is None:
            break
        if due > clock.now():
            clock.set_to(due)
        await wake(group)
    clock.set_to(until)
