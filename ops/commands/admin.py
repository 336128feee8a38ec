"""who may sign in to the admin API: admin add|roles|password|disable|enable|list <tenant> [name] [--role …]

Owns: making administrators and changing them, on the database that is set or the one of a running `./equb run`.
Refuses: a password as an argument (others could read it in the list of processes). It is asked for, read from
standard input where that is not a terminal, or made up and shown once with `--generate`.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import os
import secrets
import sys
from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError

from core import people
from core.db import dispose, transaction
from core.errors import Refusal
from core.operator import admins
from core.operator.rights import ADMIN_RIGHTS
from ops import environment
from ops.errors import CannotStart

_ASKS_PASSWORD = ("add", "password")

# What stands in the way, said to an operator.
_OBSTACLES = {
    "tenant.unknown": "there is no active tenant {tenant}",
    "admin.unknown": "{username} is no administrator of that tenant",
    "admin.username_taken": "{username} is an administrator of that tenant already",
    "admin.username_not_understood": "a name has 1 to 63 small letters, digits and . _ @ -, and begins with the former",
    "admin.password_length": "a password has {least} to {most} characters",
}


def main(arguments: list[str]) -> int:
    """0 when it is done. Raises CannotStart with one line."""
    said = _parser().parse_args(arguments)
    if said.what in ("add", "roles") and not said.role:
        raise CannotStart(f"say with --role what {said.username} may be: {', '.join(ADMIN_RIGHTS)}", status=2)
    find_database()
    password = _password(said) if said.what in _ASKS_PASSWORD else None
    try:
        lines = asyncio.run(_do(said, password))
    except Refusal as refusal:
        raise CannotStart(_OBSTACLES.get(refusal.code, refusal.code).format_map(refusal.facts)) from None
    except (DBAPIError, OSError) as error:
        raise CannotStart(f"the database cannot be reached: {type(error).__name__}") from None
    print("\n".join(lines))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="equb admin", description="Who may sign in to the admin API.")
    kinds = parser.add_subparsers(dest="what", required=True)
    for name, about in (
        ("add", "make an administrator"),
        ("roles", "give other roles"),
        ("password", "give another password"),
        ("disable", "let them sign in no more (a token they have is good for up to an hour)"),
        ("enable", "let them sign in again"),
        ("list", "show all of a tenant"),
    ):
        one = kinds.add_parser(name, help=about, description=about)
        one.add_argument("tenant", help="its code")
        if name != "list":
            one.add_argument("username")
        if name in ("add", "roles"):
            one.add_argument("--role", action="append", choices=list(ADMIN_RIGHTS), help="may be said several times")
        if name in _ASKS_PASSWORD:
            one.add_argument("--generate", action="store_true", help="make a password up and show it once")
    return parser


def find_database() -> None:
    """Set the environment of the program: what is given, else that of the last `./equb run`."""
    given = environment.load()
    if "EQUB_DATABASE_URL" not in given:
        last_run = environment.home(given) / "environment.json"
        if not last_run.exists():
            raise CannotStart("EQUB_DATABASE_URL is not set, and ./equb run was never started here", status=2)
        given = {**json.loads(last_run.read_text()), **given}
    os.environ.update({name: value for name, value in given.items() if name.startswith("EQUB_")})


def _password(said: argparse.Namespace) -> str:
    if said.generate:
        return secrets.token_urlsafe(18)
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass(f"password of {said.username}: ")
    if getpass.getpass("again: ") != first:
        raise CannotStart("the two are not the same")
    return first


async def _do(said: argparse.Namespace, password: str | None) -> Sequence[str]:
    """What is to be printed."""
    try:
        tenant = await people.tenant_by_code(said.tenant)
        async with transaction(tenant.id, actor="operator") as tx:
            if said.what == "list":
                return [_line(one) for one in await admins.of_tenant(tx)] or ["nobody yet"]
            if said.what == "add":
                made = await admins.add(tx, username=said.username, password=password or "", roles=said.role)
            else:
                made = await admins.change(
                    tx,
                    said.username,
                    password=password,
                    roles=said.role if said.what == "roles" else None,
                    disabled={"disable": True, "enable": False}.get(said.what),
                )
            shown = [f"password: {password}"] if password and said.generate else []
            return [_line(made), *shown]
    finally:
        await dispose()


def _line(admin: admins.Admin) -> str:
    state = "disabled" if admin.disabled_at else "may sign in"
    return f"{admin.username:<20} {', '.join(admin.roles):<30} {state}"
