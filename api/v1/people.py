"""People: human beings known by their phones and Telegram accounts. Phones are masked without ``see_phones``."""

import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from api.tokens import Caller, Configurer, Reader
from api.v1.deeds import Again, Once
from api.v1.shapes import (
    PREFIX,
    Asked,
    AskedPart,
    Calendar,
    LanguageCode,
    Name,
    Page,
    Reason,
    cursor,
    phone_shown,
)
from core import catalogues, listing, people, phones
from core.consent import agreement, pins
from core.db import Tx
from core.errors import NotFound, Refusal
from core.listing import Slice
from core.messages import SMS
from core.operator.audit import note

router = APIRouter(prefix=PREFIX, tags=["people"])

Phone = Annotated[str, Field(min_length=7, max_length=25, pattern=r"^[+0-9 ()-]+$", examples=["+251911000001"])]


class PersonAddress(BaseModel):
    """A way to reach somebody; never shown in clear."""

    channel: str = Field(examples=["sms", "telegram"])
    address: str = Field(description="masked")
    state: str = Field(description="active, stopped (they said STOP) or dead (it cannot be reached)")


class Person(BaseModel):
    """A human being."""

    id: UUID
    name: str
    language: str
    calendar: Calendar | None = Field(
        description="by which they read dates and hours; null: what their language counts by"
    )
    phone: str | None = Field(description="masked without the right see_phones; null for who has none")
    addresses: list[PersonAddress]
    consented_at: datetime | None
    created_at: datetime


class NewPerson(Asked):
    """Somebody to enter. ``consent``: they have agreed, on paper or aloud, to be kept and written to.

    Without it they get one invitation for each group they are put in, and nothing else until they agree.
    """

    phone: Phone
    name: Name
    language: LanguageCode = "am"
    consent: bool = False


class Consent(BaseModel):
    """What a person said once to being kept and written to."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    act: str = Field(description="given, refused (before it was ever given) or withdrawn")
    channel: str = Field(description="telegram, sms or paper")
    language: str
    wording: str | None = Field(description="name of the sentence that was shown")
    text_hash: str | None = Field(description="SHA256 of it as it was shown; its text is kept among the messages")
    actor: str
    at: datetime


class ConsentSaid(Asked):
    """Given on paper or aloud; or not, or not any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"given": True}]})
    given: bool


class PinForgotten(Asked):
    """How it is known that it is them; kept in the audit log."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "came with her identity card"}]})
    reason: Reason


class PinReset(BaseModel):
    """Until when a new PIN can be set without the old one."""

    until: datetime


class PersonChange(Asked):
    """What is to be changed; what is left out stays."""

    name: Name | None = None
    language: LanguageCode | None = None
    calendar: Calendar | None = None


def _shape(row: Any, caller: Caller) -> Person:
    return Person(
        id=row.id,
        name=row.name,
        language=row.language,
        calendar=row.calendar,
        phone=phone_shown(row, clear=caller.may("see_phones")),
        addresses=[
            PersonAddress(channel=channel, address=masked, state=state)
            for channel, masked, state in json.loads(row.addresses)
        ],
        consented_at=row.consented_at,
        created_at=row.created_at,
    )


async def _one(tx: Tx, caller: Caller, person_id: UUID) -> Person:
    found = (await listing.people(tx, Slice(limit=1), person_id=person_id)).rows
    if not found:
        raise NotFound("person.unknown")
    return _shape(found[0], caller)


def check_language(language: str) -> None:
    """Raise ``Refusal`` for a language that is not offered, because not every sentence of it is there."""
    if language not in catalogues.languages():
        raise Refusal("language.not_understood", typed=language)


@router.get("/people", summary="List the people", response_model=Page[Person])
async def list_people(caller: Reader, part: AskedPart) -> Page[Person]:
    """The newest first."""
    async with caller.transaction() as tx:
        page = await listing.people(tx, part.slice(UUID))
    return Page(items=[_shape(row, caller) for row in page.rows], next=cursor(page.next))


@router.get("/people/{person_id}", summary="Show a person", response_model=Person)
async def show_person(caller: Reader, person_id: UUID) -> Person:
    """One person."""
    async with caller.transaction() as tx:
        return await _one(tx, caller, person_id)


@router.post("/people", summary="Enter a person", status_code=201, response_model=Person)
async def enter_person(caller: Configurer, asked: NewPerson, deed: Once) -> Response:
    """By phone number. A number that is somebody's already is refused (409) and says whose, by id."""

    async def act(tx: Tx) -> Person:
        check_language(asked.language)
        phone = phones.to_e164(asked.phone)
        known = await people.find_address(tx, channel=SMS, value=phone)
        if known is not None and known.person_id is not None:
            raise Refusal("person.phone_taken", person=known.person_id)
        gateway = await people.preferred_gateway(tx, SMS)
        made = await people.person_with_phone(
            tx, phone=phone, name=asked.name, language=asked.language, gateway=gateway
        )
        if asked.consent:
            await agreement.give(tx, made, None, language=made.language)
        await note(tx, "person.entered", subject=f"person:{made.id}", consent=asked.consent)
        return await _one(tx, caller, made.id)

    return await deed.do(caller, act, status=201)


