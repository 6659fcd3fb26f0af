"""`logs`: what a cluster's Pods have written."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from kubecluster.cli.command import Command, WholeNumber
from kubecluster.cli.place import Here, Place, connected, placed
from kubecluster.cli.words import is_coloured, remark, write

if TYPE_CHECKING:
    from kubecluster.api import Body, Kubernetes

PALETTE = ("cyan", "green", "magenta", "yellow", "blue", "bright_red")
EXAMPLES = {
    "the scheduler and all workers": "logs simple",
    "the scheduler's last lines, and what it writes from now on": "logs simple --scheduler --tail 20 --follow",
    "one worker": "logs simple --worker simple-cluster-default-worker-group-worker-0123456789",
    "what a job's script has written": "logs --job train-3fb1c",
}

Pods = Callable[[], Sequence["Body"]]


@click.command("logs", cls=Command, examples=EXAMPLES)
@click.argument("name")
@click.option("--scheduler", is_flag=True, help="The scheduler's.")
@click.option("--worker", multiple=True, metavar="POD", help="A worker's, by its Pod; may be given several times.")
@click.option("--all", "everyone", is_flag=True, help="The scheduler's and all workers'; the default.")
@click.option("--job", is_flag=True, help="NAME is a DaskJob's: what its script has written.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("--tail", type=WholeNumber(min=0), metavar="N", help="Of each Pod, the last N lines.")
@placed
def logs_command(  # noqa: PLR0913  # one for each option
    *,
    place: Place,
    name: str,
    scheduler: bool,
    worker: tuple[str, ...],
    everyone: bool,
    job: bool,
    follow: bool,
    tail: int | None,
) -> None:
    """Show what the Pods of the cluster NAME have written, whether Dask answers or not.

    Where there are several, each line has its Pod before it. Those that come later are followed, too.
    """
    if (everyone or job) and (scheduler or worker or (everyone and job)):
        raise click.UsageError("Choose one of --all, --job, and --scheduler with --worker.")
    from kubecluster.cli.following import follow_all, last  # noqa: PLC0415  # takes long to import
    from kubecluster.diagnosis.sight import name_of  # noqa: PLC0415

    with connected(place) as here:
        kubernetes, pods = _job_pods(here, name) if job else _cluster_pods(here, name, worker, only=scheduler)
        found = pods()
        if not found and not follow:
            remark(f"{name} has no such Pods at the moment, so that there are no logs.")
        several = len(found) > 1 or not (job or worker or scheduler)
        if follow:
            for told, line in follow_all(kubernetes, pods, tail):
                write(prefixed(told, line) if several else line)
            return
        for pod in found:
            for line in last(kubernetes, pod, tail):
                write(prefixed(name_of(pod), line) if several else line)


def prefixed(pod: str, line: str) -> str:
    """A line with its Pod before it, in that Pod's colour on a terminal."""
    mark = f"[{pod}]"
    colour = PALETTE[sum(pod.encode()) % len(PALETTE)]
    return f"{click.style(mark, fg=colour) if is_coloured() else mark} {line}"


def _cluster_pods(here: Here, name: str, workers: Sequence[str], *, only: bool) -> "tuple[Kubernetes, Pods]":
    """What finds a cluster's Pods of which the logs are wanted.

    Args:
        here: Where to look.
        name: The cluster's name.
        workers: The names of the workers' Pods; if there are none, all, but for `only`.
        only: Whether the scheduler's is wanted, and that of no worker but these.

    Raises:
        ClusterNotFound: there is no such cluster.
        RequestFailed: there is no such worker.
    """
    from kubecluster.diagnosis.sight import name_of  # noqa: PLC0415
    from kubecluster.errors import RequestFailed  # noqa: PLC0415
    from kubecluster.names import Component  # noqa: PLC0415

    resource = here.find(name)
    known = [name_of(pod) for pod in resource.pods(Component.WORKER)] if workers else []
    for worker in workers:
        if worker not in known:
            has = ", ".join(known) or "none"
            raise RequestFailed(f"The Dask cluster {resource} has no worker Pod {worker}; it has: {has}.")

    def pods() -> list["Body"]:
        return list(_chosen())

    def _chosen() -> Iterator["Body"]:
        if only or not workers:
            yield from resource.pods(Component.SCHEDULER)
        if workers or not only:
            yield from (pod for pod in resource.pods(Component.WORKER) if not workers or name_of(pod) in workers)

    return resource.kubernetes, pods


def _job_pods(here: Here, name: str) -> "tuple[Kubernetes, Pods]":
    """What finds the Pods that run, or ran, a job's script.

    Raises:
        ClusterNotFound: there is no such job.
    """
    return here.kubernetes, here.job(name).runners
