"""Tenants: the operators of this installation. Those of the first tenant look after all, others after themselves."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api import replies, sandbox
from api.tokens import Caller, TenantKeeper
from api.v1.deeds import Again, Once
from api.v1.shapes import PREFIX, Asked, AskedPart, CurrencyCode, LanguageCode, Name, Page, cursor
from core import people
from core.db import Tx
from core.errors import NotFound, Refusal
from core.operator import bootstrap, tenants
from core.operator.bootstrap import FIRST_TENANT
from core.operator.rights import require_installation
from core.operator.tenants import TenantRow
from core.settings import settings

router = APIRouter(prefix=PREFIX, tags=["tenants"])

TenantCode = Annotated[str, Field(pattern=f"^{tenants.CODE.pattern}$", examples=["wegagen"])]


class Tenant(BaseModel):
    """An operator who runs equbs here."""

    id: UUID
    code: str
    name: str
    status: Literal["active", "suspended"]
    currency: str
    timezone: str
    language: str
    created_at: datetime


class NewTenant(Asked):
    """A tenant to make."""

    code: TenantCode
    name: Name
    currency: CurrencyCode = "ETB"
    timezone: str = Field("Africa/Addis_Ababa", max_length=60)
    language: LanguageCode = "am"


class TenantChange(Asked):
    """What is to be changed; what is left out stays."""

    name: Name | None = None
    status: Literal["active", "suspended"] | None = None
    timezone: str | None = Field(None, max_length=60)
    language: LanguageCode | None = None


def _code(said: str) -> str:
    """A tenant's code out of a cursor."""
    if not tenants.CODE.fullmatch(said):
        raise ValueError(said)
    return said


def _shape(row: TenantRow) -> Tenant:
    return Tenant.model_validate(row, from_attributes=True)


async def _visible(tx: Tx, caller: Caller, tenant_id: UUID) -> TenantRow:
    """The tenant, if the caller may look after it. Raises ``NotFound``."""
    if caller.tenant.code != FIRST_TENANT and tenant_id != caller.tenant.id:
        raise NotFound("tenant.unknown")
    return await tenants.by_id(tx, tenant_id)


@router.get("/tenants", summary="List the tenants", response_model=Page[Tenant])
async def list_tenants(caller: TenantKeeper, part: AskedPart) -> Page[Tenant]:
    """By code. An administrator of another tenant than the first sees their own only."""
    wanted = part.slice(_code)
    only = None if caller.tenant.code == FIRST_TENANT else caller.tenant.id
    async with caller.transaction() as tx:
        rows = await tenants.page(
            tx, after=wanted.after[0] if wanted.after else None, limit=wanted.limit + 1, only=only
        )
    shown = rows[: wanted.limit]
    more = (shown[-1].code,) if len(rows) > wanted.limit else None
    return Page(items=[_shape(row) for row in shown], next=cursor(more))


@router.get("/tenants/{tenant_id}", summary="Show a tenant", response_model=Tenant)
async def show_tenant(caller: TenantKeeper, tenant_id: UUID) -> Tenant:
    """One tenant."""
    async with caller.transaction() as tx:
        return _shape(await _visible(tx, caller, tenant_id))


@router.post("/tenants", summary="Make a tenant", status_code=201, response_model=Tenant)
async def make_tenant(caller: TenantKeeper, asked: NewTenant, deed: Once) -> Response:
    """Only from the first tenant. In the sandbox it can be written to at once, through stand-ins of its own."""
    require_installation(list(caller.roles), caller.tenant.code)

    async def act(tx: Tx) -> Tenant:
        return _shape(await tenants.create(tx, **asked.model_dump()))

    async def after() -> None:
        people.forget_tenants()
        if settings().sandbox:
            made = await people.tenant_by_code(asked.code)
            await bootstrap.sandbox_gateways(made.id, made.code)
            if settings().sandbox_url:
                replies.later(f"tenant:{made.code}", lambda: sandbox.register(made.code))

    return await deed.do(caller, act, status=201, after=after)


@router.patch("/tenants/{tenant_id}", summary="Change a tenant", response_model=Tenant)
async def change_tenant(caller: TenantKeeper, tenant_id: UUID, asked: TenantChange, deed: Again) -> Response:
    """Name, time zone, language or status. A suspended tenant's messages and tokens are refused."""

    async def act(tx: Tx) -> Tenant:
        row = await _visible(tx, caller, tenant_id)
        if asked.status == "suspended" and row.id == caller.tenant.id:
            raise Refusal("tenant.own_suspended")
        await tenants.change(tx, row, **asked.model_dump(exclude_none=True))
        return _shape(row)

    async def after() -> None:
        people.forget_tenants()

    return await deed.do(caller, act, after=after)
