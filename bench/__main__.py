"""`python -m bench [names] [--quick] [--small] [--figures FILE]`: one machine, the measurements asked for, one table.

``--quick`` is a run of seconds that shows that everything works; its figures mean nothing. ``--small``: a tenth of
case A. ``--figures`` writes the table as JSON too.
"""

import argparse
import asyncio
import dataclasses
import importlib
import json
import sys
import time
from pathlib import Path

import uvloop

from bench import machine
from bench.figures import Figure, NotKept, lines
from ops.places import Place

NAMES = ("commands", "anatomy", "throughput", "groups", "late", "papers", "case-a")


async def run(place: Place, names: list[str], *, quick: bool, small: bool) -> list[Figure]:
    """Measure by name, in order, on one machine."""
    figures = []
    async with machine.machine(place, processes=2) as made:
        for name in names:
            begun = time.monotonic()
            print(f"bench: {name} …", file=sys.stderr, flush=True)
            module = importlib.import_module("bench." + name.replace("-", "_"))
            options = {"small": small} if name == "case-a" else {}
            figures += await module.measure(made, quick=quick, **options)
            print(f"bench: {name} took {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return figures


def main(arguments: list[str]) -> int:
    """0 when everything ran through and every promise held, 1 when one did not."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="name", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--figures", type=Path)
    given = parser.parse_args(arguments)
    with machine.servers() as place:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                figures = runner.run(run(place, given.names or list(NAMES), quick=given.quick, small=given.small))
        except NotKept as broken:
            print(f"bench: NOT KEPT: {broken}", file=sys.stderr)
            return 1
    print("\n".join(lines(figures)))
    if given.figures:
        given.figures.write_text(json.dumps([dataclasses.asdict(figure) for figure in figures], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
