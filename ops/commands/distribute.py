"""spread a migrated database over the workers of a Citus cluster, every group whole on one of them

Owns: which table lives where, and everything that Citus wants to be told for it: nodes, tables, the posting
function, what the scanning role may do on workers, the tenant that travels with every transaction. Each step looks
at what is there first, so that a second run changes nothing and a broken one is finished by the next.
Refuses: to install Citus, to make databases or roles on workers (`./equb roles` does), and to guess where a table
belongs that stands in none of the lists below. ``docs/distribute.md`` tells an operator how to use it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from ops import environment, roles
from ops.commands.roles import SUPERUSER_VARIABLE
from ops.errors import CannotStart

# A group's own tables, in the order in which they refer to each other: by group_id, all colocated.
DISTRIBUTED = (
    "groups",
    "rule_versions",
    "members",
    "cycles",
    "lots",
    "holdings",
    "rounds",
    "pauses",
    "dues",
    "payments",
    "draw_lists",
    "draws",
    "payouts",
    "payout_legs",
    "order_draws",
    "turns",
    "bids",
    "needs",
    "proposals",
    "votes",
    "guarantees",
    "loans",
    "disputes",
    "ledger_accounts",
    "ledger_heads",
    "ledger_transfers",
)
# Whole on every node: small, seldom written, and people are joined to the members of groups.
REFERENCE = ("tenants", "people")
# On the coordinator alone: found by address, gateway, code or provider's reference, never by group, and joined to
# no table of a group. Addresses are among them because each message locks its own, and a lock on a row of a
# reference table is one on the whole table everywhere.
LOCAL = (
    "alembic_version",
    "gateways",
    "addresses",
    "questions",
    "inbox",
    "outbox",
    "link_codes",
    "provider_events",
    "codes",
    "provider_references",
    "admins",
    "idempotency_keys",
    "audit_log",
    "dead_letters",
    "begun_work",
    "imports",
    "papers",
    "consents",
    "invitations",
)

POST = "ledger_post(uuid, timestamptz, ledger_request[])"
_ROLES = ("equb_owner", "equb_app", "equb_ledger", "equb_scan")
_NODE = re.compile(r"([A-Za-z0-9._-]+):([0-9]{1,5})")

_TABLES = """
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
# What the posting function calls; functions of triggers travel with their tables.
_LEDGER_FUNCTIONS = """
SELECT p.oid::regprocedure::text AS name FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.proowner = 'equb_ledger'::regrole
    AND p.prorettype <> 'trigger'::regtype AND p.oid <> $1::regprocedure
    AND NOT EXISTS (SELECT FROM pg_dist_object o WHERE o.classid = 'pg_proc'::regclass AND o.objid = p.oid)
ORDER BY 1
"""
# Citus copies grants of a function, but not that PUBLIC has none.
_OPEN_FUNCTIONS = """
SELECT count(*) FROM pg_proc p, aclexplode(p.proacl) a
WHERE p.pronamespace = 'public'::regnamespace AND p.proowner = 'equb_ledger'::regrole AND a.grantee = 0
"""
_CLOSE_FUNCTIONS = """
DO $$ DECLARE signature regprocedure; BEGIN
    PERFORM set_config('citus.enable_ddl_propagation', 'off', true);
    FOR signature IN SELECT oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            AND proowner = 'equb_ledger'::regrole LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
    END LOOP;
END $$
"""
# A function that looks over all shards goes to the workers as the role that owns it.
_SCAN_COMES_IN = """
SELECT rolcanlogin AND has_database_privilege(oid, current_database(), 'CONNECT')
FROM pg_roles WHERE rolname = 'equb_scan'
"""
_LET_SCAN_IN = """
DO $$ BEGIN
    PERFORM set_config('citus.enable_ddl_propagation', 'off', true);
    ALTER ROLE equb_scan LOGIN;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO equb_scan', current_database());
END $$
"""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def main(arguments: list[str]) -> int:
    """`./equb distribute [COORDINATOR:PORT WORKER:PORT …]`: the nodes' addresses as the nodes reach each other.

    Without arguments the cluster is taken as it is. 0 when all of it is done. Raises CannotStart.
    """
    nodes = [_node(argument) for argument in arguments]
    given = environment.load()
    superuser_url = os.environ.get(SUPERUSER_VARIABLE)
    if not superuser_url:
        raise CannotStart(f"{SUPERUSER_VARIABLE} is not set: only a superuser may distribute a database", status=2)
    named = given.get("EQUB_DATABASE_OWNER_URL") or given.get("EQUB_DATABASE_URL")
    if not named:
        raise CannotStart("EQUB_DATABASE_OWNER_URL is not set: it names the database", status=2)
    url = roles.in_database(superuser_url, urlsplit(named).path.lstrip("/"))
    try:
        done = asyncio.run(distribute(url, nodes))
    except (asyncpg.PostgresError, OSError) as error:
        raise CannotStart(f"the database could not be distributed: {error}") from None
    for line in done or ["the database is distributed already; nothing changed"]:
        print(line)
    return 0


