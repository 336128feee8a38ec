"""`./equb admin`: an administrator is made at the terminal, signs in over HTTP, and can be shut out again."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from asking import Admin, owner_of

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "a good long one"


def run(*arguments: str, typed: str = "") -> tuple[int, str]:
    """The exit status, and what was printed on either side."""
    done = subprocess.run(
        [sys.executable, "-m", "ops", "admin", *arguments],
        cwd=ROOT,
        env=os.environ | {"EQUB_ENV_FILE": os.devnull},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


async def sign_in(owner: Admin, password: str = PASSWORD) -> int:
    form = {"grant_type": "password", "username": f"{owner.tenant.code}/hirut", "password": password}
    return (await owner.client.post("/api/v1/token", data=form)).status_code


async def test_an_administrator_made_at_the_terminal_signs_in_until_disabled(tenant: UUID) -> None:
    async with owner_of(tenant) as owner:
        code = owner.tenant.code
        made = run("add", code, "hirut", "--role", "cashier", "--role", "approver", typed=f"{PASSWORD}\n")
        assert (made[0], made[1].split()) == (0, ["hirut", "cashier,", "approver", "may", "sign", "in"])
        assert PASSWORD not in made[1]
        assert await sign_in(owner) == 200
        assert run("disable", code, "hirut")[0] == 0
        assert await sign_in(owner) == 400
        assert "disabled" in run("list", code)[1]
        assert run("enable", code, "hirut")[0] == 0
        status, said = run("password", code, "hirut", "--generate")
        assert status == 0
        assert await sign_in(owner, said.split("password: ")[1].strip()) == 200
        assert await sign_in(owner) == 400
        acts = [act for act in await owner.all("/audit") if act["actor"] == "operator"]
        assert [act["action"] for act in acts] == ["admin.changed"] * 3 + ["admin.added"]


@pytest.mark.parametrize(
    ("arguments", "typed", "status", "sentence"),
    [
        (("add", "nowhere", "hirut", "--role", "owner"), f"{PASSWORD}\n", 1, "there is no active tenant nowhere"),
        (("add", "TENANT", "hirut", "--role", "owner"), "short\n", 1, "a password has 10 to 200 characters"),
        (("add", "TENANT", "Hirut!", "--role", "owner"), f"{PASSWORD}\n", 1, "a name has 1 to 63 small letters"),
        (("add", "TENANT", "hirut"), "", 2, "say with --role what hirut may be: viewer, support"),
        (("add", "TENANT", "hirut", "--role", "king"), "", 2, "invalid choice: 'king'"),
        (("disable", "TENANT", "hirut"), "", 1, "hirut is no administrator of that tenant"),
    ],
)
async def test_what_cannot_be_done_is_one_line(
    tenant: UUID, arguments: tuple[str, ...], typed: str, status: int, sentence: str
) -> None:
    async with owner_of(tenant) as owner:
        said = run(*(owner.tenant.code if word == "TENANT" else word for word in arguments), typed=typed)
        assert said[0] == status
        assert sentence in said[1]
        assert "Traceback" not in said[1]
        assert await owner.all("/audit") == []