@router.get("/people/{person_id}/consents", summary="List what a person has agreed to", response_model=Page[Consent])
async def list_consents(caller: Reader, person_id: UUID) -> Page[Consent]:
    """Every yes and no to being kept and written to, the first one first; all of it at once."""
    async with caller.transaction() as tx:
        await people.person(tx, person_id)
        said = [Consent.model_validate(one) for one in await agreement.history(tx, person_id)]
    return Page(items=said, next=None)


@router.post(
    "/people/{person_id}/consents", summary="Record what a person has said", status_code=201, response_model=Person
)
async def record_consent(caller: Configurer, person_id: UUID, asked: ConsentSaid, deed: Once) -> Response:
    """On paper or aloud, to somebody of the office. What they write themselves needs no recording."""

    async def act(tx: Tx) -> Person:
        person = await people.person(tx, person_id)
        do = agreement.give if asked.given else agreement.refuse
        await do(tx, person, None, language=person.language)
        return await _one(tx, caller, person_id)

    return await deed.do(caller, act, status=201)


@router.post("/people/{person_id}/pin-reset", summary="Let a person set a new PIN", response_model=PinReset)
async def allow_pin_reset(caller: Configurer, person_id: UUID, asked: PinForgotten, deed: Once) -> Response:
    """See them first, with a paper or somebody who knows them: whoever stole their phone will ask for the same.

    For a day they can set it from their own phone without the old one. All of their addresses are told, now and when
    it is set, and for a day the new one confirms nothing.
    """

    async def act(tx: Tx) -> PinReset:
        person = await people.person(tx, person_id)
        return PinReset(until=await pins.allow_reset(tx, person, reason=asked.reason, by=caller.tenant.name))

    return await deed.do(caller, act)


@router.patch("/people/{person_id}", summary="Change a person", response_model=Person)
async def change_person(caller: Configurer, person_id: UUID, asked: PersonChange, deed: Again) -> Response:
    """Name, language or calendar. Where somebody is reached is proved by them alone, never typed by another."""

    async def act(tx: Tx) -> Person:
        person = await people.person(tx, person_id)
        if asked.name is not None:
            person.name = people.tidy_name(asked.name)
        if asked.language is not None:
            check_language(asked.language)
            person.language = asked.language
        if asked.calendar is not None:
            person.calendar = asked.calendar
        await tx.session.flush()
        await note(
            tx, "person.changed", subject=f"person:{person.id}", what=sorted(asked.model_dump(exclude_none=True))
        )
        return await _one(tx, caller, person_id)

    return await deed.do(caller, act)
