"""One group on one shard: the schema and the statements keep what a distributed database asks of them.

All of it is shown on plain PostgreSQL, so that it holds on every day; ``docs/distribute.md`` tells what was done on
a real cluster.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from conftest import Superuser
from sqlalchemy import event
from talking import TALKS, Scene, play

from core import db, people
from core.ids import new_id
from core.operator import bootstrap
from ops.commands import distribute
from ops.commands.distribute import DISTRIBUTED, LOCAL, POST, REFERENCE
from ops.errors import CannotStart

# --- the schema ----------------------------------------------------------------------------------


def test_every_table_has_its_place(superuser: Superuser) -> None:
    placed = [*DISTRIBUTED, *REFERENCE, *LOCAL]
    assert len(placed) == len(set(placed))
    there = [row["relname"] for row in superuser.rows(distribute._TABLES)]
    assert sorted(placed) == sorted(there)


def test_whatever_is_kept_by_group_is_distributed_by_group(superuser: Superuser) -> None:
    found = superuser.rows(
        """SELECT c.conrelid::regclass::text AS name FROM pg_constraint c
           JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
           WHERE c.contype = 'p' AND c.connamespace = 'public'::regnamespace AND a.attname = 'group_id'"""
    )
    assert sorted(row["name"] for row in found) == sorted(DISTRIBUTED)


def test_every_key_of_a_groups_table_holds_the_group(superuser: Superuser) -> None:
    indexes = superuser.rows(
        """SELECT i.indexrelid::regclass::text AS name, i.indrelid::regclass::text AS of,
                  ARRAY(SELECT a.attname::text FROM pg_attribute a
                        WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)) AS columns
           FROM pg_index i WHERE i.indisunique AND i.indrelid = ANY ($1::text[]::regclass[])""",
        list(DISTRIBUTED),
    )
    assert {row["of"] for row in indexes} == set(DISTRIBUTED)
    assert [row["name"] for row in indexes if "group_id" not in row["columns"]] == []


def test_a_groups_rows_refer_to_rows_of_the_same_group_only(superuser: Superuser) -> None:
    keys = superuser.rows(
        """SELECT c.conname, c.confrelid::regclass::text AS target,
                  array_position(c.conkey, (SELECT attnum FROM pg_attribute
                      WHERE attrelid = c.conrelid AND attname = 'group_id')) AS here,
                  array_position(c.confkey, (SELECT attnum FROM pg_attribute
                      WHERE attrelid = c.confrelid AND attname = 'group_id')) AS there
           FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid = ANY ($1::text[]::regclass[])""",
        list(DISTRIBUTED),
    )
    assert len(keys) > 15
    for key in keys:
        assert key["target"] in DISTRIBUTED, key["conname"]
        assert key["here"] is not None and key["here"] == key["there"], key["conname"]


def test_no_row_of_another_table_refers_to_a_groups_row(superuser: Superuser) -> None:
    found = superuser.rows(
        """SELECT c.conname FROM pg_constraint c WHERE c.contype = 'f'
           AND c.confrelid = ANY ($1::text[]::regclass[]) AND NOT c.conrelid = ANY ($1::text[]::regclass[])""",
        list(DISTRIBUTED),
    )
    assert found == []


def test_every_policy_can_stand_on_a_shard(superuser: Superuser) -> None:
    policies = superuser.rows(
        """SELECT p.polrelid::regclass::text AS of, concat_ws(' ', pg_get_expr(p.polqual, p.polrelid),
                  pg_get_expr(p.polwithcheck, p.polrelid)) AS said FROM pg_policy p"""
    )
    assert set(DISTRIBUTED) <= {row["of"] for row in policies}
    assert [row["of"] for row in policies if re.search(r"\bselect\b", row["said"], re.IGNORECASE)] == []
    unguarded = superuser.rows(
        "SELECT relname FROM pg_class WHERE oid = ANY ($1::text[]::regclass[])"
        " AND NOT (relrowsecurity AND relforcerowsecurity)",
        list(DISTRIBUTED),
    )
    assert unguarded == []


def test_who_may_write_the_ledger_never_has_to_log_in(superuser: Superuser) -> None:
    """A function that reads all shards goes there as its owner, so none of those may be the ledger's."""
    across = superuser.rows(
        "SELECT p.proname FROM pg_proc p WHERE p.proowner = 'equb_ledger'::regrole AND p.prosecdef"
        " AND p.oid <> $1::regprocedure",
        POST,
    )
    assert across == []


