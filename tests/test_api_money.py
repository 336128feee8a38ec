"""Money through the admin API: what is recorded stands in the book once, is told, and can be traced to who did it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest
from asking import Admin, Equb, Json, birr, neighbours, owner_of

from core import groups
from core.db import transaction
from core.treasury import contributions


@pytest.fixture
async def equb(tenant: UUID, at: Callable[[str], Any]) -> AsyncIterator[Equb]:
    """The neighbours' equb in its first round."""
    at("2026-11-24 12:54")
    async with owner_of(tenant) as owner:
        made = await neighbours(owner)
        await made.begin()
        yield made


async def told(superuser: Any, kind: str) -> list[str]:
    """The texts of that kind that were queued, in order."""
    return [row[0] for row in superuser.rows("SELECT text FROM outbox WHERE kind = $1 ORDER BY seq", kind)]


async def test_a_recorded_payment_settles_dues_and_the_payer_gets_a_receipt(equb: Equb, superuser: Any) -> None:
    payment = await equb.pay("Sara", "2500.00")
    assert (payment["status"], payment["amount"], payment["method"]) == ("recorded", birr("2500.00"), "cash")
    assert payment["member"] == equb.members["Sara"]["id"]
    assert payment["held_by"] == equb.members["Abebe"]["id"]
    dues = await equb.admin.all(f"{equb.path}/dues", member=equb.members["Sara"]["id"])
    assert [(due["lot"], due["paid"], due["status"]) for due in dues] == [
        ("L002", birr("1000.00"), "paid"),
        ("L003", birr("1000.00"), "paid"),
    ]
    (receipt,) = await told(superuser, "receipt_and_advance")
    assert payment["code"] in receipt and "2,500 birr" in receipt
    assert (await equb.admin.get(f"{equb.path}/rounds/1"))["collected"] == birr("2000.00")


async def test_a_due_says_how_much_of_it_is_paid_and_whether_it_is_late(equb: Equb) -> None:
    await equb.pay("Abebe", "400.00")
    await equb.pay("Hana", "700.00")
    states = {due["name"] + due["lot"]: due for due in await equb.admin.all(f"{equb.path}/dues", round=1)}
    assert {name: due["status"] for name, due in states.items()} == {
        "AbebeL001": "part",
        "SaraL002": "open",
        "SaraL003": "open",
        "LemaL004": "open",
        "HanaL004": "paid",
    }
    assert states["LemaL004"]["amount"] == birr("300.00")
    assert states["AbebeL001"]["paid"] == birr("400.00")
    await equb.until_drawn(1)
    late = await equb.admin.all(f"{equb.path}/dues", round=1, member=equb.members["Abebe"]["number"])
    assert [due["status"] for due in late] == ["late"]


async def test_a_payment_answers_the_claim_of_the_same_amount(equb: Equb) -> None:
    async with transaction(equb.admin.tenant.id) as tx:
        group = await groups.by_id(tx, UUID(equb.group["id"]))
        lema = await groups.member(tx, group.group_id, UUID(equb.members["Lema"]["id"]))
        claimed = await contributions.claim(tx, group, lema, amount_minor=30_000)
    waiting = await equb.admin.all("/payments", status="claimed")
    assert [payment["id"] for payment in waiting] == [str(claimed.id)]
    payment = await equb.pay("Lema", "300.00")
    assert (payment["id"], payment["status"]) == (str(claimed.id), "verified")
    assert await equb.admin.all("/payments", status="claimed") == []
    answered = await equb.admin.post(f"/payments/{claimed.id}/decline", status=409)
    assert answered["type"] == "/problems/payment.already_answered"


async def test_a_declined_claim_moves_nothing_and_the_payer_hears_of_it(equb: Equb, superuser: Any) -> None:
    async with transaction(equb.admin.tenant.id) as tx:
        group = await groups.by_id(tx, UUID(equb.group["id"]))
        lema = await groups.member(tx, group.group_id, UUID(equb.members["Lema"]["id"]))
        claimed = await contributions.claim(tx, group, lema, amount_minor=30_000)
    declined = await equb.admin.post(f"/payments/{claimed.id}/decline", status=200)
    assert (declined["status"], declined["declined_by"]) == ("declined", "admin:almaz")
    assert len(await told(superuser, "claim_declined")) == 1
    assert await equb.admin.all("/ledger/transfers", group=equb.group["id"]) == []


async def test_a_verified_payment_says_by_whom(equb: Equb) -> None:
    payment = await equb.pay("Abebe", "1000.00")
    verified = await equb.admin.as_("cashier", username="hirut").post(f"/payments/{payment['id']}/verify", status=200)
    assert (verified["status"], verified["verified_by"]) == ("verified", "admin:hirut")


