"""Fines, loans and funds through the admin API, with those who are told."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from asking import Admin, birr, neighbours, owner_of
from talking import Scene


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


async def _yes(scene: Scene, *names: str) -> None:
    """They read what they are asked, and agree on their phones."""
    await scene.heard()
    for name in names:
        number = ["Abebe", "Sara", "Lema", "Hana"].index(name) + 1
        scene.phone(name, "sms").address = f"+251911{number:06}"
        await scene.say(name, "sms", "1")


async def test_lending_spending_and_taking_either_back_wait_for_consent(admin: Admin) -> None:
    equb = await neighbours(
        admin, loan_per_mille=500, order="fixed", deductions=[{"name": "reserve", "amount": birr("100.00")}]
    )
    await equb.begin()
    for name, paid in (("Abebe", "1000.00"), ("Sara", "2000.00"), ("Lema", "300.00"), ("Hana", "700.00")):
        await equb.pay(name, paid)
    await equb.until_drawn(1)
    said = {"member": equb.members["Hana"]["id"], "amount": birr("500.00"), "parts": 2, "officer": 1}
    scene = equb.scene
    lent = await admin.post(f"{equb.path}/loans", said)
    loan = f"{equb.path}/loans/{lent['loan']}/take-back"
    why = {"officer": 1, "reason": "never handed over"}
    await admin.post(loan, why | {"officer": 2}, status=422)
    await admin.post(loan, why, key="back")
    await admin.post(loan, why, key="back")
    assert len(await admin.all(f"{equb.path}/loans")) == 1, "nothing is taken back before she agrees"
    await _yes(scene, "Hana")
    assert await admin.all(f"{equb.path}/loans") == []
    (gone,) = await admin.all(f"{equb.path}/loans", taken_back=True)
    assert (gone["repaid"], gone["reversed_at"] is not None) == (birr("0.00"), True)
    await admin.post(loan, why, status=422)
    (payout,) = await admin.all(f"{equb.path}/payouts")
    (leg,) = payout["legs"]
    done = await admin.post(f"{equb.path}/payouts/{payout['id']}/legs/{leg['id']}/pay", {"held_by": 1}, status=200)
    assert done["legs"][0]["amount"] == birr("3900.00"), "all of the pot is there again"
    spend = {"officer": 1, "fund": "reserve", "amount": birr("60.00"), "reason": "tea"}
    await admin.post(f"{equb.path}/spendings", spend | {"amount": birr("600.00")}, status=422)
    await admin.post(f"{equb.path}/spendings", spend)
    assert await admin.all(f"{equb.path}/spendings") == []
    await _yes(scene, "Sara", "Lema")
    (spent,) = await admin.all(f"{equb.path}/spendings")
    assert (spent["amount"], spent["fund"], spent["reason"]) == (birr("60.00"), "reserve", "tea")
    assert (await admin.get(f"{equb.path}/funds"))["items"] == [{"name": "reserve", "balance": birr("40.00")}]
    await admin.post(f"{equb.path}/spendings/{spent['id']}/take-back", {"officer": 1, "reason": "called off"})
    await _yes(scene, "Sara", "Hana")
    assert await admin.all(f"{equb.path}/spendings") == []
    assert (await admin.get(f"{equb.path}/funds"))["items"] == [{"name": "reserve", "balance": birr("100.00")}]


async def test_a_pot_in_kind_is_paid_to_its_supplier(admin: Admin) -> None:
    equb = await neighbours(admin, thing="gabi", order="fixed")
    await equb.begin()
    for name, paid in (("Abebe", "1000.00"), ("Sara", "2000.00"), ("Lema", "300.00"), ("Hana", "700.00")):
        await equb.pay(name, paid)
    await equb.until_drawn(1)
    (payout,) = await admin.all(f"{equb.path}/payouts")
    pay = f"{equb.path}/payouts/{payout['id']}/legs/{payout['legs'][0]['id']}/pay"
    await admin.post(pay, {"held_by": 1}, status=422)
    await admin.post(pay, {"held_by": 1, "method": "in_kind"}, status=422)
    done = await admin.post(pay, {"held_by": 1, "method": "in_kind", "supplier": "Weaver Alemu"}, status=200)
    assert (done["legs"][0]["supplier"], done["legs"][0]["method"]) == ("Weaver Alemu", "in_kind")


async def test_a_pot_of_money_has_no_supplier(admin: Admin) -> None:
    equb = await neighbours(admin, order="fixed")
    await equb.begin()
    for name, paid in (("Abebe", "1000.00"), ("Sara", "2000.00"), ("Lema", "300.00"), ("Hana", "700.00")):
        await equb.pay(name, paid)
    await equb.until_drawn(1)
    (payout,) = await admin.all(f"{equb.path}/payouts")
    pay = f"{equb.path}/payouts/{payout['id']}/legs/{payout['legs'][0]['id']}/pay"
    refused = await admin.post(pay, {"held_by": 1, "method": "in_kind", "supplier": "Weaver Alemu"}, status=422)
    assert refused["type"] == "/problems/payout.no_thing"
