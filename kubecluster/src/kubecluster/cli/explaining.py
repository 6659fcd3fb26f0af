"""`explain`: why a cluster is not ready."""

from typing import TYPE_CHECKING

import click

from kubecluster.cli.command import Command
from kubecluster.cli.place import Place, connected, placed
from kubecluster.cli.words import say

if TYPE_CHECKING:
    from kubecluster.diagnosis import Sight, Verdict
    from kubecluster.resource import ClusterResource

NOT_READY = 1
EXAMPLES = {
    "why is it not ready": "explain simple",
    "with its parts, Events and the last log lines": "explain simple --verbose",
    "wait for it in a script": "explain simple --quiet || sleep 5",
}


@click.command("explain", cls=Command, examples=EXAMPLES)
@click.argument("name")
@click.option("-v", "--verbose", is_flag=True, help="Show its parts, Events and the last log lines, too.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing: the exit code tells.")
@placed
def explain_command(*, place: Place, name: str, verbose: bool, quiet: bool) -> None:
    """Say in a sentence why the cluster NAME is not ready, and what to do.

    The exit code is 0 if it is ready, and 1 if not.
    """
    from kubecluster.diagnosis import diagnose  # noqa: PLC0415  # takes long to import
    from kubecluster.diagnosis.waiting_since import waiting_since  # noqa: PLC0415

    with connected(place) as here:
        resource = here.find(name)
        sight = resource.sight()
        verdict = diagnose(waiting_since(sight), sight)
        if not quiet:
            _tell(resource, sight, verdict, verbose=verbose)
    if verdict.failure is not None:
        raise click.exceptions.Exit(NOT_READY)


def _tell(resource: "ClusterResource", sight: "Sight", verdict: "Verdict", *, verbose: bool) -> None:
    """Say what is thought of a cluster, the first line in the colour of its state."""
    from kubecluster.progress import SYMBOLS, rows  # noqa: PLC0415

    whole, *parts = rows(sight, verdict)
    colour = {"good": "green", "busy": "yellow", "bad": "red"}[whole.state]
    say(f"{click.style(str(resource), fg=colour, bold=True)}: {verdict.sentence}")
    if verdict.remedy:
        say(verdict.remedy.replace(" (resource_timeout)", ""))
    if verbose:
        say()
        for row in parts:
            say(f"{SYMBOLS[row.state][1]} {row.resource} {row.ready}: {row.reason}")
        for line in _last_words(resource, sight, verdict):
            say(line)


def _last_words(resource: "ClusterResource", sight: "Sight", verdict: "Verdict") -> list[str]:
    """What Kubernetes and the container in trouble said last, as the exception has it."""
    from kubecluster.diagnosis import error  # noqa: PLC0415
    from kubecluster.logs import last_words  # noqa: PLC0415

    log = last_words(resource, verdict.pod) if verdict.pod else []
    _, *told = str(error(verdict, str(resource), 0, log, sight.events)).splitlines()
    return [line for line in told if line != verdict.remedy]
