"""The admin API's promises for every resource: who may, who sees what, pages, once by key, and errors as documents."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from asking import WEEKLY, Admin, Equb, Json, birr, neighbours, owner_of, person
from books import hand_in, small
from fastapi.routing import APIRoute

from api import tokens
from api.v1 import _RESOURCES
from api.v1.docs import document, right_of
from core import groups, people
from core.db import transaction
from core.ids import new_id
from core.membership import guarantors
from core.operator import admins, bootstrap
from core.operator.rights import ADMIN_RIGHTS
from core.settings import decode_key, settings

ROUTES = [route for module in _RESOURCES for route in module.router.routes if isinstance(route, APIRoute)]
OPERATIONS = [
    (method, route.path.removeprefix("/api/v1"), right_of(route.dependant))
    for route in ROUTES
    for method in route.methods or ()
    if not route.path.endswith("/token")
]


@pytest.fixture
async def owner(tenant: UUID) -> AsyncIterator[Admin]:
    people.forget_tenants()  # the same codes were others' in the test before
    async with owner_of(tenant) as signed_in:
        yield signed_in


@pytest.fixture
async def stranger(owner: Admin, superuser: Any) -> Admin:
    """The owner of another tenant."""
    made = new_id()
    superuser.execute("INSERT INTO tenants (id, code, name, created_at) VALUES ($1, 'others', 'Others', now())", made)
    return Admin(owner.client, tokens.mint("others", "almaz", ["owner"]), await people.tenant_by_id(made))


def filled(path: str) -> str:
    """A path with ids of nothing."""
    for name in ("tenant", "person", "group", "member", "payment", "payout", "leg", "message"):
        path = path.replace(f"{{{name}_id}}", str(uuid4()))
    return path.replace("{number}", "1").replace("{code}", "QQQQQQ-1").replace("{lot}", "1")


# --- Who may ---------------------------------------------------------------------------------------


def test_every_operation_asks_for_a_right() -> None:
    assert len(OPERATIONS) > 40
    assert [one for one in OPERATIONS if one[2] is None] == []
    rights = frozenset().union(*ADMIN_RIGHTS.values())
    assert {right for _, _, right in OPERATIONS} <= rights


@pytest.mark.parametrize(("method", "path", "right"), OPERATIONS)
async def test_without_a_token_nothing_answers(owner: Admin, method: str, path: str, right: str) -> None:
    answer = await owner.client.request(method, f"/api/v1{filled(path)}")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["type"] == "/problems/unauthorized"


@pytest.mark.parametrize(("method", "path", "right"), OPERATIONS)
async def test_without_the_right_nothing_answers(owner: Admin, method: str, path: str, right: str) -> None:
    lacking = [role for role, rights in ADMIN_RIGHTS.items() if right not in rights] + ["nonsense"]
    answer = await owner.as_(*lacking).ask(method, filled(path), json={})
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/rights.role")
    assert answer.json()["right"] == right


def forged(**changes: Any) -> str:
    """A token like ours but for the changes; None takes a claim out."""
    now = datetime.now(UTC)
    claims = {"iss": "equb", "aud": "equb-api", "iat": now, "exp": now + timedelta(hours=1), "sub": "almaz"}
    claims |= {"tenant": changes.pop("tenant", None), "roles": ["owner"]} | changes
    key = decode_key(settings().jwt_key)
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm="HS256")


def unsigned(token: str) -> str:
    """The same token, saying that it is not signed."""
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    return f"{head}.{token.split('.')[1]}."


async def test_a_token_that_is_not_ours_as_it_was_made_is_refused(owner: Admin) -> None:
    code = owner.tenant.code
    good = forged(tenant=code)
    assert (await Admin(owner.client, good, owner.tenant).ask("GET", "/groups")).status_code == 200
    past = datetime.now(UTC) - timedelta(minutes=1)
    claims = jwt.decode(good, options={"verify_signature": False})
    bad = {
        "garbage": "abc",
        "unsigned": unsigned(good),
        "another key": jwt.encode(claims, "x" * 43, algorithm="HS256"),
        "another algorithm": jwt.encode(claims, decode_key(settings().jwt_key) * 2, algorithm="HS512"),
        "changed": f"{good.rsplit('.', 1)[0][:-2]}xx.{good.rsplit('.', 1)[1]}",
        "expired": tokens.mint(code, "almaz", ["owner"], -60),
        "expired before": forged(tenant=code, exp=past),
        "without an end": forged(tenant=code, exp=None),
        "of another issuer": forged(tenant=code, iss="somebody"),
        "for another audience": forged(tenant=code, aud="somebody"),
        "of nobody": forged(tenant=code, sub=None),
        "without a tenant": forged(),
        "of no tenant": forged(tenant="nowhere"),
        "without roles": forged(tenant=code, roles=None),
        "with roles of another kind": forged(tenant=code, roles="owner"),
    }
    for what, token in bad.items():
        answer = await Admin(owner.client, token, owner.tenant).ask("GET", "/groups")
        assert answer.status_code == 401, what
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"', what


async def test_a_token_of_a_suspended_tenant_is_refused(owner: Admin, superuser: Any) -> None:
    superuser.execute("UPDATE tenants SET status = 'suspended' WHERE id = $1", owner.tenant.id)
    people.forget_tenants()
    assert (await owner.ask("GET", "/groups")).status_code == 401


async def test_moving_the_sandbox_clock_signs_nobody_out(owner: Admin, at: Callable[[str], Any]) -> None:
    at("2030-01-01 12:00")
    assert (await owner.ask("GET", "/groups")).status_code == 200
    expired = Admin(owner.client, tokens.mint(owner.tenant.code, "almaz", ["owner"], -60), owner.tenant)
    assert (await expired.ask("GET", "/groups")).status_code == 401


# --- Signing in ------------------------------------------------------------------------------------


@pytest.fixture
async def almaz(owner: Admin) -> str:
    """The password of a cashier who can sign in."""
    async with transaction(owner.tenant.id) as tx:
        await admins.add(tx, username="almaz", password="a good long one", roles=["cashier"])
    return "a good long one"


async def sign_in(owner: Admin, **form: str) -> httpx.Response:
    return await owner.client.post("/api/v1/token", data={"grant_type": "password"} | form)


async def test_a_name_and_a_password_give_a_token_with_ones_roles(owner: Admin, almaz: str) -> None:
    code = owner.tenant.code
    for form in ({"username": f"{code}/almaz"}, {"username": "almaz", "tenant": code}):
        answer = await sign_in(owner, password=almaz, **form)
        assert (answer.status_code, answer.json()["token_type"], answer.json()["expires_in"]) == (200, "bearer", 3600)
        assert answer.headers["cache-control"] == "no-store"
        signed_in = Admin(owner.client, answer.json()["access_token"], owner.tenant)
        await signed_in.get("/groups")
        await signed_in.post("/people", {}, status=403)
    acts = await owner.all("/audit", action="admin.signed_in")
    assert {act["actor"] for act in acts} == {"admin:almaz"}


async def test_nobody_learns_whether_a_name_or_a_password_was_wrong(
    owner: Admin, almaz: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[bool] = []
    really = admins.is_right

    def watched(password_hash: str | None, password: str) -> bool:
        looked_at.append(really(password_hash, password))
        return looked_at[-1]

    monkeypatch.setattr(admins, "is_right", watched)
    code = owner.tenant.code
    async with transaction(owner.tenant.id) as tx:
        await admins.add(tx, username="gone", password="a good long one", roles=["owner"])
        await admins.change(tx, "gone", disabled=True)
    tries = [f"{code}/almaz", f"{code}/nobody", "nowhere/almaz", "almaz", f"{code}/gone", f"{code}/\x00", "/"]
    answers = [await sign_in(owner, username=name, password="not this one at all") for name in tries]
    answers.append(await sign_in(owner, username=f"{code}/gone", password=almaz))
    assert {answer.status_code for answer in answers} == {400}
    assert {json.dumps(answer.json()) for answer in answers} == {json.dumps(answers[0].json())}
    assert answers[0].json()["error"] == "invalid_grant"
    # The same work, once, whoever it was.
    assert looked_at == [False] * len(answers)


async def test_tries_are_counted_by_name(owner: Admin, almaz: str) -> None:
    name = f"{owner.tenant.code}/almaz"
    for _ in range(10):
        assert (await sign_in(owner, username=name, password="wrong")).status_code == 400
    refused = await sign_in(owner, username=name, password=almaz)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/token.too_many_tries")
    assert 0 < int(refused.headers["retry-after"]) <= 300
    assert (await sign_in(owner, username=f"{owner.tenant.code}/other", password="wrong")).status_code == 400


async def test_a_right_password_ends_the_count(owner: Admin, almaz: str) -> None:
    name = f"{owner.tenant.code}/almaz"
    for _ in range(2):
        for _ in range(9):
            await sign_in(owner, username=name, password="wrong")
        assert (await sign_in(owner, username=name, password=almaz)).status_code == 200


# --- Tenants apart -----------------------------------------------------------------------------------


async def busy(owner: Admin, at: Callable[[str], Any]) -> Equb:
    """A group with something in every list."""
    at("2026-11-24 12:54")
    equb = await neighbours(owner)
    await equb.begin()
    for name, paid in (("Abebe", "1000.00"), ("Sara", "2000.00"), ("Lema", "300.00"), ("Hana", "700.00")):
        await equb.pay(name, paid)
    await equb.until_drawn(1)
    return equb


async def everything(equb: Equb) -> dict[str, str]:
    """Every list and every single thing of a group's tenant: path → what must never be seen elsewhere."""
    owner, path = equb.admin, equb.path
    draw = (await owner.all(f"{path}/draws"))[0]
    payout = (await owner.all(f"{path}/payouts"))[0]
    payment = (await owner.all("/payments"))[0]
    message = (await owner.all("/messages"))[0]
    imported = await hand_in(owner, small())
    sara = equb.members["Sara"]
    disputed = {"member": sara["id"], "about": "payment", "said": "it was more"}
    disputed["subject"] = next(one["id"] for one in await owner.all("/payments") if one["member"] == sara["id"])
    dispute = await owner.post(f"{path}/disputes", disputed)
    offered = await owner.post(f"{path}/members/{sara['id']}/role", {"role": "secretary", "by": 1})
    async with transaction(owner.tenant.id) as tx:
        group = await groups.by_id(tx, UUID(equb.group["id"]))
        lema = await groups.seat(tx, group.group_id, UUID(equb.members["Lema"]["id"]))
        guarantee = await guarantors.give(tx, group, lema, await groups.member(tx, group.group_id, UUID(sara["id"])))
    return {
        "/people": sara["person"],
        f"/people/{sara['person']}": sara["person"],
        f"/people/{sara['person']}/consents": "admin:almaz",
        "/groups": equb.group["id"],
        path: equb.group["id"],
        f"{path}/rules": "L00",
        f"{path}/rules/history": "rules",
        f"{path}/members": sara["id"],
        f"{path}/members/{sara['id']}": sara["id"],
        f"{path}/members/{sara['id']}/standing": sara["id"],
        f"{path}/cash": equb.members["Abebe"]["id"],
        f"{path}/disputes": dispute["id"],
        f"{path}/disputes/{dispute['id']}": dispute["id"],
        f"{path}/guarantees": str(guarantee.id),
        f"{path}/guarantees/{guarantee.id}": str(guarantee.id),
        f"{path}/proposals": offered["proposal"],
        f"{path}/proposals/{offered['proposal']}": offered["proposal"],
        f"{path}/spendings": '"next"',
        f"{path}/loans": '"next"',
        f"{path}/pauses": '"next"',
        f"{path}/funds": '"next"',
        f"{path}/lots": "L004",
        f"{path}/rounds": "L00",
        f"{path}/rounds/1": "L00",
        f"{path}/dues": sara["id"],
        f"{path}/draws": draw["code"],
        f"{path}/draws/{draw['code']}": draw["code"],
        f"{path}/payouts": payout["id"],
        f"{path}/turns": '"items"',
        f"{path}/rounds/1/bids": '"items"',
        f"{path}/payouts/{payout['id']}": payout["id"],
        f"{path}/payments": payment["id"],
        f"{path}/statement": "pot/1/1",
        f"{path}/reports": equb.group["id"],
        f"{path}/reports/book?format=csv": "Sara",
        f"{path}/reports/circle": "PNG",
        "/payments": payment["id"],
        f"/payments/{payment['id']}": payment["id"],
        f"/ledger/accounts?group={equb.group['id']}": "pot/1/1",
        f"/ledger/transfers?group={equb.group['id']}": "pot/1/1",
        "/imports": imported["id"],
        f"/imports/{imported['id']}": imported["file_hash"],
        f"/imports/{imported['id']}/lines": "Sara Tesfaye",
        "/messages": message["id"],
        f"/messages/{message['id']}": message["id"],
        "/audit": "cycle.begun",
        "/tenants": str(owner.tenant.id),
        f"/tenants/{owner.tenant.id}": str(owner.tenant.id),
    }


