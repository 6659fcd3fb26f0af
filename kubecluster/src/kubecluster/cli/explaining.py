"""`explain`: why a cluster is not ready, or a job does not run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from kubecluster.cli.command import Command
from kubecluster.cli.place import Here, Place, connected, placed
from kubecluster.cli.words import say

if TYPE_CHECKING:
    from kubecluster.diagnosis import Sight, Verdict
    from kubecluster.progress import Row
    from kubecluster.resource import ClusterResource

NOT_READY = 1
EXAMPLES = {
    "why is it not ready": "explain simple",
    "with its parts, Events and the last log lines": "explain simple --verbose",
    "why does a job not run, or how has it ended": "explain --job train-3fb1c",
    "wait for it in a script": "explain simple --quiet || sleep 5",
}


@click.command("explain", cls=Command, examples=EXAMPLES)
@click.argument("name")
@click.option("--job", is_flag=True, help="NAME is a DaskJob's: why its script does not run, or how it has ended.")
@click.option("-v", "--verbose", is_flag=True, help="Show its parts, Events and the last log lines, too.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing: the exit code tells.")
@placed
def explain_command(*, place: Place, name: str, job: bool, verbose: bool, quiet: bool) -> None:
    """Say in a sentence why the cluster NAME is not ready, and what to do.

    The exit code is 0 if it is ready, and 1 if not; of a job, 0 if it runs or has succeeded.
    """
    with connected(place) as here:
        is_well = (_job if job else _cluster)(here, name, quiet=quiet, verbose=verbose)
    if not is_well:
        raise click.exceptions.Exit(NOT_READY)


def _cluster(here: Here, name: str, *, quiet: bool, verbose: bool) -> bool:
    """Say how a cluster is; whether it is ready."""
    from kubecluster.diagnosis import diagnose  # noqa: PLC0415  # takes long to import
    from kubecluster.diagnosis.waiting_since import waiting_since  # noqa: PLC0415
    from kubecluster.progress import rows  # noqa: PLC0415

    resource = here.find(name)
    sight = resource.sight()
    verdict = diagnose(waiting_since(sight), sight)
    if not quiet:
        whole, *parts = rows(sight, verdict)
        colour = {"good": "green", "busy": "yellow", "bad": "red"}[whole.state]
        _tell(f"{click.style(str(resource), fg=colour, bold=True)}: {verdict.sentence}", verdict.remedy)
        _tell_of_job(here, sight)
        if verbose:
            _tell_more(parts, _last_words(resource, sight, verdict))
    return verdict.failure is None


def _job(here: Here, name: str, *, quiet: bool, verbose: bool) -> bool:
    """Say how a job is; whether it runs or has succeeded."""
    from kubecluster.cli.steps import account_of, look  # noqa: PLC0415  # takes long to import

    job = here.job(name)
    step = look(job)
    if not quiet:
        colour = "green" if step.is_well else "yellow" if step.cause.passes else "red"
        _tell(f"{click.style(str(job), fg=colour, bold=True)}: {step.sentence}", step.cause.remedy)
        if step.has_ended and step.pod and not verbose:
            say(f"`{here.hint('logs', f'--job {job}')}` shows what its script has written.")
        if verbose:
            _tell_more(step.shown, account_of(job, step).splitlines())
    return step.is_well


def _tell(sentence: str, remedy: str) -> None:
    """Say what is thought of something, and what to do."""
    say(sentence)
    if remedy:
        say(remedy.replace(" (resource_timeout)", ""))


def _tell_of_job(here: Here, sight: "Sight") -> None:
    """Say to which job a cluster belongs, if it does."""
    from kubecluster.diagnosis.sight import items, text  # noqa: PLC0415

    for owner in items(sight.cluster, "metadata", "ownerReferences"):
        if text(owner, "kind") == "DaskJob":
            job = f"{text(sight.cluster, 'metadata', 'namespace')}/{text(owner, 'name')}"
            say(f"It belongs to the DaskJob {job}: `{here.hint('explain', f'--job {job}')}` tells how that is.")


def _tell_more(parts: "Sequence[Row]", lines: Sequence[str]) -> None:
    """Say how the parts are, and what was said last."""
    from kubecluster.progress import SYMBOLS  # noqa: PLC0415

    say()
    for row in parts:
        say(f"{SYMBOLS[row.state][1]} {row.resource} {row.ready}: {row.reason}")
    for line in lines:
        say(line)


def _last_words(resource: "ClusterResource", sight: "Sight", verdict: "Verdict") -> list[str]:
    """What Kubernetes and the container in trouble said last, as the exception has it."""
    from kubecluster.diagnosis import error  # noqa: PLC0415
    from kubecluster.logs import last_words  # noqa: PLC0415

    log = last_words(resource, verdict.pod) if verdict.pod else []
    _, *told = str(error(verdict, str(resource), 0, log, sight.events)).splitlines()
    return [line for line in told if line != verdict.remedy]
