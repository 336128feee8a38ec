"""Whole conversations, to the letter: every file of ``tests/talks`` is played on its phones."""

import secrets
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from talking import TALKS, Scene, check

from core import people
from core.db import transaction
from core.ledger import audit


@pytest.mark.parametrize("path", sorted(TALKS.glob("*.talk")), ids=lambda path: path.stem)
async def test_a_talk_sounds_as_it_is_written(path: Path, tenant: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    # Codes and the secrets of draws come out the same each time, and so do the lots.
    chance = Random(path.stem)
    monkeypatch.setattr(secrets, "choice", chance.choice)
    monkeypatch.setattr(secrets, "token_bytes", chance.randbytes)
    scene = Scene(await people.tenant_by_id(tenant))
    await check(scene, path)
    async with transaction(tenant) as tx:
        assert (await audit(tx.session)).findings == []