async def test_a_token_of_one_tenant_sees_nothing_of_another(
    owner: Admin, stranger: Admin, at: Callable[[str], Any]
) -> None:
    equb = await busy(owner, at)
    seen = await everything(equb)
    # The template of a paper book is everybody's.
    reads = {path for method, path, _ in OPERATIONS if method == "GET"} - {"/imports/template"}
    assert len(seen) == len(reads)
    for path, secret in seen.items():
        mine = await owner.ask("GET", path)
        assert mine.status_code == 200, path
        if "rules" not in path:
            assert secret in mine.text, path
        theirs = await stranger.ask("GET", path)
        assert secret not in theirs.text, path
        if theirs.status_code == 200:
            assert [one["code"] for one in theirs.json()["items"] if "currency" in one] in ([], ["others"]), path
            assert path == "/tenants" or theirs.json()["items"] == [], path
        else:
            assert theirs.status_code == 404, path


# What can be asked of a member, and of a group, by their paths.
_STANDING: list[tuple[str, str, Json | None]] = [
    ("POST", "excuse", {"reason": "no"}),
    ("POST", "defer", {"until": "2027-01-01T00:00:00Z", "reason": "no"}),
    ("POST", "suspend", {"suspended": True, "reason": "no"}),
    ("POST", "leave", None),
    ("POST", "replace", {"phone": "+251911000099", "by": 1}),
]
_OF_GROUP: list[tuple[str, str, Json | None]] = [
    ("POST", "close", None),
    ("POST", "invitations", None),
    ("POST", "pauses", {"by": 1, "rounds": 1, "reason": "no"}),
    ("POST", "pauses/resume", {"by": 1}),
    ("POST", "spendings", {"officer": 1, "fund": "reserve", "amount": birr("10.00"), "reason": "no"}),
    ("POST", "fines", {"member": 1, "amount": birr("10.00"), "reason": "no"}),
    ("POST", "loans", {"member": 1, "amount": birr("10.00"), "parts": 2, "officer": 1}),
    ("POST", "handovers", {"giver": 1, "taker": 2, "amount": birr("10.00")}),
    ("POST", "announcements", {"by": 1, "text": "no"}),
    ("POST", "successor", {"member": 2, "by": 1}),
    ("POST", "guarantees", {"member": 1, "guarantor": 2, "by": 1}),
]


