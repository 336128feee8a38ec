"""Writing an imported equb into the book, as one: people, group, lots, rounds held on paper, dues, money, and plans.

Owns the rows; what they hold was decided by ``core.imports.adding_up``. Everything is written in the caller's
transaction, in bulk, and every transfer's memo names the import. Refuses nothing: who calls has found no error.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from core import groups, people
from core.cycle import cycles
from core.cycle.rounds import Due as DueRow
from core.cycle.rounds import Round, beacon_of, lot_label
from core.db import Tx
from core.groups import Group, Holding, Lot, Member
from core.ids import RECEIPT_CODE_LENGTH, new_code, new_id
from core.imports import before
from core.imports.adding_up import holding_amounts, in_order
from core.imports.book import FINE, IN, Book
from core.imports.figures import Promise, Sums
from core.imports.planning import plan, turns_of
from core.imports.posting import post_money
from core.imports.records import Import
from core.imports.rows import Ids, Writing, write_many, write_rows
from core.membership.guarantors import Guarantee
from core.messages import SMS
from core.order import turns
from core.order.draw import PaperDraw, paper_to_json, seal_paper
from core.order.found import PAPER, Draw
from core.payouts import Leg, Payout
from core.people import Entry, Tenant
from core.telling import invitations
from core.treasury.contributions import Payment as PaymentRow


async def write(tx: Tx, imported: Import, book: Book, sums: Sums, *, tenant: Tenant) -> Group:
    """Write everything; the group runs, and its next round opens when it is woken."""
    assert book.rules is not None
    group = await groups.found(tx, None, name=book.name, currency=book.currency, rules=book.rules)
    if sums.earlier:
        # What is owed of before is of a cycle of its own, which is over.
        group.cycle = 2
        await tx.session.flush()
    planned = plan(book, now=tx.now, timezone=tenant.timezone)
    doing = Writing(tx, imported, book, sums, group, planned, book.rules, ZoneInfo(tenant.timezone), Ids())
    await _members(doing, tenant)
    await _lots(doing)
    cycles.sealed(tx, group, book.rules, begun_at=min(planned[0].opens_at, tx.now))
    await tx.session.flush()
    await _rounds(doing)
    await _draws(doing)
    await _dues(doing)
    await _payments(doing)
    await _payouts(doing)
    await _turns(doing)
    await _guarantees(doing)
    await before.write(doing)
    await post_money(doing)
    group.status, group.wake_at = "running", tx.now
    await tx.session.flush()
    # Nobody in a paper book has agreed to anything here: one invitation each, at the pace of notices.
    await invitations.entered(tx, group)
    return group


# --- who and what --------------------------------------------------------------------------------


async def _members(doing: Writing, tenant: Tenant) -> None:
    tx, group = doing.tx, doing.group
    everyone = sorted(doing.book.people.values(), key=lambda one: one.number)
    entries = [Entry(one.name, one.phone, one.language or tenant.language) for one in everyone]
    ids = await people.enter(tx, entries, gateway=await people.preferred_gateway(tx, SMS))
    accepted_hash = doing.rules.fingerprint()
    rows = []
    for one, person_id in zip(everyone, ids, strict=True):
        doing.ids.members[one.number] = new_id()
        rows.append(
            doing.row(
                id=doing.ids.members[one.number],
                number=one.number,
                person_id=person_id,
                role=one.role,
                status="active",
                accepted_version=group.rules_version,
                accepted_hash=accepted_hash,
                joined_at=tx.now,
            )
        )
    await write_rows(doing, Member, rows)


async def _lots(doing: Writing) -> None:
    amounts = holding_amounts(doing.book)
    ids = doing.ids
    ids.lots.update({lot: new_id() for lot in sorted({one.lot for one in doing.book.holdings})})
    await write_rows(
        doing, Lot, [doing.row(id=lot_id, cycle=doing.group.cycle, number=lot) for lot, lot_id in ids.lots.items()]
    )
    rows = []
    for one in sorted(doing.book.holdings, key=lambda one: (one.lot, one.member)):
        key = (one.lot, one.member)
        ids.holdings[key] = new_id()
        rows.append(
            doing.row(
                id=ids.holdings[key],
                lot_id=ids.lots[one.lot],
                member_id=ids.members[one.member],
                share_numerator=one.share.numerator,
                share_denominator=one.share.denominator,
                amount_minor=amounts[key],
            )
        )
    await write_rows(doing, Holding, rows)


async def _rounds(doing: Writing) -> None:
    rows = []
    for one in doing.planned:
        doing.ids.rounds[one.number] = new_id()
        rows.append(
            doing.row(
                id=doing.ids.rounds[one.number],
                cycle=doing.group.cycle,
                number=one.number,
                opens_at=one.opens_at,
                due_at=one.due_at,
                cutoff_at=one.cutoff_at,
                draw_at=one.draw_at,
                # No beacon decided what was drawn on paper.
                beacon_round=0 if one.held else beacon_of(one.draw_at),
                opened_at=one.opens_at if one.held else None,
                reminded_at=one.due_at if one.held else None,
                frozen_at=one.cutoff_at if one.held else None,
                drawn_at=one.draw_at if one.held else None,
                attempt=1,
            )
        )
    await write_rows(doing, Round, rows)


async def _draws(doing: Writing) -> None:
    group, imported = doing.group, doing.imported
    instants = {one.number: one.draw_at for one in doing.planned}
    rows, codes, number = [], [], 0
    for held in doing.book.rounds:
        for ordinal, lot in enumerate(held.lots, 1):
            number += 1
            paper = seal_paper(
                PaperDraw(
                    # Not in the row of the computed ones, whose number is that of their link.
                    code=f"{group.code}-P{number}",
                    group_code=group.code,
                    round_number=held.number,
                    lot=lot_label(lot),
                    held_on=held.on.isoformat(),
                    entered_on=doing.tx.now.astimezone(doing.zone).date().isoformat(),
                    import_code=imported.code,
                    source=imported.file_hash,
                )
            )
            doing.ids.records[lot] = paper.record
            draw_id = new_id()
            rows.append(
                doing.row(
                    id=draw_id,
                    code=paper.code,
                    round_id=doing.ids.rounds[held.number],
                    list_id=None,
                    ordinal=ordinal,
                    kind=PAPER,
                    lot_id=doing.ids.lots[lot],
                    link_number=None,
                    proof={"json": paper_to_json(paper)},
                    record_hash=paper.record,
                    drawn_at=instants[held.number],
                )
            )
            codes.append({"code": paper.code, "tenant": doing.tx.tenant_id, "group": group.group_id, "draw": draw_id})
    await write_rows(doing, Draw, rows)
    if codes:
        await doing.tx.session.execute(
            text(
                "INSERT INTO codes (code, tenant_id, kind, group_id, subject_id)"
                " VALUES (:code, :tenant, 'draw', :group, :draw)"
            ),
            codes,
        )


async def _turns(doing: Writing) -> None:
    """The turns of a cycle whose order is known: as they were held, as the book has those to come, else by number."""
    laid = turns_of(doing.book)
    source = "drawn_once" if turns.draws_turns(doing.rules) else "fixed"
    rows = [
        doing.row(cycle=doing.group.cycle, round_number=n, ordinal=place, lot_id=doing.ids.lots[lot], source=source)
        for n, lots in laid.items()
        for place, lot in enumerate(lots, 1)
    ]
    await write_rows(doing, turns.Turn, rows)


async def _guarantees(doing: Writing) -> None:
    common = {"cycle": doing.group.cycle, "consented_at": doing.tx.now, "called_at": None, "released_at": None}
    members = doing.ids.members
    rows = [
        doing.row(id=new_id(), member_id=members[one.member], guarantor_id=members[one.guarantor], **common)
        for one in doing.book.guaranteed
    ]
    await write_rows(doing, Guarantee, rows)


# --- dues, payments, payouts ---------------------------------------------------------------------


async def _dues(doing: Writing) -> None:
    due_at = {one.number: one.due_at for one in doing.planned}
    ids, rows = doing.ids, []
    for due in doing.sums.dues:
        ids.dues[due.key] = new_id()
        rows.append(
            doing.row(
                id=ids.dues[due.key],
                round_id=ids.rounds[due.round],
                holding_id=ids.holdings[due.lot, due.member],
                lot_id=ids.lots[due.lot],
                member_id=ids.members[due.member],
                kind=due.kind,
                ordinal=due.ordinal,
                amount_minor=due.amount_minor,
                account=due.account(doing.rules, doing.pot(due.round)),
                due_at=due_at[due.round],
            )
        )
    await write_many(doing, DueRow, rows)


async def _payments(doing: Writing) -> None:
    ids, rows = doing.ids, []
    codes: set[str] = set()
    for place, payment in sorted([*in_order(doing.book, IN), *in_order(doing.book, FINE)], key=lambda one: one[0]):
        code = new_code(RECEIPT_CODE_LENGTH)
        while code in codes:
            code = new_code(RECEIPT_CODE_LENGTH)
        codes.add(code)
        ids.payments[place] = new_id()
        rows.append(
            doing.row(
                id=ids.payments[place],
                code=code,
                member_id=ids.members[payment.member],
                amount_minor=payment.amount_minor,
                method=payment.method,
                held_by=ids.members[payment.officer] if payment.officer else None,
                recorded_at=doing.at(payment.on),
                recorded_by=doing.actor,
                reference=payment.reference,
                created_at=doing.at(payment.on),
            )
        )
    await write_many(doing, PaymentRow, rows)


async def _payouts(doing: Writing) -> None:
    rules, ids = doing.rules, doing.ids
    instants = {one.number: one.draw_at for one in doing.planned}
    payout_ids: dict[int, UUID] = {}
    rows = []
    for held in doing.book.rounds:
        deducted = rules.deductions_minor(held.number)
        for lot in held.lots:
            payout_ids[lot] = new_id()
            rows.append(
                doing.row(
                    id=payout_ids[lot],
                    round_id=ids.rounds[held.number],
                    lot_id=ids.lots[lot],
                    gross_minor=rules.gross_pot_minor,
                    deductions=[{"kind": name, "amount_minor": minor} for name, minor in deducted],
                    amount_minor=rules.gross_pot_minor - sum(minor for _, minor in deducted),
                    created_at=instants[held.number],
                )
            )
    await write_rows(doing, Payout, rows)
    legs = [
        leg
        for promise in doing.sums.promises
        for leg in _legs(doing, promise, payout_ids[promise.lot], instants[promise.round])
    ]
    await write_rows(doing, Leg, legs)


def _legs(doing: Writing, promise: Promise, payout_id: UUID, created_at: datetime) -> Iterable[dict[str, Any]]:
    """A leg for each part that was paid, and one for what is still to be paid: together what was promised."""
    ids = doing.ids
    common = doing.row(
        payout_id=payout_id,
        holding_id=ids.holdings[promise.lot, promise.member],
        member_id=ids.members[promise.member],
        created_at=created_at,
    )
    unpaid = {"method": "cash", "paid_at": None, "paid_by": None, "held_by": None, "received_at": None}
    unpaid["received_by"] = None
    for part in promise.paid:
        ids.legs[id(part)] = new_id()
        if part.due is not None:
            # Set off: nobody handed it over, nobody has to confirm it.
            yield {
                **common,
                **dict.fromkeys(("paid_at", "received_at"), created_at),
                **dict.fromkeys(("paid_by", "received_by"), doing.actor),
                "id": ids.legs[id(part)],
                "amount_minor": part.amount_minor,
                "method": "netted",
                "held_by": None,
            }
            continue
        payment = doing.book.payments[part.payment]
        yield {
            **common,
            "id": ids.legs[id(part)],
            "amount_minor": part.amount_minor,
            "method": payment.method,
            "paid_at": doing.at(payment.on),
            "paid_by": doing.actor,
            "held_by": ids.members[payment.officer] if payment.officer else None,
            "received_at": None,
            "received_by": None,
        }
    left = promise.amount_minor - promise.paid_minor
    if left:
        yield {**common, **unpaid, "id": new_id(), "amount_minor": left}
