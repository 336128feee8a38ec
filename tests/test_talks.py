"""Whole conversations, to the letter: every file of ``tests/talks`` is played on its phones."""

from pathlib import Path
from uuid import UUID

import pytest
from talking import TALKS, Scene, check

from core import people


@pytest.mark.parametrize("path", sorted(TALKS.glob("*.talk")), ids=lambda path: path.stem)
async def test_a_talk_sounds_as_it_is_written(path: Path, tenant: UUID) -> None:
    scene = Scene(await people.tenant_by_id(tenant))
    await check(scene, path)
