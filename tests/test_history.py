"""HISTORY says in which way money went, in the reader's words: never as a code of the program's."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import asking
import pytest
from asking import Admin, owner_of
from doors import Doors
from neighbours import ABEBE, LEMA, SARA, neighbours

from core import people


@pytest.fixture
async def owner(tenant: UUID, at: Callable[[str], Any]) -> AsyncIterator[Admin]:
    at("2026-11-24 10:00")
    people.forget_tenants()
    async with owner_of(tenant) as signed_in:
        yield signed_in


async def test_each_way_of_paying_has_its_word_and_cash_needs_none(owner: Admin, doors: Doors) -> None:
    equb = await asking.neighbours(owner)
    await equb.begin()
    said = {"member": 2, "method": "bank", "amount": {"amount": "500.00", "currency": "ETB"}}
    bank = await owner.post(f"{equb.path}/payments", said)
    mobile = await owner.post(f"{equb.path}/payments", said | {"method": "wallet"})
    cash = await equb.pay("Sara", "1000.00")
    lines = (await doors.sms(SARA, "HISTORY")).splitlines()[1:]
    assert sorted(lines) == sorted(
        [
            f"24 Nov 2026 500 birr by bank, recorded {bank['code']}",
            f"24 Nov 2026 500 birr by mobile money, recorded {mobile['code']}",
            f"24 Nov 2026 1,000 birr recorded {cash['code']}",
        ]
    )
    await doors.sms(SARA, "LANG am")
    assert "500 ብር በባንክ፣ ተመዝግቧል" in await doors.sms(SARA, "ታሪክ")


async def test_what_was_kept_of_a_pot_is_not_said_to_have_been_received(doors: Doors) -> None:
    """Nobody but Hana has paid when the lot is drawn: its holders' contributions are kept of the pot."""
    equb = await neighbours(doors, netting=True)
    await equb.cash(4, 500)
    lot = await equb.draw()
    said = await doors.sms({1: ABEBE, 2: SARA, 3: SARA, 4: LEMA}[lot], "HISTORY")
    assert f"of lot {lot} kept for what you owed" in said
    assert "received" not in said and "netted" not in said