def _node(argument: str) -> tuple[str, int]:
    match = _NODE.fullmatch(argument)
    if match is None:
        raise CannotStart(f"a node is HOST:PORT, not {argument!r}", status=2)
    return match[1], int(match[2])


async def distribute(superuser_url: str, nodes: Sequence[tuple[str, int]] = ()) -> list[str]:
    """Distribute the database; what was done, a line for each step that was not done before.

    ``nodes``: the coordinator and its workers, as they reach each other; those that are known already may be left
    out. Raises CannotStart, asyncpg.PostgresError.
    """
    # Nothing here is worth a plan that is kept, and tables change under us.
    db = await asyncpg.connect(superuser_url, statement_cache_size=0)
    try:
        await db.execute("SET client_min_messages = warning; SET citus.enable_unsafe_triggers = on")
        done = await _citus(db)
        await _all_classified(db)
        done += await _join_nodes(db, nodes)
        await _require_roles(db)
        done += await _reference_tables(db)
        done += await _distributed_tables(db)
        done += await _rows_left_behind(db)
        done += await _let_scan_in(db)
        done += await _functions(db)
        done += await _tenant_travels(db)
    finally:
        await db.close()
    return done


async def _citus(db: Connection) -> list[str]:
    if not await db.fetchval("SELECT count(*) FROM pg_available_extensions WHERE name = 'citus'"):
        raise CannotStart("this server has no Citus: install it, and put citus into shared_preload_libraries")
    if not await db.fetchval("SELECT to_regclass('public.ledger_transfers') IS NOT NULL"):
        raise CannotStart("this database holds no tables yet: run ./equb migrate first")
    if await db.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'citus'"):
        return []
    await db.execute("CREATE EXTENSION citus")
    return ["the extension citus is there"]


async def _all_classified(db: Connection) -> None:
    """Refuse to forget a table that a later migration has made."""
    found = {row[0] for row in await db.fetch(_TABLES)}
    unknown = found - {*DISTRIBUTED, *REFERENCE, *LOCAL}
    if unknown:
        raise CannotStart(f"nobody has said where these tables belong: {', '.join(sorted(unknown))}")


async def _join_nodes(db: Connection, nodes: Sequence[tuple[str, int]]) -> list[str]:
    done = []
    known = {(row[0], row[1]) for row in await db.fetch("SELECT nodename, nodeport FROM pg_dist_node")}
    for number, (host, port) in enumerate(nodes):
        if (host, port) in known:
            continue
        function = "citus_add_node" if number else "citus_set_coordinator_host"
        try:
            await db.execute(f"SELECT {function}($1, $2)", host, port)
        except asyncpg.PostgresError as error:
            needs = "it needs this database, our roles and the extension citus in it"
            raise CannotStart(f"{host}:{port} cannot be joined; {needs}: {error}") from None
        done.append(f"{host}:{port} is {'a worker' if number else 'the coordinator'}")
    coordinator = await db.fetchval("SELECT count(*) FROM pg_dist_node WHERE groupid = 0")
    workers = await db.fetchval("SELECT count(*) FROM pg_dist_node WHERE groupid <> 0 AND isactive")
    if not coordinator or not workers:
        raise CannotStart(
            "the cluster has no coordinator or no worker yet: ./equb distribute COORDINATOR:PORT WORKER:PORT …"
        )
    # They hold shards of groups; the coordinator leads and keeps what belongs to no group.
    if await db.fetchval("SELECT shouldhaveshards FROM pg_dist_node WHERE groupid = 0"):
        await db.execute(
            "SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', false)"
            " FROM pg_dist_node WHERE groupid = 0"
        )
        done.append("the coordinator holds no shards of groups")
    return done


async def _on_workers(db: Connection, command: str) -> list[tuple[str, str]]:
    """Run it on every worker: (worker, result). Raises CannotStart with the first worker's complaint."""
    rows: list[Any] = await db.fetch(
        "SELECT nodename, nodeport, success, result FROM run_command_on_workers($1)", command
    )
    for row in rows:
        if not row["success"]:
            raise CannotStart(f"worker {row['nodename']}:{row['nodeport']}: {row['result']}")
    return [(f"{row['nodename']}:{row['nodeport']}", row["result"]) for row in rows]


async def _require_roles(db: Connection) -> None:
    names = ", ".join(f"'{name}'" for name in _ROLES)
    for worker, count in await _on_workers(db, f"SELECT count(*) FROM pg_roles WHERE rolname IN ({names})"):  # noqa: S608
        if int(count) != len(_ROLES):
            raise CannotStart(f"worker {worker} lacks our roles: run ./equb roles with {SUPERUSER_VARIABLE} naming it")


