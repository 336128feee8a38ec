"""make the database and its four roles on a server of your own; reads EQUB_DATABASE_SUPERUSER_URL"""

from __future__ import annotations

import asyncio
import os
from urllib.parse import unquote, urlsplit

from ops import environment, roles
from ops.errors import CannotStart

SUPERUSER_VARIABLE = "EQUB_DATABASE_SUPERUSER_URL"


def main(arguments: list[str]) -> int:
    """Make what EQUB_DATABASE_URL and EQUB_DATABASE_OWNER_URL name, with the passwords in them.

    The superuser's URL is read from the environment only: the program must never find it in a file.
    """
    if arguments:
        raise CannotStart("roles takes no arguments", status=2)
    given = environment.load()
    superuser_url = os.environ.get(SUPERUSER_VARIABLE)
    if not superuser_url:
        raise CannotStart(f"{SUPERUSER_VARIABLE} is not set", status=2)
    passwords, databases = {}, set()
    for name, role in (("EQUB_DATABASE_URL", "equb_app"), ("EQUB_DATABASE_OWNER_URL", "equb_owner")):
        if name not in given:
            raise CannotStart(f"{name} is not set", status=2)
        url = urlsplit(given[name])
        if url.username != role:
            raise CannotStart(f"{name} must log in as {role}, not {url.username}", status=2)
        if url.password:
            passwords[role] = unquote(url.password)
        databases.add(url.path.lstrip("/"))
    if len(databases) != 1:
        raise CannotStart("EQUB_DATABASE_URL and EQUB_DATABASE_OWNER_URL name different databases", status=2)
    database = databases.pop()
    asyncio.run(roles.create(superuser_url, database=database, passwords=passwords))
    print(f"database {database} and its roles are there")
    return 0
