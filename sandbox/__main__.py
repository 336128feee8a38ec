"""python -m sandbox: the outside world as one process on a loopback port.

Environment: SANDBOX_PORT (8090), SANDBOX_STATE (SQLite file), SANDBOX_TARGET (base URL of the system),
SANDBOX_BEACON_SEED, SANDBOX_TELEGRAM_RATE (messages a second per bot; empty = no limit), EQUB_CLOCK_FILE.
A malformed one is one line and exit status 2.
"""

import os
import sys
from collections.abc import Mapping

import uvicorn

from sandbox.app import Sandbox
from sandbox.world import Settings


def settings_from(given: Mapping[str, str]) -> Settings:
    """The settings in an environment; SystemExit(2) after one line when one is malformed."""

    def refuse(why: str) -> SystemExit:
        print(f"sandbox: {why}", file=sys.stderr)
        return SystemExit(2)

    port, rate = given.get("SANDBOX_PORT", "8090"), given.get("SANDBOX_TELEGRAM_RATE", "")
    if not port.isdigit() or not 1 <= int(port) <= 65535:
        raise refuse(f"SANDBOX_PORT is not a port: {port!r}")
    target = given.get("SANDBOX_TARGET", "http://127.0.0.1:8000").rstrip("/")
    if not target.startswith(("http://", "https://")):
        raise refuse(f"SANDBOX_TARGET is not a URL: {target!r}")
    try:
        telegram_rate = float(rate) if rate else None
    except ValueError:
        raise refuse(f"SANDBOX_TELEGRAM_RATE is not a number: {rate!r}") from None
    return Settings(
        port=int(port),
        state=given.get("SANDBOX_STATE", "sandbox.sqlite3"),
        target=target,
        beacon_seed=given.get("SANDBOX_BEACON_SEED", "equb"),
        clock_file=given.get("EQUB_CLOCK_FILE") or None,
        telegram_rate=telegram_rate,
    )


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    settings = settings_from(os.environ)
    uvicorn.run(
        Sandbox(settings),
        host="127.0.0.1",
        port=settings.port,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
