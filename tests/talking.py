"""Conversations written down: who says what on which phone, and what they hear.

A talk is a text file in ``tests/talks``:

    = 2026-11-24 12:54            the clock, in Addis Ababa
    Abebe sms> NEW Merkato 1000 12 weekly
      what Abebe hears, indented; lines of one message follow each other, ``|`` starts a further line of it
    + 7d                          time passes, and everything that falls due on the way happens
    beacon silent                 the public number cannot be had from now on, until ``beacon back``

A press of a button is written ``Abebe tg> [Yes]``; what carries a paper has a line ``(document)`` or ``(photo)``.
Codes that differ from run to run stand as ``<G1>``, ``<R2>``,
``<D1>`` … in the order of appearance; what is said may use them. What is heard is compared to the letter;
``TALKS=write`` writes what was heard instead, to be read before it is committed.
"""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text, update

from core import clock, people
from core.beacon import Beacon
from core.cycle import agenda
from core.db import transaction, unscoped
from core.errors import TryLater
from core.inbox import Inbound
from core.messages import SMS
from core.order.draw import randomness_of
from core.people import Tenant
from core.talking import conversation
from core.telling import outbox
from core.telling.outbox import OutboxRow
from sandbox.beacon import Beacon as SandboxBeacon

TALKS = Path(__file__).parent / "talks"
ADDIS = ZoneInfo("Africa/Addis_Ababa")
SEED = "tests"

_CODES = re.compile(r"\b(?P<code>[CDFGHJKMNPQRTVWXY34679]{6}(?:-\d+)?)\b")
_HEX = re.compile(r"\b[0-9a-f]{12}\b")
_BEACON = re.compile(r"(?<=beacon )\d+|(?<=beacon round )\d+")
_PAPER_TOKEN = re.compile(r"(?<=/paper/)[\w-]{20}")
_LINK_CODE = re.compile(r"\b\d{4} \d{4}\b")


def beacon() -> SandboxBeacon:
    """The tests' own beacon, whose key the settings name."""
    return SandboxBeacon(SEED)


async def fetch(number: int) -> Beacon:
    """A round of the tests' beacon."""
    signature = bytes.fromhex(str(beacon().round(number)["signature"]))
    return Beacon(round=number, randomness=randomness_of(signature), signature=signature)


@dataclass
class Phone:
    """One person's phone in a talk: their number or account, and the buttons they see."""

    name: str
    channel: str
    address: str
    buttons: dict[str, str] = field(default_factory=dict)