async def test_a_reversed_payment_opens_its_dues_and_tells_payer_and_officers(equb: Equb, superuser: Any) -> None:
    payment = await equb.pay("Sara", "2000.00")
    await equb.admin.post(f"/payments/{payment['id']}/reverse", {"reason": ""}, status=422)
    reversed_ = await equb.admin.post(f"/payments/{payment['id']}/reverse", {"reason": "counted twice"}, status=200)
    assert (reversed_["status"], reversed_["reversed_by"]) == ("reversed", "admin:almaz")
    assert reversed_["reason"] == "counted twice"
    dues = await equb.admin.all(f"{equb.path}/dues", member=equb.members["Sara"]["id"])
    assert {due["status"] for due in dues} == {"open"}
    texts = await told(superuser, "payment_reversed")
    assert len(texts) == 2 and all("counted twice" in text for text in texts)
    again = await equb.admin.post(f"/payments/{payment['id']}/reverse", {"reason": "again"}, status=409)
    assert again["type"] == "/problems/payment.already_reversed"


async def test_cash_needs_an_officer_who_holds_it(equb: Equb) -> None:
    nobody = await equb.pay("Sara", "1000.00", held_by=None, status=422)
    assert nobody["type"] == "/problems/payment.holder_needed"
    member = await equb.pay("Sara", "1000.00", held_by=equb.members["Hana"]["id"], status=422)
    assert member["type"] == "/problems/payment.holder_no_officer"
    other = await equb.pay("Sara", "1000.00", amount={"amount": "10.00", "currency": "USD"}, status=422)
    assert other["type"] == "/problems/money.other_currency"
    assert await equb.admin.all("/payments") == []


async def test_money_at_the_bank_is_held_by_nobody(equb: Equb) -> None:
    await equb.pay("Sara", "2000.00", held_by=None, method="bank", reference="FT26328")
    accounts = {one["name"]: one["balance"] for one in await equb.admin.all("/ledger/accounts", group=equb.group["id"])}
    assert accounts == {"pot/1/1": birr("2000.00"), "provider/bank": birr("2000.00")}


async def paid_up(equb: Equb) -> Json:
    """Round 1 is drawn with everybody paid; its payout."""
    for name, amount in (("Abebe", "1000.00"), ("Sara", "2000.00"), ("Lema", "300.00"), ("Hana", "700.00")):
        await equb.pay(name, amount)
    await equb.until_drawn(1)
    (payout,) = await equb.admin.all(f"{equb.path}/payouts")
    return payout


async def test_a_pot_is_paid_leg_by_leg_and_the_holder_is_asked(equb: Equb, superuser: Any) -> None:
    payout = await paid_up(equb)
    assert (payout["round"], payout["status"], payout["amount"]) == (1, "planned", birr("4000.00"))
    drawn = (await equb.admin.get(f"{equb.path}/rounds/1"))["lots"]
    assert drawn == [payout["lot"]]
    paid = payout
    for leg in payout["legs"]:
        path = f"{equb.path}/payouts/{payout['id']}/legs/{leg['id']}"
        assert (await equb.admin.post(f"{path}/receive", status=409))["type"] == "/problems/payout.not_paid"
        paid = await equb.admin.post(f"{path}/pay", {"held_by": 1}, status=200)
    assert (paid["status"], {leg["paid_by"] for leg in paid["legs"]}) == ("paid", {"admin:almaz"})
    asked = await told(superuser, "did_you_get")
    assert len(asked) == len(payout["legs"])
    leg = payout["legs"][0]
    path = f"{equb.path}/payouts/{payout['id']}/legs/{leg['id']}"
    again = await equb.admin.post(f"{path}/pay", {"held_by": 1}, status=409)
    assert again["type"] == "/problems/payout.already_paid"
    back = await equb.admin.post(f"{path}/take-back", {"denied": True}, status=200)
    assert [one["status"] for one in back["legs"] if one["id"] == leg["id"]] == ["denied"]
    await equb.admin.post(f"{path}/pay", {"method": "bank"}, status=200)
    for one in payout["legs"]:
        paid = await equb.admin.post(f"{equb.path}/payouts/{payout['id']}/legs/{one['id']}/receive", status=200)
    assert paid["status"] == "received"
    totals = (await equb.admin.get(f"{equb.path}/statement"))["totals"]
    assert totals == {"in": birr("4000.00"), "out": birr("4000.00"), "fees": birr("0.00")}


async def test_a_contribution_that_was_paid_out_cannot_be_reversed(equb: Equb) -> None:
    payout = await paid_up(equb)
    for leg in payout["legs"]:
        path = f"{equb.path}/payouts/{payout['id']}/legs/{leg['id']}/pay"
        await equb.admin.post(path, {"held_by": 1}, status=200)
    payment = (await equb.admin.all("/payments"))[0]
    refused = await equb.admin.post(f"/payments/{payment['id']}/reverse", {"reason": "a mistake"}, status=409)
    assert refused["type"] == "/problems/ledger.not_enough"
    assert (await equb.admin.get(f"/payments/{payment['id']}"))["status"] == "recorded"


