"""Administrators at work: signed in to the admin API in this process, setting up groups and looking at them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from talking import Scene

from api.app import make_app
from api.tokens import mint
from core import people
from core.people import Tenant

Json = dict[str, Any]
WEEKLY = {"contribution": {"amount": "1000.00", "currency": "ETB"}, "lots": 4, "rhythm": {"kind": "weekly"}}


def birr(amount: str) -> Json:
    """An amount as the API writes it."""
    return {"amount": amount, "currency": "ETB"}


@dataclass
class Admin:
    """Somebody signed in: asks, and insists on the status that is expected."""

    client: httpx.AsyncClient
    token: str
    tenant: Tenant

    async def ask(self, method: str, path: str, *, key: str | None = None, **more: Any) -> httpx.Response:
        """One request, with the token."""
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {})
        headers |= more.pop("headers", {})
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **more)

    async def get(self, path: str, *, expect: int = 200, **params: Any) -> Json:
        return _said(await self.ask("GET", path, params=params), expect)

    async def post(self, path: str, body: Any = None, *, status: int = 201, key: str | None = None) -> Json:
        return _said(await self.ask("POST", path, key=key, json=body), status)

    async def patch(self, path: str, body: Any, *, status: int = 200) -> Json:
        return _said(await self.ask("PATCH", path, json=body), status)

    async def all(self, path: str, **params: Any) -> list[Json]:
        """Every page of a list."""
        items: list[Json] = []
        after: Json = {}
        while True:
            page = await self.get(path, **params, **after)
            items += page["items"]
            if page["next"] is None:
                return items
            after = {"after": page["next"]}

    def as_(self, *roles: str, username: str = "almaz") -> "Admin":
        """The same tenant's administrator with other roles."""
        return Admin(self.client, mint(self.tenant.code, username, roles), self.tenant)


def _said(answer: httpx.Response, status: int) -> Json:
    assert answer.status_code == status, (answer.request.method, answer.request.url.path, answer.text)
    said: Json = answer.json()
    return said


@asynccontextmanager
async def owner_of(tenant_id: UUID) -> AsyncIterator[Admin]:
    """The owner of a tenant, signed in to a fresh application."""
    tenant = await people.tenant_by_id(tenant_id)
    transport = httpx.ASGITransport(app=make_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Admin(client, mint(tenant.code, "almaz", ["owner"]), tenant)


@dataclass
class Equb:
    """A group that an administrator has set up, with its members by name."""

    admin: Admin
    group: Json
    members: dict[str, Json] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/groups/{self.group['id']}"

    @property
    def scene(self) -> Scene:
        return Scene(self.admin.tenant)

    async def begin(self) -> None:
        await self.admin.post(f"{self.path}/begin", status=200)
        await self.scene.wake()

    async def pay(self, name: str, paid: str, *, status: int = 201, **more: Any) -> Json:
        """Cash of a member into the organiser's hand."""
        said = {"member": self.members[name]["id"], "amount": birr(paid), "held_by": 1} | more
        return await self.admin.post(f"{self.path}/payments", said, status=status)

    async def until_drawn(self, number: int) -> Json:
        """Let time pass until a round is drawn; the round."""
        round_ = await self.admin.get(f"{self.path}/rounds/{number}")
        await self.scene.until(datetime.fromisoformat(round_["draw_at"]))
        return await self.admin.get(f"{self.path}/rounds/{number}")


async def person(admin: Admin, name: str, number: int, *, consent: bool = True) -> Json:
    """Somebody with a phone."""
    said = {"phone": f"+251911{number:06}", "name": name, "language": "en", "consent": consent}
    return await admin.post("/people", said)


async def neighbours(admin: Admin, *, names: Sequence[str] = ("Abebe", "Sara", "Lema", "Hana"), **rules: Any) -> Equb:
    """Four lots: Abebe organises and holds one, Sara two, Lema and Hana share the fourth 3 to 7."""
    entered = {name: await person(admin, name, number) for number, name in enumerate(names, 1)}
    said = {"name": "Merkato", "rules": WEEKLY | rules, "organiser": entered["Abebe"]["id"]}
    equb = Equb(admin, await admin.post("/groups", said))
    for name, share in (("Sara", "2"), ("Lema", "0"), ("Hana", "0")):
        await admin.post(f"{equb.path}/members", {"person": entered[name]["id"], "share": share})
    for member in await admin.all(f"{equb.path}/members"):
        equb.members[member["name"]] = member
    for name, share in (("Lema", "3/10"), ("Hana", "7/10")):
        said = {"member": equb.members[name]["id"], "share": share}
        await admin.post(f"{equb.path}/lots/4/holdings", said)
    equb.members = {member["name"]: member for member in await admin.all(f"{equb.path}/members")}
    return equb