# --- the statements ------------------------------------------------------------------------------

# Statements that look over several shards, each with why it may. None of them reads or moves money.
ACROSS_GROUPS = {
    "WHERE members.person_id = $1::UUID AND members.status": "the groups that a person is in, whichever they are",
}

_NAMES = "|".join((*DISTRIBUTED, *REFERENCE, *LOCAL))
_KEYWORD = "WHERE|JOIN|LEFT|CROSS|ON|SET|ORDER|GROUP|LIMIT|FOR|UNION|VALUES|SELECT|RETURNING"
_REFERENCE = re.compile(rf"\b(?:FROM|JOIN|UPDATE|INTO) ({_NAMES})\b(?: (?:AS )?(?!(?:{_KEYWORD})\b)(\w+))?")
_BOUND = re.compile(r"(?<!\w)(?:\w+\.)?group_id = \$(\d+)")


@dataclass(frozen=True)
class Heard:
    """A statement as it went to the database, on one line, with the values of one of its runs."""

    statement: str
    values: tuple[Any, ...]

    @property
    def tables(self) -> list[tuple[str, str]]:
        """(table, what it is called in the statement)"""
        return [(found[1], found[2] or found[1]) for found in _REFERENCE.finditer(self.statement)]

    @property
    def concerns_a_group(self) -> bool:
        return any(table in DISTRIBUTED for table, _ in self.tables)

    def groups(self) -> set[Any]:
        """The groups that the statement names."""
        if self.statement.startswith("INSERT INTO"):
            places = re.findall(r"(?:VALUES |\), |SELECT )\(?\$(\d+)", self.statement)
            assert re.match(r"INSERT INTO \w+ \(group_id,", self.statement), self.statement
        else:
            places = _BOUND.findall(self.statement)
        return {self.values[int(place) - 1] for place in places}

    def unbound(self) -> list[str]:
        """Tables of groups that are not tied to one group, by what they are called."""
        if self.statement.startswith("INSERT INTO"):
            return []
        said = self.statement
        plain = re.search(r"(?<![.\w])group_id = \$", said) is not None
        return [
            name
            for table, name in self.tables
            if table in DISTRIBUTED and not plain and not re.search(rf"\b{name}\.group_id = |= {name}\.group_id", said)
        ]


@contextmanager
def heard() -> Iterator[list[Heard]]:
    """Everything that is said to the database meanwhile."""
    everything: list[Heard] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        line = " ".join(statement.split())
        # Several runs of a statement, or several rows in one, which come as one flat tuple.
        runs = values if many and isinstance(values[0], tuple) else [values]
        everything.extend(Heard(line, tuple(one)) for one in runs)

    engine = db.engine().sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield everything
    finally:
        event.remove(engine, "before_cursor_execute", hear)


def _may_cross(one: Heard) -> bool:
    return any(known in one.statement for known in ACROSS_GROUPS)


_cycle: list[Heard] = []


# A whole cycle, and what not every group does.
LISTENED_TO = ("a_whole_cycle", "officers", "guarantor", "fixed_turns", "drawn_once", "need_first", "auction", "paused")


@pytest.fixture
async def whole_cycle(superuser: Superuser) -> list[Heard]:
    """What is said to the database from founding a group to closing its cycle; played once for all tests."""
    if not _cycle:
        for name in LISTENED_TO:
            # A tenant each: the phones of one talk are not known in another.
            tenant = await people.tenant_by_id(await bootstrap.make_tenant(f"talk-{name.replace('_', '-')}", name))
            with heard() as everything:
                await play(Scene(tenant), (TALKS / f"{name}.talk").read_text())
            _cycle.extend(everything)
            # The next talk begins at a time of its own; what this one left waiting is none of its business.
            superuser.execute("UPDATE groups SET wake_at = NULL")
            superuser.execute("UPDATE outbox SET state = 'sent' WHERE state = 'queued'")
    return _cycle


# What a cycle without special rules does not write.
SPECIAL = {"turns", "bids", "needs", "loans"}