async def _let_scan_in(db: Connection) -> list[str]:
    """`equb_scan` logs in to the workers. On the coordinator it may log in too, but has no database to go to: the
    coordinator tells every node that joins what a role may do."""
    if await db.fetchval("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'equb_scan'"):
        if all(result == "t" for _, result in await _on_workers(db, _SCAN_COMES_IN)):
            return []
    else:
        await db.execute("ALTER ROLE equb_scan LOGIN")
    await _on_workers(db, _LET_SCAN_IN)
    return ["equb_scan may log in to the workers (it reads what is due there)"]


async def _kind(db: Connection, table: str) -> str:
    """``reference``, ``distributed`` or ``local``, as Citus has it."""
    row = await db.fetchrow(
        "SELECT partmethod, repmodel FROM pg_dist_partition WHERE logicalrelid = $1::text::regclass", table
    )
    if row is None or (row["partmethod"], row["repmodel"]) == (b"n", b"s"):
        return "local"
    return "reference" if row["partmethod"] == b"n" else "distributed"


async def _reference_tables(db: Connection) -> list[str]:
    done = []
    for table in REFERENCE:
        if await _kind(db, table) == "reference":
            continue
        await db.execute("SELECT create_reference_table($1)", table)
        done.append(f"{table}: whole on every node")
    return done


async def _distributed_tables(db: Connection) -> list[str]:
    done = []
    first = DISTRIBUTED[0]
    for table in DISTRIBUTED:
        if await _kind(db, table) == "distributed":
            continue
        together = "default" if table == first else first
        async with db.transaction():
            # The ledger's triggers would refuse the rows that move to their shards, for they were posted before.
            await db.execute("SET LOCAL citus.propagate_set_commands = 'local'")
            await db.execute("SET LOCAL session_replication_role = replica")
            await db.execute("SELECT create_distributed_table($1, 'group_id', colocate_with => $2)", table, together)
        shards = await db.fetchval("SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = $1::regclass", table)
        done.append(f"{table}: by group_id over {shards} shards")
    return done


async def _rows_left_behind(db: Connection) -> list[str]:
    """What a table held before stays on the coordinator as well, unseen, and would be in every backup."""
    done = []
    for table in (*DISTRIBUTED, *REFERENCE):
        if not await db.fetchval("SELECT pg_relation_size($1::text::regclass) > 0", table):
            continue
        async with db.transaction():
            # What is append-only refuses this too; the rows themselves are in their shards.
            await db.execute("SET LOCAL session_replication_role = replica")
            await db.execute("SELECT truncate_local_data_after_distributing_table($1)", table)
        done.append(f"{table}: the copy that was left on the coordinator is gone")
    return done


async def _functions(db: Connection) -> list[str]:
    done = []
    # A plan made once for any group knows no shard; each call is planned for its own.
    if await db.fetchval(
        "SELECT proconfig::text LIKE '%plan_cache_mode%' FROM pg_proc WHERE oid = $1::regprocedure", POST
    ):
        await db.execute(f"ALTER FUNCTION {POST} RESET plan_cache_mode")
    for row in await db.fetch(_LEDGER_FUNCTIONS, POST):
        await db.execute("SELECT create_distributed_function($1)", row["name"])
        done.append(f"{row['name']}: on every node")
    if not await db.fetchval("SELECT force_delegation FROM pg_dist_object WHERE objid = $1::regprocedure", POST):
        # Forced: it is called inside transactions, and goes to its group's worker there too.
        await db.execute(
            "SELECT create_distributed_function($1, '$1', colocate_with => $2, force_delegation => true)",
            POST,
            DISTRIBUTED[0],
        )
        done.append(f"{POST}: runs where its group lives")
    if any(int(count) for _, count in await _on_workers(db, _OPEN_FUNCTIONS)):
        await _on_workers(db, _CLOSE_FUNCTIONS)
        done.append("the ledger's functions are closed to everybody else on the workers too")
    return done


async def _tenant_travels(db: Connection) -> list[str]:
    """`SET LOCAL app.tenant` must reach the workers, whose shards' policies compare it."""
    wanted = "citus.propagate_set_commands=local"
    if await db.fetchval(
        "SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
        " WHERE d.datname = current_database() AND s.setrole = 0 AND $1 = ANY (s.setconfig)",
        wanted,
    ):
        return []
    database = await db.fetchval("SELECT quote_ident(current_database())")
    await db.execute(f"ALTER DATABASE {database} SET citus.propagate_set_commands = 'local'")
    return ["the tenant of a transaction travels to the workers; start api, worker and ticker again"]