async def test_a_token_of_one_tenant_changes_nothing_of_another(
    owner: Admin, stranger: Admin, superuser: Any, at: Callable[[str], Any]
) -> None:
    equb = await busy(owner, at)
    payout = (await owner.all(f"{equb.path}/payouts"))[0]
    payment = (await owner.all("/payments"))[0]
    message = (await owner.all("/messages"))[0]
    imported = await hand_in(owner, small())
    their_person = await person(stranger, "Tola", 77)
    their_group = await stranger.post("/groups", {"name": "Other", "rules": WEEKLY})
    sara = equb.members["Sara"]
    leg = f"{equb.path}/payouts/{payout['id']}/legs/{payout['legs'][0]['id']}"
    paid = {"member": sara["id"], "amount": birr("10.00"), "method": "bank"}
    acts: list[tuple[str, str, Json | None]] = [
        ("PATCH", f"/people/{sara['person']}", {"name": "Mine"}),
        ("POST", f"/people/{sara['person']}/consents", {"given": False}),
        ("PATCH", equb.path, {"name": "Mine"}),
        ("POST", f"{equb.path}/begin", None),
        ("POST", f"{equb.path}/members", {"person": their_person["id"]}),
        ("POST", f"/groups/{their_group['id']}/members", {"person": sara["person"]}),
        ("POST", "/groups", {"name": "Mine", "rules": WEEKLY, "organiser": sara["person"]}),
        ("POST", f"{equb.path}/members/{sara['id']}/role", {"role": "secretary", "by": 1}),
        ("POST", f"/people/{sara['person']}/pin-reset", {"reason": "no"}),
        ("POST", f"{equb.path}/members/{sara['id']}/acceptance", {}),
        ("POST", f"{equb.path}/lots/1/holdings", {"member": 1, "share": "1/2"}),
        *((m, f"{equb.path}/members/{sara['id']}/{act}", said) for m, act, said in _STANDING),
        *((m, f"{equb.path}/{act}", said) for m, act, said in _OF_GROUP),
        ("POST", f"{equb.path}/late-joiners", {"person": their_person["id"]}),
        ("POST", f"{equb.path}/disputes", {"member": 1, "about": "payment", "subject": payment["id"], "said": "no"}),
        ("POST", f"{equb.path}/disputes/{payment['id']}/answer", {"outcome": "stands", "words": "no"}),
        ("POST", f"{equb.path}/guarantees/{payment['id']}/release", None),
        ("POST", f"{equb.path}/fines/{payment['id']}/take-back", {"reason": "no"}),
        ("POST", f"{equb.path}/loans/{payment['id']}/take-back", {"officer": 1, "reason": "no"}),
        ("POST", f"{equb.path}/spendings/{payment['id']}/take-back", {"officer": 1, "reason": "no"}),
        ("POST", f"{equb.path}/turns", {"lot": "1", "round": 1}),
        ("POST", f"{equb.path}/decisions", {"member": 1}),
        ("POST", f"{equb.path}/payments", paid),
        ("POST", "/payments", paid | {"group": equb.group["id"]}),
        ("POST", f"/payments/{payment['id']}/verify", None),
        ("POST", f"/payments/{payment['id']}/decline", None),
        ("POST", f"/payments/{payment['id']}/reverse", {"reason": "mine"}),
        ("POST", f"{equb.path}/payouts/{payout['id']}/approve", None),
        ("POST", f"{leg}/pay", {"method": "bank"}),
        ("POST", f"{leg}/receive", None),
        ("POST", f"{leg}/take-back", {}),
        ("POST", f"/imports/{imported['id']}/commit", None),
        ("POST", f"/imports/{imported['id']}/undo", None),
        ("POST", f"/messages/{message['id']}/resend", None),
        ("PATCH", f"/tenants/{owner.tenant.id}", {"name": "Mine"}),
    ]
    new = {"/people", "/tenants", "/groups", "/imports"}
    everybody = {path for method, path, _ in OPERATIONS if method != "GET"} - new
    assert len(everybody) == len(acts) - 2
    digest = "SELECT md5(string_agg(x::text, '')) FROM (SELECT * FROM {} WHERE tenant_id = $1 ORDER BY 1, 2) x"
    tables = ("people", "groups", "members", "holdings", "payments", "payout_legs", "ledger_transfers", "outbox")
    before = [superuser.value(digest.format(table), owner.tenant.id) for table in tables]
    for method, path, body in acts:
        answer = await stranger.ask(method, path, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    assert [superuser.value(digest.format(table), owner.tenant.id) for table in tables] == before


async def test_only_the_first_tenant_makes_and_sees_others(owner: Admin, stranger: Admin) -> None:
    refused = await owner.post("/tenants", {"code": "new-one", "name": "New"}, status=403)
    assert refused["type"] == "/problems/rights.first_tenant"
    demo = await bootstrap.make_tenant(bootstrap.FIRST_TENANT, "Demo")
    async with owner_of(demo) as first:
        assert {"demo", "others", owner.tenant.code} <= {one["code"] for one in await first.all("/tenants", limit=1)}
        made = await first.post("/tenants", {"code": "new-one", "name": "New", "language": "en"}, key="k1")
        assert (made["status"], made["currency"]) == ("active", "ETB")
        taken = await first.post("/tenants", {"code": "new-one", "name": "Again"}, status=409)
        assert taken["type"] == "/problems/tenant.code_taken"
        # In the sandbox it can be written to at once; doing it again by its key does not make it twice.
        assert (await first.post("/tenants", {"code": "new-one", "name": "New", "language": "en"}, key="k1")) == made
        new = await people.tenant_by_code("new-one")
        async with transaction(new.id) as tx:
            assert await people.preferred_gateway(tx, "sms") == "http"
        suspended = await first.patch(f"/tenants/{made['id']}", {"status": "suspended"})
        assert suspended["status"] == "suspended"
        own = await first.patch(f"/tenants/{demo}", {"status": "suspended"}, status=422)
        assert own["type"] == "/problems/tenant.own_suspended"
        nowhere = await first.patch(f"/tenants/{made['id']}", {"timezone": "Mars/Olympus"}, status=422)
        assert nowhere["type"] == "/problems/tenant.timezone_unknown"


# --- Pages ------------------------------------------------------------------------------------------


async def test_pages_show_everything_once_in_a_stable_order(owner: Admin) -> None:
    made = [await person(owner, f"Person {chr(65 + number)}", number) for number in range(7)]
    whole = [one["id"] for one in await owner.all("/people")]
    assert whole == [one["id"] for one in reversed(made)]
    for limit in (1, 2, 3, 7, 8):
        assert [one["id"] for one in await owner.all("/people", limit=limit)] == whole
    first = await owner.get("/people", limit=3)
    await person(owner, "Somebody new", 99)
    second = await owner.get("/people", limit=3, after=first["next"])
    assert [one["id"] for one in first["items"] + second["items"]] == whole[:6]
    assert (await owner.get("/people", limit=8))["next"] is None


async def test_a_page_has_between_1_and_200_rows(owner: Admin) -> None:
    for limit in ("0", "201", "-1", "many"):
        refused = await owner.get("/people", expect=422, limit=limit)
        assert (refused["type"], refused["errors"][0]["at"]) == ("/problems/invalid", "query.limit")


async def test_a_cursor_that_is_not_ours_is_refused(owner: Admin) -> None:
    equb = await neighbours(owner)
    odd = [
        "",
        "x",
        "ééé",
        "W10",
        "WzFd",
        "WyJ4Il0",
        "W251bGxd",
        "WzFlOTld",
        "WzEsMl0",
        "e30",
        "WzEyMzQ1Njc4OTAxMjM0NV0",
    ]
    for path in ("/people", "/groups", "/payments", "/messages", "/audit", f"{equb.path}/members", f"{equb.path}/dues"):
        for after in odd:
            answer = await owner.ask("GET", path, params={"after": after})
            if path.endswith("members") and after == "WzFd":
                continue  # [1]: what follows member 1
            assert (answer.status_code, answer.json()["type"]) == (422, "/problems/cursor.malformed"), (path, after)


# --- Once by key ---------------------------------------------------------------------------------------

ABEBE = {"phone": "+251911000001", "name": "Abebe", "language": "en", "consent": True}


async def test_the_same_key_and_body_gives_the_first_answer_again(owner: Admin, superuser: Any) -> None:
    first = await owner.ask("POST", "/people", key="k", json=ABEBE)
    body = json.dumps(dict(reversed(ABEBE.items())), indent=3)
    headers = {"Authorization": f"Bearer {owner.token}", "Idempotency-Key": "k", "Content-Type": "application/json"}
    again = await owner.client.post("/api/v1/people", content=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert superuser.value("SELECT count(*) FROM people") == 1


async def test_the_same_key_with_another_body_is_refused(owner: Admin, superuser: Any) -> None:
    await owner.post("/people", ABEBE, key="k")
    other = await owner.post("/people", ABEBE | {"phone": "+251911000002"}, key="k", status=422)
    assert other["type"] == "/problems/idempotency.other_request"
    assert superuser.value("SELECT count(*) FROM people") == 1


async def test_money_with_the_same_key_moves_once(owner: Admin, at: Callable[[str], Any]) -> None:
    at("2026-11-24 12:54")
    equb = await neighbours(owner)
    await equb.begin()
    said = {"member": 2, "amount": birr("2000.00"), "held_by": 1}
    answers = [await owner.post(f"{equb.path}/payments", said, key="k") for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    # Addressed in another way it is another request, and without a key every request counts.
    await owner.post("/payments", said | {"group": equb.group["id"]}, key="k")
    await owner.post(f"{equb.path}/payments", said)
    assert len(await owner.all("/payments")) == 3


async def test_a_key_belongs_to_who_used_it_and_where(owner: Admin, stranger: Admin) -> None:
    first = await owner.post("/people", ABEBE, key="k")
    assert (await stranger.post("/people", ABEBE, key="k"))["id"] != first["id"]
    hirut = owner.as_("owner", username="hirut")
    taken = await hirut.post("/people", ABEBE, key="k", status=409)
    assert taken["type"] == "/problems/person.phone_taken"
    two = [await owner.post("/groups", {"name": name, "rules": WEEKLY}, key=name) for name in ("A", "B")]
    for group in two:
        member = await owner.post(f"/groups/{group['id']}/members", {"person": first["id"]}, key="k")
        assert member["person"] == first["id"]


async def test_a_refusal_is_an_answer_that_is_given_again(owner: Admin, superuser: Any) -> None:
    group = await owner.post("/groups", {"name": "Merkato", "rules": WEEKLY})
    path = f"/groups/{group['id']}"
    refused = await owner.post(f"{path}/begin", key="k", status=409)
    for number in (1, 2):
        added = await person(owner, f"Person {chr(64 + number)}", number)
        await owner.post(f"{path}/members", {"person": added["id"]})
    again = await owner.ask("POST", f"{path}/begin", key="k")
    assert (again.status_code, again.json()) == (409, refused)
    assert again.headers["content-type"] == "application/problem+json"
    await owner.post(f"{path}/begin", key="k2", status=200)
    assert superuser.value("SELECT count(*) FROM cycles") == 1


async def test_while_the_first_is_under_way_the_second_is_told_so(owner: Admin, superuser: Any) -> None:
    what = f"idempotency {owner.tenant.id} admin:almaz POST /api/v1/people k"
    superuser.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", what)
    try:
        busy_ = await owner.post("/people", ABEBE, key="k", status=409)
    finally:
        superuser.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", what)
    assert busy_["type"] == "/problems/idempotency.in_flight"
    await owner.post("/people", ABEBE, key="k")


async def test_many_at_once_with_one_key_do_it_once(owner: Admin, superuser: Any) -> None:
    answers = await asyncio.gather(*(owner.ask("POST", "/people", key="k", json=ABEBE) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    told = {answer.json()["type"] for answer in answers if answer.status_code == 409}
    assert len(made) == 1 and told <= {"/problems/idempotency.in_flight"}
    assert superuser.value("SELECT count(*) FROM people") == 1


async def test_what_is_done_and_its_answer_are_kept_together_or_not_at_all(owner: Admin, superuser: Any) -> None:
    superuser.execute("REVOKE INSERT ON idempotency_keys FROM equb_app")
    try:
        failed = await owner.post("/people", ABEBE, key="k", status=500)
    finally:
        superuser.execute("GRANT INSERT ON idempotency_keys TO equb_app")
    assert failed == {"type": "/problems/failed", "title": "Internal Server Error", "status": 500} | {
        "detail": "Something went wrong on our side."
    }
    assert superuser.value("SELECT count(*) FROM people") == 0
    await owner.post("/people", ABEBE, key="k")


async def test_a_key_is_a_word_that_can_be_kept(owner: Admin) -> None:
    for key in ("", "two words", "x" * 201):
        answer = await owner.ask("POST", "/people", json=ABEBE, key=None)
        headers = {"Authorization": f"Bearer {owner.token}", "Idempotency-Key": key}
        answer = await owner.client.post("/api/v1/people", json=ABEBE, headers=headers)
        assert answer.status_code == 422


# --- Errors ------------------------------------------------------------------------------------------


async def test_errors_are_documents_and_repeat_nothing_secret(owner: Admin) -> None:
    unknown = await owner.ask("GET", f"/groups/{uuid4()}")
    assert unknown.headers["content-type"] == "application/problem+json"
    assert unknown.json() == {
        "type": "/problems/group.unknown",
        "title": "There is no such equb.",
        "status": 404,
    }
    slip = await owner.post("/people", ABEBE | {"phone": "secret", "age": 7}, status=422)
    assert slip["type"] == "/problems/invalid"
    assert [one["at"] for one in slip["errors"]] == ["body.phone", "body.age"]
    assert "secret" not in json.dumps(slip)
    headers = {"Authorization": f"Bearer {owner.token}", "Content-Type": "application/json"}
    broken = await owner.client.post("/api/v1/people", content=b"{", headers=headers)
    assert (broken.status_code, broken.json()["type"]) == (400, "/problems/malformed")
    for path, status in (("/reports", 404), ("/nothing", 404)):
        assert (await owner.ask("GET", path)).status_code == status
    wrong = await owner.ask("DELETE", "/people")
    assert (wrong.status_code, wrong.headers["content-type"]) == (405, "application/problem+json")


# --- Messages ------------------------------------------------------------------------------------------


async def test_words_are_shown_to_who_may_see_phones_and_codes_to_nobody(owner: Admin, superuser: Any) -> None:
    await neighbours(owner)
    superuser.execute("UPDATE outbox SET kind = 'link_code' WHERE seq = (SELECT min(seq) FROM outbox)")
    listed = await owner.all("/messages")
    assert [one["text"] is None for one in listed] == [False] * (len(listed) - 1) + [True]
    assert {one["address"] for one in listed} <= {f"+251911****0{n}" for n in range(1, 5)}
    for one in await owner.as_("viewer").all("/messages"):
        assert one["text"] is None and one["address"].startswith("+251911****")


async def test_a_message_that_failed_goes_again_when_somebody_says_so(owner: Admin, superuser: Any) -> None:
    await neighbours(owner)
    message = (await owner.all("/messages"))[0]
    early = await owner.post(f"/messages/{message['id']}/resend", status=409)
    assert (early["type"], early["state"]) == ("/problems/message.not_resendable", "queued")
    superuser.execute("UPDATE outbox SET state = 'failed', reason = 'no credit' WHERE id = $1", UUID(message["id"]))
    assert [one["id"] for one in await owner.all("/messages", state="failed")] == [message["id"]]
    support = owner.as_("support", username="hirut")
    again = await support.post(f"/messages/{message['id']}/resend", status=200)
    assert (again["state"], again["reason"]) == ("queued", None)
    (act,) = await owner.all("/audit", action="message.resent")
    assert (act["actor"], act["subject"]) == ("admin:hirut", f"message:{message['id']}")
    mine = await owner.all("/messages", person=message["person"])
    assert {one["person"] for one in mine} == {message["person"]}


# --- The document ----------------------------------------------------------------------------------------


async def test_the_document_names_every_right_and_every_problem(owner: Admin) -> None:
    made = (await owner.client.get("/api/v1/openapi.json")).json()
    assert made["openapi"].startswith("3.1")
    assert made == json.loads(json.dumps(document(ROUTES)))
    assert made["components"]["securitySchemes"]["bearer"]["type"] == "oauth2"
    for path, operations in made["paths"].items():
        for operation in operations.values():
            assert operation["summary"] and operation["tags"]
            if not path.endswith("/token"):
                assert "Right: `" in operation["description"]
                assert {"401", "403", "422", "503"} <= set(operation["responses"])


async def test_the_page_for_people_loads_nothing_from_anywhere(owner: Admin) -> None:
    answer = await owner.client.get("/api/docs")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for sign in ("<script", "<link", "<img", "@import", "http://", "https://", "url("):
        assert sign not in answer.text
    for _, path, _ in OPERATIONS:
        assert f"/api/v1{path}" in answer.text
