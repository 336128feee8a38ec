"""recompute the ledger of every group of every tenant; ends with 1 when anything does not add up

Owns: reaching the database as its owner (the one that is set, the one of a running `./equb run`, or that of a
stopped one, which is started for as long as it takes), and printing what `core.ledger.audit` found.
Refuses: to mend anything. Ends with 0 when every book is sound.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from core import ledger
from core.db import engine_url
from ops import embedded, environment
from ops.errors import CannotStart

_OWNER_URL = "EQUB_DATABASE_OWNER_URL"
_GROUPS = "SELECT tenant_id, group_id FROM ledger_groups() ORDER BY tenant_id, group_id"
_CODE = "SELECT code FROM groups WHERE group_id = $1"


def main(arguments: list[str]) -> int:
    """Audit everything; 0 when all of it is sound, 1 when not. Raises CannotStart."""
    if arguments:
        raise CannotStart("audit takes no arguments", status=2)
    with _owner_url() as url:
        try:
            report, codes = asyncio.run(audit_all(url))
        except (DBAPIError, OSError) as error:
            raise CannotStart(f"the database cannot be read: {error}") from None
    for line in table(report, codes):
        print(line)
    return 0 if report.sound else 1


async def audit_all(owner_url: str) -> tuple[ledger.AuditReport, dict[UUID, str]]:
    """The report over all groups of all tenants, and the code of each group that something was found in."""
    engine = create_async_engine(engine_url(owner_url), poolclass=NullPool)
    report, codes = ledger.AuditReport(), dict[UUID, str]()
    try:
        async with engine.connect() as connection:
            groups = (await connection.exec_driver_sql(_GROUPS)).all()
        for tenant_id, group_id in map(tuple, groups):
            async with _in_tenant(engine, tenant_id) as connection:
                found = await ledger.audit(connection, group_id)
                report += found
                if found.findings:
                    code = (await connection.exec_driver_sql(_CODE, (group_id,))).scalar()
                    codes[group_id] = code or "?"
    finally:
        await engine.dispose()
    return report, codes


@contextlib.asynccontextmanager
async def _in_tenant(engine: AsyncEngine, tenant_id: UUID) -> AsyncIterator[AsyncConnection]:
    """A transaction that sees one tenant's rows, and writes nothing."""
    async with engine.connect() as connection:
        await connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        await connection.exec_driver_sql(f"SET LOCAL app.tenant = '{UUID(str(tenant_id))}'")
        yield connection


def table(report: ledger.AuditReport, codes: dict[UUID, str]) -> list[str]:
    """The report as lines: what was found, one a line, and the figures."""
    lines: list[str] = []
    if report.findings:
        lines.append(f"{'group':<10} {'finding':<10} {'transfer or account':<38} {'concerns'}")
    for found in report.findings:
        where = str(found.transfer_id or found.account or "")
        lines.append(f"{codes.get(found.group_id, '?'):<10} {found.kind:<10} {where:<38} {found.subject}")
    lines.append(f"{'groups':>10} {'accounts':>10} {'transfers':>10} {'seconds':>10} {'findings':>10}")
    lines.append(
        f"{report.groups:>10,} {report.accounts:>10,} {report.transfers:>10,} {report.seconds:>10.2f}"
        f" {len(report.findings):>10,}"
    )
    lines.append("the ledger is sound" if report.sound else "the ledger is NOT sound")
    return lines


@contextlib.contextmanager
def _owner_url() -> Iterator[str]:
    """The database as its owner: the one that is set, or the one of this machine's `./equb run`."""
    given = environment.load()
    if _OWNER_URL in given:
        yield given[_OWNER_URL]
        return
    home = environment.home(given)
    last_run = home / "environment.json"
    if not last_run.exists():
        raise CannotStart(f"{_OWNER_URL} is not set, and {home} holds no database", status=2)
    with contextlib.ExitStack() as until_done:
        try:
            until_done.enter_context(environment.hold(home))
        except CannotStart:  # it runs, and its database with it
            url = json.loads(last_run.read_text())[_OWNER_URL]
        else:
            pair = embedded.start_pair(home, durable=True)
            until_done.callback(pair.stop)
            url = pair.place.database_url(role="equb_owner", password=environment.kept_secrets(home)["equb_owner"])
        yield url
