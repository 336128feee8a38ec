"""A command from webhook to reply stored: one at a time, on an otherwise idle machine, by command and channel.

The webhook is answered when command, book and reply are committed (through Twilio, answered in the webhook itself,
also when the reply is marked as said): that is the figure. *Delivered* is when the provider has our call; a reply in
the webhook is delivered with it. Between two commands the machine comes to rest.
"""

import asyncio
import time
from dataclasses import dataclass, field

from bench.figures import Figure, against_goal, digits, median, percentile
from bench.machine import Machine
from bench.town import CHANNELS, TWILIO, Letter, Phone, Town, phone, town, wake
from core.groups import Group

GOAL_MS = 15.0
COMMANDS = ("STATUS", "PAY", "CASH", "ROUND", "WHO", "HELP")
REST_SECONDS = 0.015


@dataclass
class Seen:
    """What one command took on one channel, in milliseconds."""

    answered: list[float] = field(default_factory=list)
    delivered: list[float] = field(default_factory=list)
    api_cpu: float = 0.0
    postgresql_cpu: float = 0.0


@dataclass(frozen=True)
class Equb:
    """A group whose members sit on three channels, with an officer on each."""

    group: Group
    officers: dict[str, Phone]
    members: dict[str, list[tuple[int, Phone]]]

    def letters(self, here: Town, channel: str, command: str) -> list[Letter]:
        """The command once by (or about) each member of a channel."""
        officer = self.officers[channel]
        match command:
            case "PAY":
                return [here.letter(member, "PAY 1000") for _, member in self.members[channel]]
            case "CASH":
                return [here.letter(officer, f"CASH {number} 1000") for number, _ in self.members[channel]]
            case "WHO":
                return [here.letter(officer, "WHO") for _ in self.members[channel]]
            case _:
                return [here.letter(member, command) for _, member in self.members[channel]]


async def measure(machine: Machine, *, quick: bool) -> list[Figure]:
    """Every command on every channel, by turns."""
    here = await town(machine, "commands")
    equb = await found_equb(here, each=1 if quick else 10)
    seen = {(channel, command): Seen() for channel in CHANNELS for command in COMMANDS}
    floor = [await _timed_get(machine) for _ in range(20 if quick else 200)]
    for turn in range(2 if quick else 8):
        for channel in CHANNELS:
            for command in COMMANDS:
                # The first turn warms up: plans, caches, connections.
                await _block(here, equb, channel, command, seen[channel, command] if turn else Seen())
    base = median(floor)
    figures = [
        Figure(
            "answer without a database (GET /healthz)", base, "ms median", note=f"p95 {digits(percentile(floor, 95))}"
        )
    ]
    figures += [_figure(channel, command, one) for (channel, command), one in seen.items()]
    return figures


def _figure(channel: str, command: str, one: Seen) -> Figure:
    count = len(one.answered)
    note = (
        f"p95 {digits(percentile(one.answered, 95))}, p99 {digits(percentile(one.answered, 99))},"
        f" delivered {digits(median(one.delivered))}; CPU api {digits(one.api_cpu / count)}"
        f" + PostgreSQL {digits(one.postgresql_cpu / count)} (n = {count})"
    )
    return against_goal(f"{command} by {channel}", median(one.answered), "ms median", GOAL_MS, note=note)


async def _timed_get(machine: Machine) -> float:
    begun = time.perf_counter()
    await machine.client.get("/healthz")
    return (time.perf_counter() - begun) * 1000


async def found_equb(here: Town, *, each: int) -> Equb:
    """An equb with so many members on each channel, and its first round open."""
    organiser = phone(1, CHANNELS[0])
    lots = each * len(CHANNELS) + len(CHANNELS)
    group = await here.found(organiser, f"NEW Merkato 1000 {lots} weekly")
    officers, members = {CHANNELS[0]: organiser}, {channel: list[tuple[int, Phone]]() for channel in CHANNELS}
    number = 1
    for channel in CHANNELS:
        for _ in range(each + (channel != CHANNELS[0])):
            number += 1
            somebody = phone(number, channel)
            await here.register(somebody, f"JOIN {group.code}")
            if channel not in officers:
                officers[channel] = somebody
                await here.office(group, number, "secretary")
            else:
                members[channel].append((number, somebody))
    await here.say(organiser, "BEGIN")
    await here.say(organiser, "1")
    await wake(group)
    return Equb(await here.group(group.group_id), officers, members)


async def _block(here: Town, equb: Equb, channel: str, command: str, seen: Seen) -> None:
    """The command once by (or about) each member of the channel, one after the other."""
    before = here.machine.cpu_seconds()
    for letter in equb.letters(here, channel, command):
        here.machine.stub.heard.clear()
        begun = time.perf_counter()
        await here.post(letter, process=0)
        answered = time.perf_counter()
        if channel != TWILIO:
            await asyncio.wait_for(here.machine.stub.heard.wait(), 10)
        seen.answered.append((answered - begun) * 1000)
        seen.delivered.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(REST_SECONDS)
    after = here.machine.cpu_seconds()
    seen.api_cpu += (after["api"] - before["api"]) * 1000
    seen.postgresql_cpu += (after["postgresql"] - before["postgresql"]) * 1000
