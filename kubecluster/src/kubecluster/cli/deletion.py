"""`delete`: clusters and jobs, and all that belongs to them."""

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from kubecluster.cli.command import Command, Number
from kubecluster.cli.place import Here, Place, connected, placed
from kubecluster.cli.words import remark, say

if TYPE_CHECKING:
    from kubecluster.cli.job import Job
    from kubecluster.resource import ClusterResource

NOT_DONE = 1
EXAMPLES = {
    "one cluster, after a question": "delete simple",
    "several, and wait until they are gone": "delete simple analysis/big --yes --wait",
    "a job, and with it its cluster": "delete --job train-3fb1c",
}


@click.command("delete", cls=Command, examples=EXAMPLES)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing.")
@click.option("--wait/--no-wait", default=False, help="Wait until they are gone.")
@click.option("--timeout", type=Number(min=0, min_open=True), default=60.0, metavar="SECONDS", help="How long.")
@click.option("--job", is_flag=True, help="The names are of DaskJobs, such as submit makes.")
@placed
def delete_command(  # noqa: PLR0913  # one for each option
    *, place: Place, names: tuple[str, ...], yes: bool, wait: bool, timeout: float, job: bool
) -> None:
    """Delete the clusters of these names, with all workers and all that they hold in memory.

    Nothing is deleted unless all of them are found. Nobody is left to take what workers hold: tasks end at once, and
    results are lost that nobody has fetched.
    """
    with connected(place) as here:
        found = [here.job(name) if job else _cluster(here, name) for name in dict.fromkeys(names)]
        _ask(found, yes=yes)
        for each in found:
            each.delete()
        for each in found:
            if wait:
                _await(each, timeout)
            say(f"{each} is {'deleted' if wait else 'being deleted'}.")


def _cluster(here: Here, name: str) -> "ClusterResource":
    """A cluster that may be deleted.

    Raises:
        ClusterNotFound: there is none of that name.
        RequestFailed: it belongs to a job.
    """
    from kubecluster.diagnosis.sight import items, text  # noqa: PLC0415
    from kubecluster.errors import RequestFailed  # noqa: PLC0415

    resource = here.find(name)
    for owner in items(resource.find(), "metadata", "ownerReferences"):
        if text(owner, "kind") == "DaskJob":
            job = f"{resource.namespace}/{text(owner, 'name')}"
            raise RequestFailed(
                f"The Dask cluster {resource} belongs to the DaskJob {job}, for which it would be made again. Delete "
                f"that: `{here.hint('delete', f'--job {job}')}`."
            )
    return resource


def _ask(found: Sequence[object], *, yes: bool) -> None:
    """Ask whether they are to be deleted.

    Raises:
        Exit: they are not.
        UsageError: nobody can be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here, where there is no terminal: add --yes.")
    what = f"{', '.join(map(str, found))}, with all that belongs to it, and what its workers hold"
    if not click.confirm(f"Delete {what}?", err=True):
        remark("Nothing is deleted.")
        raise click.exceptions.Exit(NOT_DONE)


def _await(found: "ClusterResource | Job", seconds: float) -> None:
    """Wait until it is gone.

    Raises:
        TimeoutError: it is not.
    """
    from kubecluster.progress import Progress  # noqa: PLC0415
    from kubecluster.resource import ClusterResource  # noqa: PLC0415
    from kubecluster.waiting import Waiting  # noqa: PLC0415

    if isinstance(found, ClusterResource):
        asyncio.run(Waiting(found, Progress("", quiet=True), seconds).until_gone(seconds))
    else:
        found.await_end(seconds)