def test_the_cycle_that_is_looked_at_is_a_whole_one(whole_cycle: list[Heard]) -> None:
    written = {re.match(r"(?:INSERT INTO|UPDATE) (\w+)", one.statement) for one in whole_cycle}
    # The ledger's three are written by its function.
    usual = {table for table in DISTRIBUTED if "ledger" not in table} - SPECIAL
    assert {found[1] for found in written if found} >= usual


def test_no_statement_of_a_whole_cycle_touches_two_groups(whole_cycle: list[Heard]) -> None:
    of_groups = [one for one in whole_cycle if one.concerns_a_group]
    for one in of_groups:
        if _may_cross(one):
            assert not any(table.startswith("ledger") for table, _ in one.tables), one.statement
            continue
        assert one.unbound() == [], one.statement
        assert len(one.groups()) == 1, one.statement
    unused = [known for known in ACROSS_GROUPS if not any(known in one.statement for one in of_groups)]
    assert unused == []


def test_no_statement_of_a_whole_cycle_joins_a_group_to_what_lives_elsewhere(whole_cycle: list[Heard]) -> None:
    mixed = {
        one.statement for one in whole_cycle if one.concerns_a_group and any(table in LOCAL for table, _ in one.tables)
    }
    assert mixed == set()


def test_no_statement_of_a_group_joins_a_select_that_reads_no_table(whole_cycle: list[Heard]) -> None:
    """Citus refuses `LATERAL (SELECT (SELECT … FROM t) AS x)`; `LATERAL (SELECT … FROM t) AS p (x)` says the same."""
    wrapped = re.compile(r"(?:LATERAL|FROM|JOIN) \(SELECT \(SELECT")
    assert {one.statement for one in whole_cycle if one.concerns_a_group and wrapped.search(one.statement)} == set()


def test_every_posting_names_its_group_first(whole_cycle: list[Heard]) -> None:
    postings = [one for one in whole_cycle if "ledger_post" in one.statement]
    assert len(postings) > 5
    for one in postings:
        # Nothing but the call: anything around it would keep Citus from leading it to the group's worker.
        assert re.fullmatch(r"SELECT [\w, ]+ FROM ledger_post\(\$1, \$2, \$3\)", one.statement)
        assert isinstance(one.values[0], UUID)


@pytest.mark.parametrize(
    ("statement", "unbound"),
    [
        ("SELECT 1 FROM dues d JOIN lots l ON l.group_id = d.group_id WHERE d.group_id = $1", []),
        ("SELECT 1 FROM dues d JOIN lots ON lots.id = d.lot_id WHERE d.group_id = $1", ["lots"]),
        ("SELECT 1 FROM payments WHERE payments.id = $1", ["payments"]),
        ("UPDATE groups SET wake_at = $1", ["groups"]),
    ],
)
def test_a_statement_that_forgets_the_group_is_noticed(statement: str, unbound: list[str]) -> None:
    assert Heard(statement, (new_id(),)).unbound() == unbound


# --- the command ---------------------------------------------------------------------------------


async def test_without_citus_nothing_is_distributed_and_one_line_says_why(superuser_url: str) -> None:
    with pytest.raises(CannotStart, match=r"^this server has no Citus: [^\n]+$"):
        await distribute.distribute(superuser_url)


async def test_a_table_that_nobody_has_placed_stops_it(superuser: Superuser, superuser_url: str) -> None:
    superuser.execute("CREATE TABLE forgotten (group_id uuid)")
    connection = await asyncpg.connect(superuser_url)
    try:
        with pytest.raises(CannotStart, match="forgotten"):
            await distribute._all_classified(connection)
    finally:
        await connection.close()
        superuser.execute("DROP TABLE forgotten")


@pytest.mark.parametrize("typed", ["worker", "worker:", ":5432", "a b:5432", "worker:5432;drop"])
def test_a_node_is_a_host_and_a_port(typed: str) -> None:
    with pytest.raises(CannotStart, match="HOST:PORT"):
        distribute.main([typed])


def test_only_a_superuser_may_distribute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EQUB_DATABASE_SUPERUSER_URL", raising=False)
    with pytest.raises(CannotStart, match="EQUB_DATABASE_SUPERUSER_URL is not set"):
        distribute.main([])
