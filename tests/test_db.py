"""A transaction: whose rows it sees, what it keeps, and that both ways to its connection are one."""

import asyncio
from uuid import UUID

import pytest
from conftest import Superuser
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from core import db, people
from core.db import columns, transaction, unscoped, width
from core.ids import new_id
from core.people import Person
from core.settings import settings

MAKE = "INSERT INTO people (id, tenant_id, name, language, created_at) VALUES ($1, $2, $3, 'en', now())"
COUNT = "SELECT count(*) FROM people"


async def _count(tenant: UUID) -> int:
    async with transaction(tenant) as tx:
        row = await tx.row(COUNT)
    assert row is not None
    return int(row[0])


async def test_a_statement_sees_the_rows_of_its_tenant_alone(tenant: UUID, superuser: Superuser) -> None:
    other = new_id()
    superuser.execute(
        "INSERT INTO tenants (id, code, name, created_at) VALUES ($1, $2, 'Other', now())", other, f"t{other.hex[-12:]}"
    )
    async with transaction(other) as tx:
        await tx.rows(MAKE, new_id(), other, "Sara")
    assert (await _count(other), await _count(tenant)) == (1, 0)
    async with unscoped() as session:
        assert await session.scalar(text(COUNT)) == 0
    async with transaction(tenant) as tx:
        with pytest.raises(DBAPIError, match="row-level security"):
            await tx.rows(MAKE, new_id(), other, "Abel")
        # Refused as a whole: what failed once is not committed in silence.
        tx.keep = False
    assert await _count(other) == 1


async def test_the_session_and_the_statement_are_one_transaction(tenant: UUID) -> None:
    person = new_id()
    async with transaction(tenant) as tx:
        await tx.rows(MAKE, person, tenant, "Sara")
        found = await people.person(tx, person)
        found.name = "Almaz"
        await tx.flush()
        row = await tx.row("SELECT name FROM people WHERE id = $1", person)
        assert row is not None and row["name"] == "Almaz"
    assert await _count(tenant) == 1


@pytest.mark.parametrize("by_session", [False, True])
async def test_an_exception_leaves_nothing(tenant: UUID, *, by_session: bool) -> None:
    with pytest.raises(LookupError):
        async with transaction(tenant) as tx:
            await tx.rows(MAKE, new_id(), tenant, "Sara")
            if by_session:
                await tx.session.execute(update(Person).values(name="Almaz"))
            raise LookupError
    assert await _count(tenant) == 0


async def test_what_is_not_to_be_kept_is_not(tenant: UUID) -> None:
    async with transaction(tenant) as tx:
        await tx.rows(MAKE, new_id(), tenant, "Sara")
        tx.keep = False
    assert await _count(tenant) == 0


async def test_a_failure_that_somebody_swallows_is_no_commit(tenant: UUID) -> None:
    person = new_id()
    with pytest.raises(RuntimeError, match="rolled back"):
        async with transaction(tenant) as tx:
            await tx.rows(MAKE, person, tenant, "Sara")
            with pytest.raises(IntegrityError):
                await tx.rows(MAKE, person, tenant, "Sara again")
    assert await _count(tenant) == 0


async def test_an_error_names_the_statement_and_not_what_was_written(tenant: UUID) -> None:
    person = new_id()
    with pytest.raises(IntegrityError) as raised:
        async with transaction(tenant) as tx:
            await tx.rows(MAKE, person, tenant, "Sara")
            await tx.rows(MAKE, person, tenant, "Zewditu")
    assert "INSERT INTO people" in str(raised.value) and "Zewditu" not in str(raised.value)


async def test_the_object_of_a_row_is_the_sessions_and_is_written_when_it_changes(tenant: UUID) -> None:
    person = new_id()
    select = f"SELECT {columns(Person, 'p')} FROM people p WHERE p.id = $1"
    async with transaction(tenant) as tx:
        await tx.rows(MAKE, person, tenant, "Sara")
        row = await tx.row(select, person)
        assert row is not None and len(row) == width(Person)
        read = tx.entity(Person, row[:])
        assert (read.id, read.name, read.consented_at) == (person, "Sara", None)
        read.name = "Almaz"
        assert await people.person(tx, person) is read, "known to the session, which does not read it again"
        assert tx.entity(Person, row[:]) is read and read.name == "Almaz"
    async with transaction(tenant) as tx:
        assert (await people.person(tx, person)).name == "Almaz"


async def test_work_that_holds_the_only_connection_waits_for_no_other(
    tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUB_DATABASE_POOL_SIZE", "1")
    settings.cache_clear()
    await db.dispose()
    try:
        async with transaction(tenant) as tx:
            # What is remembered of a tenant ends at any moment, for everybody at once.
            people.forget_tenants()
            found = await asyncio.wait_for(people.tenant_of(tx), 5)
        assert found.id == tenant
    finally:
        monkeypatch.undo()
        settings.cache_clear()
        await db.dispose()


async def test_a_connection_that_the_server_ended_is_not_given_out_again(tenant: UUID, superuser: Superuser) -> None:
    assert await _count(tenant) == 0
    superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'equb'"
    )
    await asyncio.sleep(0.2)
    assert await _count(tenant) == 0


async def test_work_that_is_given_up_midway_leaves_nothing_and_a_whole_pool(tenant: UUID) -> None:
    async def endless() -> None:
        async with transaction(tenant) as tx:
            await tx.rows(MAKE, new_id(), tenant, "Sara")
            await tx.rows("SELECT pg_sleep(20)")

    work = [asyncio.create_task(endless()) for _ in range(4)]
    await asyncio.sleep(0.3)
    for one in work:
        one.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    assert all(one.cancelled() for one in work)
    assert await _count(tenant) == 0
    assert db.engine().sync_engine.pool.checkedout() == 0  # type: ignore[attr-defined]
