"""The API does what its OpenAPI document says, whatever it is asked: never a 5xx, and every answer has its shape.

schemathesis makes the requests, valid and broken ones; they are asked inside this process of a tenant with a busy
group, half of them with ids that exist. The seed is fixed, so that a run finds what the last one found.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import schemathesis
from asking import Admin, neighbours, owner_of
from books import hand_in, small
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import nudge
from api.v1 import _RESOURCES
from api.v1.docs import document
from core import db, groups, people
from core.db import transaction
from core.membership import guarantors
from core.operator import bootstrap

EXAMPLES = 16
Case = schemathesis.Case[Any]
SCHEMA = schemathesis.openapi.from_dict(
    document([route for module in _RESOURCES for route in module.router.routes if isinstance(route, APIRoute)])
)
SCHEMA.config.base_url = "http://test"
OPERATIONS: list[Any] = [result.ok() for result in SCHEMA.get_all_operations() if isinstance(result, Ok)]
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@dataclass
class Asker:
    """A loop of its own with the application in it: generated tests are plain functions."""

    runner: asyncio.Runner
    owner: Admin
    known: dict[str, str]

    def ask(self, case: Case) -> httpx.Response:
        """Send a case as it is, with a token that may do everything."""
        said = case.as_transport_kwargs(base_url="http://test")
        headers = dict(said["headers"]) | {"Authorization": f"Bearer {self.owner.token}"}
        body = {name: said[name] for name in ("json", "data", "files") if said.get(name) is not None}
        if isinstance(body.get("data"), bytes | str):
            body["content"] = body.pop("data")
        if isinstance(body.get("files"), list | dict):
            body["files"] = _sendable(body["files"])
        request = self.owner.client.build_request(
            said["method"], said["url"], params=said.get("params"), headers=headers, **body
        )
        # What checks the answer looks at the request too, and a form is a stream until it is read.
        self.runner.run(request.aread())
        return self.runner.run(self.owner.client.send(request))


def _sendable(parts: Any) -> list[tuple[str, Any]]:
    """The parts of a form as bytes: what is generated wrongly on purpose may be a number."""
    sendable = []
    for name, part in parts.items() if isinstance(parts, dict) else parts:
        filename, content = part[:2] if isinstance(part, tuple) else (name, part)
        raw = content if isinstance(content, bytes) else str(content).encode("utf-8", "replace")
        sendable.append((str(name), (filename, raw)))
    return sendable


@pytest.fixture(scope="module")
def _runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
async def _nothing_open() -> None:
    """Connections belong to the loop that opened them: those of the other tests are closed in theirs."""
    await db.dispose()
    await nudge.close()


@pytest.fixture
def asker(_runner: asyncio.Runner, _nothing_open: None, at: Callable[[str], Any]) -> Iterator[Asker]:
    """A busy group of the first tenant, with every kind of id in it."""
    people.forget_tenants()
    at("2026-11-24 12:54")

    async def arrange() -> tuple[Any, Admin, dict[str, str]]:
        tenant_id = await bootstrap.make_tenant(bootstrap.FIRST_TENANT, "Demo")
        signed_in = owner_of(tenant_id)
        owner = await signed_in.__aenter__()
        return signed_in, owner, await _busy(owner, tenant_id)

    signed_in, owner, known = _runner.run(arrange())
    yield Asker(_runner, owner, known)
    for closing in (signed_in.__aexit__(None, None, None), nudge.close(), db.dispose()):
        _runner.run(closing)


async def _busy(owner: Admin, tenant_id: UUID) -> dict[str, str]:
    equb = await neighbours(owner)
    await equb.begin()
    for name, paid in (("Abebe", "1000.00"), ("Sara", "2000.00"), ("Lema", "300.00"), ("Hana", "700.00")):
        await equb.pay(name, paid)
    await equb.until_drawn(1)
    payout = (await owner.all(f"{equb.path}/payouts"))[0]
    imported = await hand_in(owner, small())
    sara = equb.members["Sara"]["id"]
    paid = next(one["id"] for one in await owner.all("/payments") if one["member"] == sara)
    said = {"member": sara, "about": "payment", "subject": paid, "said": "it was more"}
    dispute = await owner.post(f"{equb.path}/disputes", said)
    offered = await owner.post(f"{equb.path}/members/{sara}/role", {"role": "secretary", "by": 1})
    async with transaction(tenant_id) as tx:
        group = await groups.by_id(tx, UUID(equb.group["id"]))
        lema = await groups.seat(tx, group.group_id, UUID(equb.members["Lema"]["id"]))
        guarantee = await guarantors.give(tx, group, lema, await groups.member(tx, group.group_id, UUID(sara)))
    return {
        "dispute_id": dispute["id"],
        "proposal_id": offered["proposal"],
        "guarantee_id": str(guarantee.id),
        "import_id": imported["id"],
        "tenant_id": str(tenant_id),
        "person_id": equb.members["Sara"]["person"],
        "group_id": equb.group["id"],
        "member_id": equb.members["Sara"]["id"],
        "payment_id": (await owner.all("/payments"))[0]["id"],
        "payout_id": payout["id"],
        "leg_id": payout["legs"][0]["id"],
        "message_id": (await owner.all("/messages"))[0]["id"],
        "code": (await owner.all(f"{equb.path}/draws"))[0]["code"],
        "group": equb.group["id"],
        "member": equb.members["Sara"]["id"],
        "person": equb.members["Abebe"]["person"],
    }


def _with_known(case: Case, known: dict[str, str]) -> None:
    """Ids of what is there in the place of invented ones."""
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            for name in part:
                if name in known:
                    part[name] = known[name]


def test_every_answer_is_one_that_the_document_promises(asker: Asker) -> None:
    seen = {operation.label: _statuses(asker, operation) | _read(asker, operation.label) for operation in OPERATIONS}
    # It would prove little if nothing but refusals were tried.
    unread = [label for label, statuses in seen.items() if label.startswith("GET") and 200 not in statuses]
    assert unread == []
    assert {label for label, statuses in seen.items() if not statuses & {400, 404, 409, 422}} == set()


def _read(asker: Asker, label: str) -> set[int]:
    """The status of a plain reading of what is there; how much a generator tries depends on its time."""
    method, path = label.split(" ", 1)
    if method != "GET":
        return set()
    path = path.format_map(asker.known | {"number": "1"})
    query = {"group": asker.known["group"]} if "/ledger/" in path else {}
    asked = asker.owner.client.get(
        f"http://test{path}", params=query, headers={"Authorization": f"Bearer {asker.owner.token}"}
    )
    return {asker.runner.run(asked).status_code}


def _statuses(asker: Asker, operation: Any) -> set[int]:
    """Try one operation; every status that was seen."""
    seen: set[int] = set()
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes)), st.booleans())
    def promised(case: Case, known: bool) -> None:
        if known:
            _with_known(case, asker.known)
        answer = asker.ask(case)
        seen.add(answer.status_code)
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)
        case.validate_response(answer, checks=CHECKS)

    promised()
    return seen
