"""`list`: the clusters as a table."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from kubecluster.cli.command import Command
from kubecluster.cli.formats import written
from kubecluster.cli.place import Place, connected, placed
from kubecluster.cli.words import remark, say

if TYPE_CHECKING:
    from kubecluster.cli.survey import Line

HEADINGS = ("NAMESPACE", "NAME", "STATE", "WORKERS", "ADAPTING", "AGE", "WHY")
STATE = HEADINGS.index("STATE")
COLOURS = {"Ready": "green", "Starting": "yellow", "Deleting": "yellow", "Trouble": "red", "Failed": "red"}
GAP = "  "
UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
TWO_DIGITS = 10
"""From so many of a unit on, a smaller one tells nothing."""
EXAMPLES = {
    "those of this namespace": "list",
    "all that one may see": "list --all-namespaces",
    "for a program to read": "list -o json",
    "delete all of this namespace": "list -o name | xargs PROGRAM delete --yes",
}


@click.command("list", cls=Command, examples=EXAMPLES)
@click.option("-A", "--all-namespaces", is_flag=True, help="Those of all namespaces.")
@click.option("-o", "--output", type=click.Choice(["json", "yaml", "name"]), help="Something else than a table.")
@placed
def list_command(*, place: Place, all_namespaces: bool, output: str | None) -> None:
    """List the Dask clusters, and why one is not ready.

    STATE is Ready; Starting, which only takes its time; Trouble, which may pass; Failed, which does not pass by itself;
    or Deleting. WORKERS has how many are ready of how many are wanted, ADAPTING the bounds between which their number
    follows the work there is.
    """
    from kubecluster.cli.departures import departures  # noqa: PLC0415  # takes long to import
    from kubecluster.cli.survey import survey  # noqa: PLC0415

    if all_namespaces and place.namespace:
        raise click.UsageError("There are --namespace and --all-namespaces; leave one out.")
    with connected(place) as here:
        lines = survey(here.kubernetes, None if all_namespaces else here.namespace)
        if output == "name":
            for line in lines:
                say(f"{line.namespace}/{line.name}")
        elif output:
            say(written([_record(line) for line in lines], output))
        elif lines:
            for row in rows(lines):
                say(row)
        else:
            if not all_namespaces:
                here.kubernetes.refuse_absent(here.namespace)
            where = "any namespace" if all_namespaces else f"namespace {here.namespace!r}"
            remark(f"There are no Dask clusters in {where}. One is made by `{here.hint('create', 'NAME')}`.")
        if not output:
            there = {(line.namespace, line.name) for line in lines}
            for gone in departures(here.kubernetes, None if all_namespaces else here.namespace, there):
                remark(f"{gone.namespace}/{gone.name} went {age(gone.seconds)} ago. {gone.why}")


def rows(lines: Sequence["Line"]) -> list[str]:
    """The table's rows, the headings first; their colours are taken away where there can be none.

    Args:
        lines: What there is to say of each cluster.
    """
    cells = [HEADINGS, *map(_cells, lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    return [_row(row, widths) for row in cells]


def age(seconds: float) -> str:
    """A length of time in its largest unit, or two: `45s`, `5m20s`, `12m`, `3h`, `2d4h`."""
    whole = max(0, int(seconds))
    for (unit, size), (smaller, part) in pairwise(UNITS):
        if whole >= TWO_DIGITS * size:
            return f"{whole // size}{unit}"
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size}{unit}{f'{rest}{smaller}' if rest else ''}"
    return f"{whole}s"


def _cells(line: "Line") -> tuple[str, ...]:
    workers = f"{line.ready}/{line.wanted}"
    return (line.namespace, line.name, line.state, workers, line.adapting or "-", age(line.age_seconds), line.why)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    padded[-1] = cells[-1]
    if cells is not HEADINGS:
        padded[STATE] = click.style(padded[STATE], fg=COLOURS.get(cells[STATE]))
    return GAP.join(padded).rstrip()


def _record(line: "Line") -> dict[str, Any]:
    """What a program reads: an age grows while one looks at it."""
    return {name: value for name, value in asdict(line).items() if name != "age_seconds"}
