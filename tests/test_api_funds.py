"""Fines, loans and funds through the admin API, with those who are told."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from asking import Admin, birr, neighbours, owner_of


@pytest.fixture
async def admin(tenant: UUID) -> AsyncIterator[Admin]:
    async with owner_of(tenant) as signed_in:
        yield signed_in


async def test_a_fine_is_told_listed_and_taken_back(admin: Admin) -> None:
    equb = await neighbours(admin)
    await equb.begin()
    said = {"member": equb.members["Sara"]["id"], "amount": birr("70.00"), "reason": "came late"}
    fine = await admin.post(f"{equb.path}/fines", said, key="fine-1")
    assert await admin.post(f"{equb.path}/fines", said, key="fine-1") == fine, "asked twice, fined once"
    (listed,) = await admin.all(f"{equb.path}/dues", kind="fine")
    assert (listed["id"], listed["account"], listed["amount"]) == (fine["id"], "fund/fines", birr("70.00"))
    await equb.pay("Sara", "2070.00")
    assert (await admin.get(f"{equb.path}/funds"))["items"] == [{"name": "fines", "balance": birr("70.00")}]
    back = await admin.post(f"{equb.path}/fines/{fine['id']}/take-back", {"reason": "she was there"}, status=200)
    assert back["excused_at"] is not None
    assert (await admin.get(f"{equb.path}/funds"))["items"] == [{"name": "fines", "balance": birr("0.00")}]
    messages = {m["kind"] for m in await admin.all("/messages")}
    assert {"fine_imposed", "fine_excused"} <= messages
    await admin.as_("viewer").post(f"{equb.path}/fines", said, status=403)
    await admin.post(f"{equb.path}/fines/{listed['member']}/take-back", {"reason": "no such"}, status=404)


async def test_a_loan_waits_for_the_holders_word(admin: Admin) -> None:
    equb = await neighbours(admin, loan_per_mille=500)
    await equb.begin()
    for name, paid in (("Abebe", "1000.00"), ("Sara", "2000.00"), ("Lema", "300.00"), ("Hana", "700.00")):
        await equb.pay(name, paid)
    drawn = await equb.until_drawn(1)
    holder = {"L001": "Abebe", "L002": "Sara", "L003": "Sara", "L004": "Lema"}[drawn["lots"][0]]
    borrower = "Hana" if holder != "Lema" else "Sara"
    said = {"member": equb.members[borrower]["id"], "amount": birr("500.00"), "parts": 2, "officer": 1}
    asked = await admin.post(f"{equb.path}/loans", said)
    assert (asked["loan"] is None) == (holder != "Abebe")
    assert (asked["proposal"] is None) == (holder == "Abebe")
    await admin.post(f"{equb.path}/loans", said | {"amount": birr("9000.00")}, status=422)
    listed = (await admin.get(f"{equb.path}/loans"))["items"]
    assert [one["amount"] for one in listed] == ([birr("500.00")] if holder == "Abebe" else [])
