"""``python -m core talk``: the conversation in a terminal, as one phone has it, on the real database.

    python -m core talk [--tenant demo] [--phone +251911000001] [--telegram]

What is typed is received as that phone's message; answers and notices for it are printed. ``+7d`` moves the
sandbox clock (where there is one) without doing what falls due: the ticker does that. End with Ctrl-D.
"""

import argparse
import asyncio
import re
import sys
from datetime import timedelta
from itertools import count

from sqlalchemy import select

from core import clock, people, phones
from core.db import dispose, transaction
from core.errors import Refusal
from core.ids import new_id
from core.inbox import Inbound
from core.messages import SMS, TELEGRAM
from core.people import Tenant
from core.settings import settings
from core.talking import conversation
from core.telling.outbox import OutboxRow


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="equb talk", description="Talk to Equb in the terminal.")
    parser.add_argument("--tenant", default="demo", help="whose Equb (default demo)")
    parser.add_argument("--phone", default="+251911000001", help="who talks (default +251911000001)")
    parser.add_argument("--telegram", action="store_true", help="as a Telegram account instead of SMS")
    return parser.parse_args(argv)


def _move_clock(line: str) -> bool:
    found = re.fullmatch(r"\+(\d+)([dhm])", line.strip())
    if not found:
        return False
    unit = {"d": "days", "h": "hours", "m": "minutes"}[found[2]]
    clock.set_to(clock.now() + timedelta(**{unit: int(found[1])}))
    print(f"  it is {clock.now():%Y-%m-%d %H:%M} UTC")
    return True


async def _hear(tenant: Tenant, address: str, channel: str, after: int) -> int:
    """Print what was said to this address since ``after``; the number of the last message."""
    async with transaction(tenant.id) as tx:
        known = await people.find_address(tx, channel=channel, value=address)
        if known is None:
            return after
        rows = await tx.session.scalars(
            select(OutboxRow).where(OutboxRow.address_id == known.id, OutboxRow.seq > after).order_by(OutboxRow.seq)
        )
        for row in rows.all():
            after = row.seq
            print("  " + row.text.replace("\n", "\n  "))
            for number, (label, _) in enumerate(row.choices, 1):
                print(f"  [{number}] {label}")
    return after


async def _talk(arguments: argparse.Namespace) -> int:
    tenant = await people.tenant_by_code(arguments.tenant)
    channel = TELEGRAM if arguments.telegram else SMS
    address = phones.to_e164(arguments.phone)
    if arguments.telegram:
        address = address.lstrip("+")
    session = new_id()
    async with transaction(tenant.id) as tx:
        last = await tx.session.scalar(select(OutboxRow.seq).order_by(OutboxRow.seq.desc()).limit(1))
        heard = last or 0
    for number in count(1):
        try:
            line = await asyncio.to_thread(input, "> ")
        except (EOFError, KeyboardInterrupt):
            return 0
        if settings().sandbox and _move_clock(line):
            heard = await _hear(tenant, address, channel, heard)
            continue
        inbound = Inbound(
            channel=channel,
            gateway="telegram" if arguments.telegram else "http",
            address=address,
            text=line,
            external_id=f"terminal-{session}-{number}",
            received_at=clock.now(),
        )
        await conversation.receive(tenant, inbound)
        heard = await _hear(tenant, address, channel, heard)
    return 0


async def _main(argv: list[str]) -> int:
    if argv[:1] != ["talk"]:
        print("usage: python -m core talk [--tenant demo] [--phone +251911000001] [--telegram]", file=sys.stderr)
        return 2
    try:
        return await _talk(_arguments(argv[1:]))
    except Refusal as refusal:
        print(f"equb: {refusal}", file=sys.stderr)
        return 2
    finally:
        await dispose()


if __name__ == "__main__":
    raise SystemExit(asyncio.run(_main(sys.argv[1:])))