async def test_who_approves_a_pot_does_not_pay_it(tenant: UUID, at: Callable[[str], Any]) -> None:
    at("2026-11-24 12:54")
    async with owner_of(tenant) as owner:
        equb = await neighbours(owner, payout_approval=True)
        await equb.begin()
        payout = await paid_up(equb)
        path = f"{equb.path}/payouts/{payout['id']}"
        pay = f"{path}/legs/{payout['legs'][0]['id']}/pay"
        early = await owner.post(pay, {"held_by": 1}, status=409)
        assert early["type"] == "/problems/payout.not_approved"
        approved = await owner.as_("approver").post(f"{path}/approve", status=200)
        assert approved["approved_by"] == "admin:almaz"
        same = await owner.post(pay, {"held_by": 1}, status=409)
        assert same["type"] == "/problems/payout.approver_pays"
        paid = await owner.as_("cashier", username="hirut").post(pay, {"held_by": 1}, status=200)
        assert paid["legs"][0]["paid_by"] == "admin:hirut"
        twice = await owner.as_("approver", username="tola").post(f"{path}/approve", status=409)
        assert twice["type"] == "/problems/payout.already_approved"


async def test_the_statement_shows_every_transfer_and_its_pages_join(equb: Equb) -> None:
    payout = await paid_up(equb)
    leg = payout["legs"][0]
    path = f"{equb.path}/payouts/{payout['id']}/legs/{leg['id']}"
    await equb.admin.post(f"{path}/pay", {"held_by": 1}, status=200)
    whole = await equb.admin.get(f"{equb.path}/statement")
    assert {one["balance"]["amount"] for one in whole["opening"]} == {"0.00"}
    assert whole["closing"] == await equb.admin.all("/ledger/accounts", group=equb.group["id"])
    pages: list[Json] = []
    after: Json = {}
    while True:
        page = await equb.admin.get(f"{equb.path}/statement", limit=2, **after)
        if pages:
            assert page["opening"] == pages[-1]["closing"]
        pages.append(page)
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert [line for page in pages for line in page["items"]] == whole["items"]
    assert pages[-1]["closing"] == whole["closing"]
    last = whole["items"][-1]
    balances = {one["name"]: one["balance"] for one in whole["closing"]}
    assert (last["debit_balance"], last["credit_balance"]) == (balances[last["debit"]], balances[last["credit"]])
    shown = [{name: line[name] for name in ("id", "debit", "credit", "amount")} for line in whole["items"]]
    listed = await equb.admin.all("/ledger/transfers", group=equb.group["id"])
    assert shown == [{name: line[name] for name in ("id", "debit", "credit", "amount")} for line in listed]
    pot = await equb.admin.all("/ledger/transfers", group=equb.group["id"], account="pot/1/1")
    assert {line["id"] for line in pot} == {one["id"] for one in listed if "pot/1/1" in (one["debit"], one["credit"])}


async def test_everything_that_is_done_stands_in_the_audit_log_with_who_did_it(equb: Equb) -> None:
    payment = await equb.pay("Sara", "2000.00")
    cashier = equb.admin.as_("cashier", username="hirut")
    await cashier.post(f"/payments/{payment['id']}/verify", status=200)
    await cashier.post(f"/payments/{payment['id']}/reverse", {"reason": "counted twice"}, status=200)
    acts = await equb.admin.all("/audit", group=equb.group["id"])
    assert [(act["action"], act["actor"]) for act in acts[:3]] == [
        ("payment.reversed", "admin:hirut"),
        ("payment.verified", "admin:hirut"),
        ("payment.recorded", "admin:almaz"),
    ]
    assert {act["subject"] for act in acts[:3]} == {f"payment:{payment['code']}"}
    actions = {act["action"] for act in acts}
    assert {"group.founded", "member.joined", "lot.shared", "cycle.begun"} <= actions
    only = await equb.admin.all("/audit", action="payment.verified")
    assert [act["action"] for act in only] == ["payment.verified"]
    assert {act["actor"] for act in await equb.admin.all("/audit", actor="admin:hirut")} == {"admin:hirut"}


async def test_two_who_pay_the_same_leg_pay_it_once(equb: Equb) -> None:
    payout = await paid_up(equb)
    path = f"{equb.path}/payouts/{payout['id']}/legs/{payout['legs'][0]['id']}/pay"
    hirut: Admin = equb.admin.as_("cashier", username="hirut")
    answers = await asyncio.gather(*(who.ask("POST", path, json={"held_by": 1}) for who in (equb.admin, hirut) * 2))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    out = (await equb.admin.get(f"{equb.path}/statement"))["totals"]["out"]
    assert out == payout["legs"][0]["amount"]
