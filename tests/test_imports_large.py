"""A book of a hundred lots, twenty rounds in, is previewed, committed and undone.

``LOTS, HELD = 600, 120`` makes the figures in ``docs/bench.md``, in minutes. How long it took is printed, not asserted.
"""

import time
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from asking import Admin, owner_of
from books import Paper, balances, hand_in_file

from core import people

LOTS, HELD = 100, 20


@pytest.fixture
async def owner(tenant: UUID, at: Callable[[str], datetime]) -> AsyncIterator[Admin]:
    at("2026-11-22 12:00")
    people.forget_tenants()
    async with owner_of(tenant) as signed_in:
        yield signed_in


def large() -> Paper:
    """Each with a lot, 100 birr a day; everybody has paid every day, every pot was paid at once."""
    paper = Paper().rules(name_of_the_equb="Addis", contribution="100", lots=str(LOTS), rhythm="daily")
    for member in range(1, LOTS + 1):
        role = "organiser" if member == 1 else ""
        paper.write("people", str(member), f"Member {member}", f"+2519110{member:05}", role, "en")
        paper.write("lots", str(member), str(member))
    first = date(2026, 11, 21) - timedelta(days=HELD - 1)
    for number in range(1, HELD + 1):
        day = f"{first + timedelta(days=number - 1):%d/%m/%Y}"
        paper.write("rounds", str(number), day, str(number * 5))
        for member in range(1, LOTS + 1):
            paper.write("payments", day, "in", str(member), "100", "", "", str(number))
        paper.write("payments", day, "out", str(number * 5), f"{LOTS * 100:,}")
    return paper


# Minutes on a machine that does something else meanwhile.
@pytest.mark.timeout(900)
async def test_the_largest_book_is_brought_in_and_undone(
    owner: Admin, tenant: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    took: dict[str, float] = {}

    def lap(what: str, since: float) -> float:
        took[what] = time.perf_counter() - since
        return time.perf_counter()

    paper = large()
    for name, content in (("xlsx", paper.xlsx), ("zip", paper.zip)):
        began = time.perf_counter()
        made = await hand_in_file(owner, f"book.{name}", content)
        lap(f"preview of the {name}", began)
        assert (made["errors"], made["totals"]["rounds_held"]) == (0, HELD)
        assert made["totals"]["money_in"]["amount"] == f"{LOTS * HELD * 100}.00"
    began = time.perf_counter()
    done = await owner.post(f"/imports/{made['id']}/commit", status=200)
    began = lap("commit", began)
    assert await balances(tenant, done["group"]) == {}, "what came in went out; the audit finds nothing"
    began = lap("audit", began)
    await owner.post(f"/imports/{made['id']}/undo", status=200)
    began = lap("undo", began)
    assert await balances(tenant, done["group"]) == {}
    with capsys.disabled():
        print("\n", ", ".join(f"{what} {seconds:.1f} s" for what, seconds in took.items()))
