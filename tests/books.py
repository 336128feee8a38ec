"""Paper books for tests: as rows by sheet, handed in through the API, and what stands in the real book afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from asking import Admin, Json

from core import imports, ledger
from core.db import transaction
from core.imports.adding_up import add_up
from core.imports.book import Book
from core.imports.figures import Sums
from core.imports.sheets import read
from core.imports.template import csvs, workbook, zipped
from core.imports.understanding import understand

TODAY = date(2026, 11, 22)
Rows = Sequence[Sequence[str]]


@dataclass
class Paper:
    """A paper book being written: rows by sheet, in the template's columns."""

    tables: dict[str, list[list[str]]] = field(default_factory=dict)

    def write(self, sheet: str, *row: str) -> "Paper":
        """One more row."""
        self.tables.setdefault(sheet, []).append(list(row))
        return self

    def rules(self, **said: str) -> "Paper":
        """Rows of the sheet book."""
        for what, value in said.items():
            self.write("book", what.replace("_", " "), value)
        return self

    @property
    def files(self) -> list[tuple[str, bytes]]:
        """One CSV for each sheet that has rows."""
        return [(name, content) for name, content in csvs(self.tables).items() if name[:-4] in self.tables]

    @property
    def xlsx(self) -> bytes:
        return workbook(self.tables)

    @property
    def zip(self) -> bytes:
        return zipped(self.tables)


def small(**rules: str) -> Paper:
    """Two lots, Abebe's and Sara's, before any round."""
    said = {"name_of_the_equb": "Merkato", "contribution": "1000", "lots": "2", "rhythm": "weekly"} | rules
    paper = Paper().rules(**said)
    paper.write("people", "1", "Abebe Kebede", "0911000001", "organiser").write(
        "people", "2", "Sara Tesfaye", "0911000002"
    )
    return paper.write("lots", "1", "1").write("lots", "2", "2")


def understood(files: Sequence[tuple[str, bytes]], *, today: date = TODAY) -> tuple[Book, Sums]:
    """What is understood of files, without any database."""
    book = understand(read(files), today=today, currency="ETB")
    return book, add_up(book)


def problems(book: Book) -> dict[str, list[str]]:
    """Where → the codes of what is wrong there: ``{"payments 3": ["amount.not_understood"]}``."""
    found: dict[str, list[str]] = {}
    for line, problem in book.problems():
        assert problem.sentence
        found.setdefault(f"{line.sheet} {line.line}", []).append(problem.code)
    return found


async def hand_in(admin: Admin, paper: Paper, *, status: int = 201) -> Json:
    """The preview of a book that is handed in as a workbook."""
    return await hand_in_file(admin, "book.xlsx", paper.xlsx, status=status)


async def hand_in_file(admin: Admin, name: str, content: bytes, *, status: int = 201, key: str | None = None) -> Json:
    """The preview of a file that is handed in as a form."""
    answer = await admin.ask("POST", "/imports", key=key, files={"file": (name, content)})
    assert answer.status_code == status, answer.text
    said: Json = answer.json()
    return await admin.get(f"/imports/{said['id']}") if status == 201 else said


async def bring_in(admin: Admin, paper: Paper) -> Json:
    """The group of a book that is handed in, found right, and committed."""
    made = await hand_in(admin, paper)
    wrong = await admin.all(f"/imports/{made['id']}/lines", severity="error")
    assert wrong == [], wrong
    done = await admin.post(f"/imports/{made['id']}/commit", status=200)
    return await admin.get(f"/groups/{done['group']}") | {"import": done["id"], "import_code": done["code"]}


async def balances(tenant_id: UUID, group_id: str) -> Mapping[str, int]:
    """Every account of a group that is not empty, in minor units."""
    async with transaction(tenant_id) as tx:
        found = await ledger.balances(tx.session, group_id=UUID(group_id))
        report = await ledger.audit(tx.session, group_id=UUID(group_id))
    assert report.findings == ()
    return {name: minor for name, minor in found.items() if minor}


def template_tables() -> dict[str, Any]:
    """The rows of the template."""
    return {name: [list(row) for row in rows] for name, rows in imports.example().items()}
