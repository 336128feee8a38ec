"""``python -m bot [tenant]``: long polling for a tenant's bot (default: the first tenant's)."""

import asyncio
import signal
import sys

from core import people
from core.db import dispose
from core.errors import NotFound
from core.messages import TELEGRAM
from core.operator import gateways
from core.operator.bootstrap import FIRST_TENANT


async def main(code: str) -> int:
    """Poll until SIGINT or SIGTERM; 2 when there is nothing to poll for."""
    from bot import close, polling  # aiogram is slow to import: a wrong tenant is said at once

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        tenant = await people.tenant_by_code(code)
        gateway = await gateways.gateway(tenant.id, TELEGRAM)
    except NotFound as error:
        print(f"equb: {error}", file=sys.stderr)
        return 2
    try:
        await polling.run(tenant, gateway, stop)
    finally:
        await close()
        await dispose()
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else FIRST_TENANT)))
