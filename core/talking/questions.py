"""Questions that were put to somebody and are not answered yet: one row each, with an end.

Belongs to an address, not to a person: what is asked on the phone is answered on the phone. A button carries the
question's nonce, so that it answers that question and no other, once, however long it stays on a screen.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, literal_column, not_, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Tx
from core.ids import new_id
from core.messages import Choice, Message
from core.people import Address
from core.talking.understanding import number

FORM_LIFETIME = timedelta(days=1)
# For so long after its end somebody is still asked whether to go on with a form.
PUT_ASIDE = timedelta(days=7)
NOTICE_LIFETIME = timedelta(days=14)
BUTTON = "q:"
# Questions that the conversation itself puts, about where somebody is in it.
MENU, GO_ON = "_MENU", "_GO_ON"


class Question(Base):
    """``filled``: what is known of the command's slots, as text. ``choices``: what 1, 2, 3 … stand for.

    ``about``: the payment or payout leg it asks of, if any.
    """

    __tablename__ = "questions"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    address_id: Mapped[UUID]
    nonce: Mapped[str]
    command: Mapped[str]
    slot: Mapped[str]
    filled: Mapped[dict[str, Any]]
    choices: Mapped[list[Any]]
    about: Mapped[UUID | None]
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]

    @property
    def is_form(self) -> bool:
        """Whether somebody is in the middle of a command, rather than asked by a notice."""
        return not self.command.startswith("_")


_POSE = """
INSERT INTO questions (id, tenant_id, address_id, nonce, command, slot, filled, choices, about, asked_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


async def pose(
    tx: Tx,
    address: Address,
    message: Message,
    *,
    command: str,
    slot: str,
    filled: dict[str, str],
    lifetime: timedelta = FORM_LIFETIME,
    about: UUID | None = None,
) -> Message:
    """Keep the question, and return its message with choices that answer it.

    ``about``: what it asks of, so that it can be closed wherever it stands once that is settled.
    """
    nonce = token_urlsafe(9)
    values = [choice.value for choice in message.choices]
    await tx.rows(
        _POSE,
        *(new_id(), tx.tenant_id, address.id, nonce, command, slot, json.dumps(filled), json.dumps(values)),
        *(about, tx.now, tx.now + lifetime),
    )
    return message.offering(
        *(Choice(choice.label, f"{BUTTON}{nonce}:{index}") for index, choice in enumerate(message.choices))
    )


# A notice's question stands in the outbox until its message goes: nobody answers what they have not seen.
_UNSEEN = literal_column(
    "EXISTS (SELECT FROM outbox o WHERE o.address_id = questions.address_id AND o.state IN ('queued', 'sending')"
    " AND position(questions.nonce IN o.params::text) > 0)",
    Boolean,
)
# Escaped: to LIKE an underscore is any letter.
_IS_FORM = ~Question.command.startswith("_", autoescape=True)


async def open_questions(tx: Tx, address_id: UUID, *, most: int = 3) -> Sequence[Question]:
    """The questions an address may still answer: a command's own first, then those of notices, the newest first.

    What somebody is in the middle of is what a bare digit answers, whatever has been asked meanwhile.
    """
    rows = await tx.session.scalars(
        select(Question)
        .where(
            Question.address_id == address_id,
            Question.answered_at.is_(None),
            Question.expires_at > tx.now,
            or_(_IS_FORM, Question.command.in_((MENU, GO_ON)), not_(_UNSEEN)),
        )
        .order_by(_IS_FORM.desc(), Question.asked_at.desc(), Question.id.desc())
        .limit(most)
    )
    return rows.all()


async def pressed(tx: Tx, address_id: UUID, data: str) -> tuple[Question, str] | None:
    """The open question and the value that a button of this address stands for; None when it is no longer open."""
    nonce, _, index = data.removeprefix(BUTTON).partition(":")
    question = await tx.session.scalar(
        select(Question).where(
            Question.tenant_id == tx.tenant_id,
            Question.nonce == nonce,
            Question.address_id == address_id,
            Question.answered_at.is_(None),
            Question.expires_at > tx.now,
        )
    )
    chosen = number(index)
    if question is None or chosen is None or chosen >= len(question.choices):
        return None
    return question, str(question.choices[chosen])


async def close(tx: Tx, question: Question) -> bool:
    """Mark it answered; False when another answer was quicker."""
    won = await tx.session.scalar(
        update(Question)
        .where(Question.id == question.id, Question.answered_at.is_(None))
        .values(answered_at=tx.now)
        .returning(Question.id)
    )
    return won is not None


_SETTLE = "UPDATE questions SET answered_at = $3 WHERE tenant_id = $1 AND about = $2 AND answered_at IS NULL"


async def settle(tx: Tx, about: UUID) -> None:
    """What these questions ask of has been answered, by somebody or in another way."""
    await tx.rows(_SETTLE, tx.tenant_id, about, tx.now)


async def has_form(tx: Tx, address_id: UUID) -> bool:
    """Whether a command of this address waits half-filled."""
    return any(question.is_form for question in await open_questions(tx, address_id))


async def drop_forms(tx: Tx, address_id: UUID) -> None:
    """A new command wins over half-filled ones and menus; questions that came with notices stay open."""
    await tx.session.execute(
        update(Question)
        .where(
            Question.address_id == address_id,
            Question.answered_at.is_(None),
            or_(_IS_FORM, Question.command.in_((MENU, GO_ON))),
        )
        .values(answered_at=tx.now)
    )


async def drop(tx: Tx, address_id: UUID, command: str) -> None:
    """An address's open questions of one command are not to be answered any more."""
    await tx.session.execute(
        update(Question)
        .where(Question.address_id == address_id, Question.answered_at.is_(None), Question.command == command)
        .values(answered_at=tx.now)
    )


async def is_open(tx: Tx, address_id: UUID, nonce: str) -> bool:
    """Whether a question may still be answered, and is the one that an answer in words goes to if it is a form's."""
    question = await tx.session.scalar(
        select(Question).where(
            Question.tenant_id == tx.tenant_id,
            Question.nonce == nonce,
            Question.address_id == address_id,
            Question.answered_at.is_(None),
            Question.expires_at > tx.now,
        )
    )
    if question is None or question.command.startswith("_"):
        return question is not None
    return (await open_questions(tx, address_id, most=1))[0].id == question.id


async def posed_now(tx: Tx, address_id: UUID) -> Question | None:
    """The question that was put to an address in this unit of work, if any: the last of them."""
    rows = await tx.session.scalars(
        select(Question)
        .where(Question.address_id == address_id, Question.asked_at == tx.now, Question.answered_at.is_(None))
        .order_by(Question.id.desc())
        .limit(1)
    )
    return rows.first()


async def by_id(tx: Tx, question_id: UUID) -> Question | None:
    """A question of this tenant, answered or not."""
    return await tx.session.get(Question, question_id)


async def put_aside(tx: Tx, address_id: UUID, *, open_too: bool) -> Question | None:
    """The newest form of an address that expired within ``PUT_ASIDE`` without an answer; or that is still open."""
    rows = await tx.session.scalars(
        select(Question)
        .where(
            Question.address_id == address_id,
            Question.answered_at.is_(None),
            Question.expires_at > tx.now - PUT_ASIDE,
            _IS_FORM,
        )
        .order_by(Question.asked_at.desc(), Question.id.desc())
    )
    return next((row for row in rows if open_too or row.expires_at <= tx.now), None)
