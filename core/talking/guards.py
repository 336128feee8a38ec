"""Guards of the SMS door: machines that answer machines, and help that helps nobody.

Two machines that answer each other cost money without end. What says the same again and again, or sends our own
words back, is not answered; and whoever is only ever told where help is gets that three times a day, until the next
day or until they write something that means something. What a person does is never held up by this: only words are.
"""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from core.db import Tx
from core.inbox import Inbound
from core.messages import SMS
from core.people import Tenant

# What stands in the inbox as the command of a message that was answered with help, or not at all.
HELPED = "_HELPED"
SILENT = "_SILENT"

MOST_HELP = 3
# The same answered with the same so often in so short a time is no person, and neither is an echo of our own words.
WINDOW = timedelta(minutes=10)
MOST_REPEATS = 5
MOST_ECHOES = 2
# Somebody may well send back a word; nobody types a whole sentence of ours.
SHORTEST_ECHO = 20

_LATELY = """
SELECT i.text, string_agg(o.text, E'\\n' ORDER BY o.seq) FROM inbox i
LEFT JOIN outbox o ON o.inbox_id = i.id AND o.tenant_id = $1
WHERE i.tenant_id = $1 AND i.address_id = $2 AND i.received_at > $3 AND i.id <> $4
GROUP BY i.id ORDER BY i.received_at DESC, i.id DESC LIMIT 12
"""


def watched(inbound: Inbound) -> bool:
    """Whether a message came by a door that machines know: who dials a menu is there."""
    return inbound.channel == SMS and not inbound.screen


async def is_machine(tx: Tx, inbound: Inbound, address_id: UUID, inbox_id: UUID) -> bool:
    """Whether this message is one more turn of a machine's loop."""
    rows = await tx.rows(_LATELY, tx.tenant_id, address_id, tx.now - WINDOW, inbox_id)
    said = {row[1].strip() for row in rows if row[1]}
    echoes = [text for text in (inbound.text, *(row[0] for row in rows)) if _is_echo(text, said)]
    if len(echoes) > MOST_ECHOES and _is_echo(inbound.text, said):
        return True
    same = []
    for text, answer in rows:
        if text != inbound.text:
            break
        same.append(answer)
    return len(same) >= MOST_REPEATS and len({answer for answer in same if answer is not None}) <= 1


def _is_echo(text: str, said: set[str]) -> bool:
    return len(text.strip()) >= SHORTEST_ECHO and text.strip() in said


_TODAY = """
SELECT command, state FROM inbox WHERE tenant_id = $1 AND address_id = $2 AND received_at >= $3 AND id <> $4
ORDER BY received_at DESC, id DESC LIMIT 50
"""


async def had_enough_help(tx: Tx, tenant: Tenant, address_id: UUID, inbox_id: UUID) -> bool:
    """Whether this address was helped as often as one is in a day, and has done nothing with it since."""
    local = tx.now.astimezone(ZoneInfo(tenant.timezone))
    midnight = datetime(local.year, local.month, local.day, tzinfo=local.tzinfo)
    helped = 0
    for command, state in await tx.rows(_TODAY, tx.tenant_id, address_id, midnight, inbox_id):
        if command == HELPED:
            helped += 1
        elif command != SILENT and state == "done":
            break
    return helped >= MOST_HELP
