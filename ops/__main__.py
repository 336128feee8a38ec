"""`python -m ops <command> …`, which is what `./equb` becomes: finds the command's module and runs it.

Owns: the list of commands (the modules of `ops.commands`), and turning a known obstacle into one line.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import sys
from pathlib import Path

from ops.errors import CannotStart

_COMMANDS = Path(__file__).resolve().parent / "commands"


def commands() -> dict[str, str]:
    """Every command with its one line, found without importing any of them."""
    found = {}
    for file in sorted(_COMMANDS.glob("[!_]*.py")):
        said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        found[file.stem.replace("_", "-")] = said.split("\n", 1)[0]
    return found


def show_help() -> int:
    """List the commands."""
    print("./equb <command> …\n")
    for name, line in commands().items():
        print(f"  {name:<14} {line}")
    print("\nSettings are environment variables, or lines of .env: see .env.example")
    return 0


def main(arguments: list[str]) -> int:
    """Run a command; its exit status."""
    name = arguments[0] if arguments else "help"
    if name in ("help", "-h", "--help"):
        return show_help()
    known = commands()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "./equb help lists them"
        print(f"equb: there is no command {name!r}: {hint}", file=sys.stderr)
        return 2
    module = importlib.import_module("ops.commands." + name.replace("-", "_"))
    try:
        return int(module.main(arguments[1:]))
    except CannotStart as obstacle:
        print(f"equb: {obstacle}", file=sys.stderr)
        return obstacle.status
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
