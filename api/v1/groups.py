"""Groups: found one, change it while it forms, begin its cycle; its rules and what they were."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api import nudge
from api.tokens import Configurer, Reader
from api.v1 import rules as shapes_of_rules
from api.v1.deeds import Again, Once
from api.v1.rules import RulesAsked, RulesShown
from api.v1.shapes import PREFIX, Asked, AskedPart, CurrencyCode, Money, MoneyAsked, Name, Page, Share, cursor, share_of
from core import groups, listing, people
from core.consent import rule_changes
from core.cycle import cycles
from core.db import Tx
from core.errors import NotFound
from core.ids import tidy_code
from core.listing import Slice
from core.telling import invitations

router = APIRouter(prefix=PREFIX, tags=["groups"])

GroupStatus = Literal["forming", "running", "closed", "cancelled", "undone"]


class Group(BaseModel):
    """People with one set of rules."""

    id: UUID
    code: str
    name: str
    status: GroupStatus
    currency: str
    contribution: Money = Field(description="what one lot pays each round")
    pot: Money = Field(description="what a drawn lot receives when everybody pays")
    lots: int = Field(description="how many lots there are; while it forms: how many are planned")
    lots_taken: int = Field(description="in whole or in part")
    members: int = Field(description="how many are in it")
    cycle: int
    rounds: int = Field(description="of a cycle")
    rounds_held: int = Field(description="rounds of this cycle that have been drawn")
    rules_version: int
    created_at: datetime


class NewGroup(Asked):
    """A group to found. ``pot``, when given, must be what the rules make it, or nothing is founded."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Merkato",
                    "rules": {
                        "contribution": {"amount": "1000.00", "currency": "ETB"},
                        "lots": 12,
                        "rhythm": {"kind": "weekly", "every": 1},
                        "fee": {"kind": "per_mille", "per_mille": 10},
                    },
                    "pot": {"amount": "11880.00", "currency": "ETB"},
                }
            ]
        }
    )
    name: Name
    rules: RulesAsked
    pot: MoneyAsked | None = None
    currency: CurrencyCode | None = Field(None, description="the tenant's, unless given")
    organiser: UUID | None = Field(None, description="the person who becomes its first member and organiser")
    share: Share = "1"


class GroupChange(Asked):
    """What is to be changed; what is left out stays. ``rules`` are given as a whole."""

    name: Name | None = None
    rules: RulesAsked | None = None
    pot: MoneyAsked | None = None


class Begun(BaseModel):
    """A cycle that has begun. ``anchor`` seals all its draws."""

    group: UUID
    cycle: int
    lots: int
    rounds: int
    anchor: str
    begun_at: datetime
    rules_hash: str


class RuleVersion(BaseModel):
    """Rules as they once were."""

    version: int
    rules: RulesShown
    hash: str
    made_by: str
    made_at: datetime


class Invited(BaseModel):
    """How many members were asked whether they agree to messages."""

    invited: int


def _shape(row: Any) -> Group:
    rules = shapes_of_rules.read(row.rules)
    return Group(
        contribution=Money.of(rules.contribution_minor, row.currency),
        pot=Money.of(rules.pot_minor, row.currency),
        lots=rules.lots,
        rounds=rules.rounds,
        **{name: value for name, value in row._mapping.items() if name != "rules"},
    )


async def _one(tx: Tx, group_id: UUID) -> Group:
    found = (await listing.groups(tx, Slice(limit=1), group_id=group_id)).rows
    if not found:
        raise NotFound("group.unknown")
    return _shape(found[0])


@router.get("/groups", summary="List the groups", response_model=Page[Group])
async def list_groups(
    caller: Reader,
    part: AskedPart,
    code: Annotated[str | None, Query(max_length=20, pattern=r"^[A-Za-z0-9 .-]+$")] = None,
    status: GroupStatus | None = None,
) -> Page[Group]:
    """The newest first."""
    async with caller.transaction() as tx:
        wanted = tidy_code(code) if code is not None else None
        page = await listing.groups(tx, part.slice(UUID), code=wanted, status=status)
    return Page(items=[_shape(row) for row in page.rows], next=cursor(page.next))


