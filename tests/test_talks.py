"""Whole conversations, to the letter: every file of ``tests/talks`` is played on its phones."""

from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from talking import TALKS, Scene, compare, play

from core import people
from core.cycle import cycles
from core.db import transaction
from core.groups import forming
from core.ids import CODE_LETTERS
from core.ledger import audit

SCRIPTS = [(path, path.read_text()) for path in sorted(TALKS.glob("*.talk"))]


@pytest.mark.parametrize(("path", "script"), SCRIPTS, ids=[path.stem for path, _ in SCRIPTS])
async def test_a_talk_sounds_as_it_is_written(
    path: Path, script: str, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The group's code and the secret of its draws are the same each time, and so are the lots that come up.
    chance = Random(path.stem)
    monkeypatch.setattr(forming, "new_code", lambda length: "".join(chance.choices(CODE_LETTERS, k=length)))
    monkeypatch.setattr(cycles, "new_secret", lambda: chance.randbytes(32))
    scene = Scene(await people.tenant_by_id(tenant))
    compare(path, script, await play(scene, script))
    async with transaction(tenant) as tx:
        assert (await audit(tx.session)).findings == ()
