"""Papers that somebody asked for: kept so that whoever gets one gets the same one again.

``ask`` writes down what was asked for in the transaction of the command; the paper is made when it is first handed
out (by the channel that delivers it, or by a link), in a snapshot of its own, and its bytes stay until it expires:
a message that is sent again brings the same paper. A link needs no login: its token cannot be guessed, is kept as a
keyed hash only, works for a week and a limited number of times. Refuses papers without end: so many a day for each
person. No paper holds a phone number; one that is handed out by link does not say who is due.
"""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import insert, text
from sqlalchemy.orm import Mapped, mapped_column

from core import crypto, groups, people
from core.db import Base, Row, Tx, transaction, unscoped
from core.errors import NotFound, Refusal
from core.groups import Group
from core.ids import new_id
from core.operator.audit import note
from core.papers import reading
from core.papers.circle import circle_of
from core.papers.hand import Hand
from core.papers.picture import draw_circle
from core.papers.printing import pdf_of
from core.settings import settings

Kind = Literal["statement", "book", "circle"]

LIFETIME = timedelta(days=7)
MOST_A_DAY = 20
# A link is opened by one person on one or two phones, and by what looks ahead of them.
MOST_OPENED = 60
# 120 bits: twenty letters that fit into an SMS.
_TOKEN_BYTES = 15
_TOKEN_PLACE = "papers.token"  # noqa: S105 (a name)
PDF, PNG = "application/pdf", "image/png"


class PaperRow(Base):
    """A paper: what was asked for, and its bytes once it was made. ``opened``: how often its link was followed."""

    __tablename__ = "papers"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    group_id: Mapped[UUID]
    person_id: Mapped[UUID]
    token: Mapped[bytes | None]
    kind: Mapped[str]
    member: Mapped[int | None]
    language: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    made_at: Mapped[datetime | None]
    content: Mapped[bytes | None]
    opened: Mapped[int]


@dataclass(frozen=True)
class Asked:
    """A paper to come: its id for a channel that attaches it, or the address where it can be fetched."""

    id: UUID
    link: str | None


@dataclass(frozen=True)
class Paper:
    """A file to hand over. ``picture``: to be looked at rather than kept."""

    name: str
    media_type: str
    content: bytes

    @property
    def picture(self) -> bool:
        return self.media_type.startswith("image/")


def reachable() -> bool:
    """Whether links lead anywhere from a phone: the address of this machine does only in the sandbox."""
    host = urlsplit(settings().public_url).hostname or ""
    try:
        return settings().sandbox or not ip_address(host).is_loopback
    except ValueError:
        return settings().sandbox or (bool(host) and host != "localhost")


async def ask(
    tx: Tx,
    group: Group,
    *,
    kind: Kind,
    person_id: UUID,
    language: str,
    by_link: bool,
    member: int | None = None,
) -> Asked:
    """Write down that somebody asked for a paper. Whether they may is the caller's to decide.

    ``by_link``: it is fetched by a link (None where nobody could follow one) rather than attached. Raises
    ``Refusal("paper.too_many")``.
    """
    # What has expired goes when the next one comes: nothing else has to remember to do it.
    await tx.rows("DELETE FROM papers WHERE tenant_id = $1 AND expires_at < $2", tx.tenant_id, tx.now)
    today = await tx.rows(
        "SELECT FROM papers WHERE tenant_id = $1 AND person_id = $2 AND created_at > $3",
        *(tx.tenant_id, person_id, tx.now - timedelta(days=1)),
    )
    if len(today) >= MOST_A_DAY:
        raise Refusal("paper.too_many", most=MOST_A_DAY)
    token = secrets.token_urlsafe(_TOKEN_BYTES) if by_link and reachable() else None
    paper_id = new_id()
    await tx.session.execute(
        insert(PaperRow).values(
            id=paper_id,
            tenant_id=tx.tenant_id,
            group_id=group.group_id,
            person_id=person_id,
            token=crypto.lookup(token, _TOKEN_PLACE) if token else None,
            kind=kind,
            member=member,
            language=language,
            created_at=tx.now,
            expires_at=tx.now + LIFETIME,
            opened=0,
        )
    )
    if kind == "book":
        await note(tx, "paper.book", group_id=group.group_id, subject=f"group:{group.code}")
    return Asked(paper_id, f"{settings().public_url}/paper/{token}" if token else None)


# --- handing out -----------------------------------------------------------------------------------------

_ROW = """
SELECT p.id, p.group_id, p.token IS NOT NULL AS public, p.kind, p.member, p.language, p.content
FROM papers p WHERE p.tenant_id = $1 AND p.id = $2 AND p.expires_at > $3
"""

# One paper at a time in a process: making a large one takes a second of a core.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def hand_out(tenant_id: UUID, paper_id: UUID) -> Paper:
    """The paper; made the first time, the same ever after. Raises ``NotFound("paper.unknown")``, ``NotTheLedger``."""
    loop = asyncio.get_running_loop()
    async with _turns.setdefault(loop, asyncio.Semaphore(1)):
        async with transaction(tenant_id) as tx:
            row = await _row(tx, paper_id)
            group = await groups.by_id(tx, row["group_id"])
        if row["content"] is not None:
            return _paper(row, group)
        made = await _make(tenant_id, row)
        async with transaction(tenant_id) as tx:
            # Another process may have been quicker; then its paper is the one.
            await tx.rows(
                "UPDATE papers SET content = $1, made_at = $2 WHERE id = $3 AND content IS NULL", made, tx.now, paper_id
            )
            return _paper(await _row(tx, paper_id), group)


async def _row(tx: Tx, paper_id: UUID) -> Row:
    row = await tx.row(_ROW, tx.tenant_id, paper_id, tx.now)
    if row is None:
        raise NotFound("paper.unknown")
    return row


def _paper(row: Row, group: Group) -> Paper:
    if row["kind"] == "circle":
        return Paper(f"{group.code}-circle.png", PNG, row["content"])
    about = f"-{row['member']}" if row["member"] is not None else ""
    return Paper(f"{group.code}-{row['kind']}{about}.pdf", PDF, row["content"])


async def _make(tenant_id: UUID, row: Row) -> bytes:
    tenant = await people.tenant_by_id(tenant_id)
    hand = Hand.of(row["language"], tenant.timezone)
    async with transaction(tenant_id, snapshot=True) as tx:
        group = await groups.by_id(tx, row["group_id"])
        if row["kind"] == "circle":
            circle = await circle_of(tx, group, public=row["public"])
            return await asyncio.to_thread(draw_circle, circle, hand)
        if row["kind"] == "statement":
            book = await reading.of_member(tx, tenant, group, row["member"])
        else:
            book = await reading.whole(tx, tenant, group)
    # In a thread: other people's messages are answered meanwhile.
    return await asyncio.to_thread(pdf_of, book, hand)


async def by_link(token: str) -> Paper:
    """The paper of a link. Raises ``NotFound("paper.unknown")``: wrong, expired and worn out look alike."""
    async with unscoped() as session:
        found = (
            await session.execute(
                text("SELECT tenant_id, id FROM find_paper(:token)"), {"token": crypto.lookup(token, _TOKEN_PLACE)}
            )
        ).one_or_none()
    if found is None:
        raise NotFound("paper.unknown")
    async with transaction(found.tenant_id) as tx:
        opened = await tx.row(
            "UPDATE papers SET opened = opened + 1 WHERE id = $1 AND expires_at > $2 AND opened < $3 RETURNING opened",
            *(found.id, tx.now, MOST_OPENED),
        )
    if opened is None:
        raise NotFound("paper.unknown")
    return await hand_out(found.tenant_id, found.id)