@router.get("/groups/{group_id}", summary="Show a group", response_model=Group)
async def show_group(caller: Reader, group_id: UUID) -> Group:
    """One group."""
    async with caller.transaction() as tx:
        return await _one(tx, group_id)


@router.post("/groups", summary="Found a group", status_code=201, response_model=Group)
async def found_group(caller: Configurer, asked: NewGroup, deed: Once) -> Response:
    """Rules that do not add up are refused (422), and the problem says what would: `fitting_lots`, `pot`."""

    async def act(tx: Tx) -> Group:
        currency = asked.currency or caller.tenant.currency
        organiser = await people.person(tx, asked.organiser) if asked.organiser else None
        group = await groups.found(
            tx,
            organiser,
            name=asked.name,
            currency=currency,
            rules=asked.rules.as_rules(currency),
            pot_minor=shapes_of_rules.pot_minor(asked.pot, currency),
            share=share_of(asked.share),
        )
        await invitations.entered(tx, group)
        return await _one(tx, group.group_id)

    return await deed.do(caller, act, status=201)


@router.patch("/groups/{group_id}", summary="Change a group", response_model=Group)
async def change_group(caller: Configurer, group_id: UUID, asked: GroupChange, deed: Again) -> Response:
    """Its name while it forms, or its rules: members are asked to accept new ones before a cycle can begin with them.

    While rounds run, what is not promised for the whole cycle can change from the next round on; members are told.
    """

    async def act(tx: Tx) -> Group:
        group = await groups.by_id(tx, group_id, lock=True)
        if asked.name is not None:
            await groups.rename(tx, group, asked.name)
        rules = asked.rules.as_rules(group.currency) if asked.rules is not None else group.rule_set
        rules.check(currency=group.currency, pot_minor=shapes_of_rules.pot_minor(asked.pot, group.currency))
        if rules != group.rule_set:
            await rule_changes.change(tx, group, None, rules)
        return await _one(tx, group_id)

    return await deed.do(caller, act)


@router.post(
    "/groups/{group_id}/invitations", summary="Invite who was entered", status_code=201, response_model=Invited
)
async def invite_entered(caller: Configurer, group_id: UUID, deed: Once) -> Response:
    """Members who have not agreed to messages and were never asked for this group: one invitation each, ever.

    Adding somebody and importing a book do this by themselves; this is for groups of before.
    """

    async def act(tx: Tx) -> Invited:
        return Invited(invited=await invitations.entered(tx, await groups.by_id(tx, group_id)))

    return await deed.do(caller, act, status=201)


@router.get("/groups/{group_id}/rules", summary="Show a group's rules", response_model=RulesShown)
async def show_rules(caller: Reader, group_id: UUID) -> RulesShown:
    """The rules in force: while a cycle runs, those it began with."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        return shapes_of_rules.shown(group.rule_set, group.currency)


@router.get("/groups/{group_id}/rules/history", summary="List what the rules were", response_model=Page[RuleVersion])
async def list_rules(caller: Reader, group_id: UUID, part: AskedPart) -> Page[RuleVersion]:
    """Every version, the first one first."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        page = await listing.rule_versions(tx, group, part.slice(int))
    versions = [
        RuleVersion(
            version=row.version,
            rules=shapes_of_rules.shown(shapes_of_rules.read(row.rules), group.currency),
            hash=row.rules_hash,
            made_by=row.made_by,
            made_at=row.made_at,
        )
        for row in page.rows
    ]
    return Page(items=versions, next=cursor(page.next))


@router.post("/groups/{group_id}/begin", summary="Begin the cycle", response_model=Begun)
async def begin(caller: Configurer, group_id: UUID, deed: Once) -> Response:
    """Fixes members, lots and rules, seals the draws and plans every round; round 1 opens at once."""

    async def act(tx: Tx) -> Begun:
        group = await groups.by_id(tx, group_id, lock=True)
        cycle = await cycles.begin(tx, group, timezone=caller.tenant.timezone)
        rules = cycle.rule_set
        return Begun(
            group=group.group_id,
            cycle=cycle.number,
            lots=rules.lots,
            rounds=rules.rounds,
            anchor=cycle.anchor,
            begun_at=cycle.begun_at,
            rules_hash=rules.fingerprint(),
        )

    return await deed.do(caller, act, after=nudge.tick)