@dataclass
class Scene:
    """A tenant with phones; says things and hears what is said to them."""

    tenant: Tenant
    phones: dict[tuple[str, str], Phone] = field(default_factory=dict)
    said: int = 0
    names: dict[str, str] = field(default_factory=dict)
    silent: bool = False

    def phone(self, name: str, channel: str) -> Phone:
        """The phone of that name, made when it is new."""
        number = len({key[0] for key in self.phones} | {name})
        known = [p for key, p in self.phones.items() if key[0] == name]
        ordinal = int(known[0].address[-3:]) if known else number
        address = f"+251911000{ordinal:03}" if channel == SMS else f"7770{ordinal:03}"
        return self.phones.setdefault((name, channel), Phone(name, channel, address))

    async def say(self, name: str, channel: str, words: str, **extra: Any) -> list[tuple[Phone, str]]:
        """One person writes; everything that anybody hears because of it."""
        phone = self.phone(name, channel)
        for stable, code in self.names.items():
            words = words.replace(stable, code)
        if words.startswith("[") and words.endswith("]"):
            words = phone.buttons.get(words[1:-1], words)
        self.said += 1
        inbound = Inbound(
            channel=channel,
            gateway="telegram" if channel == "telegram" else "http",
            address=phone.address,
            text=words,
            external_id=f"talk-{self.said}",
            received_at=clock.now(),
            name=name if channel == "telegram" else "",
            **extra,
        )
        await conversation.receive(self.tenant, inbound)
        return await self.heard()

    async def heard(self) -> list[tuple[Phone, str]]:
        """What was said to anybody since the last time, in order."""
        async with transaction(self.tenant.id) as tx:
            rows = (
                await tx.session.scalars(
                    select(OutboxRow)
                    .where(OutboxRow.state.in_(("sending", "queued")), OutboxRow.send_after <= tx.now)
                    .order_by(OutboxRow.priority, OutboxRow.seq)
                )
            ).all()
            answer = []
            for row in rows:
                address = await tx.session.get(people.Address, row.address_id)
                assert address is not None
                if address.state != "active" and row.priority == outbox.NOTICE:
                    continue
                answer.append((self._shown(address, row), self._stable(row)))
            await tx.session.execute(
                update(OutboxRow).where(OutboxRow.id.in_([r.id for r in rows])).values(state="sent", sent_at=tx.now)
            )
        return answer

    def _shown(self, address: people.Address, row: OutboxRow) -> Phone:
        value = address.value
        phone = next((p for p in self.phones.values() if p.address == value), None)
        phone = phone or Phone(value, address.channel, value)
        phone.buttons = dict(row.choices)
        return phone

    def _stable(self, row: OutboxRow) -> str:
        words = _PAPER_TOKEN.sub("<TOKEN>", row.text)
        for found in _CODES.finditer(words):
            code = found["code"]
            known = {v: k for k, v in self.names.items()}
            if code in known or code.isdigit():
                continue
            kind = "D" if "-" in code else "G" if self._is_group(words, code) else "R"
            number = sum(1 for stable in self.names if stable.startswith(f"<{kind}")) + 1
            self.names[f"<{kind}{number}>"] = code
        for found in _LINK_CODE.finditer(words):
            self.names.setdefault("<LINK>", found[0].replace(" ", ""))
            words = words.replace(found[0], "<LINK>")
        for stable, code in sorted(self.names.items(), key=lambda pair: -len(pair[1])):
            words = words.replace(code, stable)
        words = _HEX.sub("<HASH>", words)
        words = _BEACON.sub("<BEACON>", words)
        if row.extras.get("paper"):
            words += f"\n({'photo' if row.kind.startswith('circle') else 'document'})"
        if row.choices:
            words += "\n" + " ".join(f"[{label}]" for label, _ in row.choices)
        return words

    @staticmethod
    def _is_group(words: str, code: str) -> bool:
        return f"JOIN {code}" in words or f"({code})" in words or f"code {code}" in words

    async def until(self, instant: datetime) -> list[tuple[Phone, str]]:
        """Time passes, one due instant after another; everything that anybody hears on the way."""
        heard: list[tuple[Phone, str]] = []
        for _ in range(10_000):
            async with unscoped() as session:
                due = await session.scalar(text("SELECT next_wake()"))
            if due is None or due > instant:
                break
            if due > clock.now():
                clock.set_to(due)
            async with unscoped() as session:
                groups = (await session.execute(text("SELECT * FROM due_groups(:at, 100)"), {"at": clock.now()})).all()
            for tenant_id, group_id, _wake_at in groups:
                # Out of reach, as for the workers: the group is woken again later.
                with suppress(TryLater):
                    await agenda.wake(UUID(str(tenant_id)), UUID(str(group_id)), self._fetch)
            heard += await self.heard()
        clock.set_to(instant)
        return heard + await self.heard()

    async def _fetch(self, number: int) -> Beacon:
        if self.silent:
            raise TryLater(f"no beacon round {number}", retry_seconds=1800)
        return await fetch(number)

    async def wake(self) -> list[tuple[Phone, str]]:
        """Do what is due at this very moment, as the workers would right after a command."""
        return await self.until(clock.now())


def _spoken(heard: list[tuple[Phone, str]]) -> list[str]:
    lines = []
    for phone, words in heard:
        first, *more = words.split("\n")
        lines.append(f"  {phone.name} {'sms' if phone.channel == SMS else 'tg'}< {first}")
        lines += [f"      | {line}" for line in more]
    return lines


async def play(scene: Scene, script: str) -> str:
    """Play a talk; returns the whole of it with what was heard this time."""
    played = []
    at = clock.now()
    for line in script.splitlines():
        if line.startswith("  "):
            continue
        played.append(line)
        # A second for every line, however fast the machine: what is reckoned from an instant is the same each time.
        at += timedelta(seconds=1)
        if clock.now() < at:
            clock.set_to(at)
        said = re.fullmatch(r"(\w+) (sms|tg)> (.*)", line)
        passes = re.fullmatch(r"\+ (\d+)(d|h|m)", line)
        starts = re.fullmatch(r"= (.*)", line)
        if said:
            heard = await scene.say(said[1], SMS if said[2] == "sms" else "telegram", said[3])
            played += _spoken(heard + await scene.wake())
        elif passes:
            unit = {"d": "days", "h": "hours", "m": "minutes"}[passes[2]]
            at = clock.now() + timedelta(**{unit: int(passes[1])})
            played += _spoken(await scene.until(at))
        elif starts:
            at = datetime.fromisoformat(starts[1]).replace(tzinfo=ADDIS)
            clock.set_to(at)
        elif line in ("beacon silent", "beacon back"):
            scene.silent = line == "beacon silent"
        elif line and not line.startswith("#"):
            raise ValueError(f"not a line of a talk: {line}")
    return "\n".join(played) + "\n"


def compare(path: Path, script: str, played: str) -> None:
    """The talk sounds as it is written; or is written as it sounds."""
    if os.environ.get("TALKS") == "write":
        path.write_text(played)
        return
    assert played == script


@asynccontextmanager
async def scene_in(tenant_code: str) -> AsyncIterator[Scene]:
    """A scene in an existing tenant."""
    yield Scene(await people.tenant_by_code(tenant_code))
