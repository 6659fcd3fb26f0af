"""`create`: a cluster that stays."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from kubecluster.cli.command import Command, Number, WholeNumber
from kubecluster.cli.formats import written
from kubecluster.cli.making import described, pairs, with_workers
from kubecluster.cli.place import Here, Place, connected, placed
from kubecluster.cli.words import remark, say

if TYPE_CHECKING:
    from kubecluster.diagnosis import Sight, Verdict
    from kubecluster.options import Options
    from kubecluster.progress import Progress
    from kubecluster.resource import ClusterResource

EXAMPLES = {
    "three workers": "create simple --workers 3",
    "large ones, with an image of one's own": "create big --image mine:1 --workers 20 --cpu 4 --memory 16Gi",
    "one GPU each": "create rapids-dask --image rapidsai/base --workers 2 --gpus 1",
    "a manifest to look at, to keep or to apply": "create simple --workers 3 --dry-run > simple.yaml",
    "from a manifest": "create --file simple.yaml",
}


@click.command("create", cls=Command, examples=EXAMPLES)
@click.argument("name", required=False)
@described
@click.option("--file", type=click.Path(exists=True, dir_okay=False), help="A DaskCluster in YAML, in place of these.")
@click.option("--service-type", metavar="TYPE", help="The scheduler's Service: ClusterIP, NodePort or LoadBalancer.")
@click.option("--jupyter", is_flag=True, help="Run Jupyter beside the scheduler.")
@click.option(
    "--idle-timeout",
    type=WholeNumber(min=0),
    metavar="SECONDS",
    help="Delete it when it was idle so long.",
)
@click.option("--label", multiple=True, metavar="NAME=VALUE", help="A label of all its objects.")
@click.option("--naming", metavar="classic|current", help="How its objects are called; by default classic.")
@click.option("--wait/--no-wait", default=True, help="Wait until its scheduler is ready; the default.")
@click.option("--wait-for-workers", is_flag=True, help="Wait until all its workers are ready, too.")
@click.option("--timeout", type=Number(min=0, min_open=True), metavar="SECONDS", help="For how long to wait.")
@click.option("--dry-run", is_flag=True, help="Print the manifest alone; no Kubernetes is asked.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), help="Likewise, in that format.")
@placed
def create_command(  # noqa: PLR0913  # one for each option
    *,
    place: Place,
    wanted: dict[str, Any],
    name: str | None,
    file: str | None,
    service_type: str | None,
    jupyter: bool,
    idle_timeout: int | None,
    label: tuple[str, ...],
    naming: str | None,
    wait: bool,
    wait_for_workers: bool,
    timeout: float | None,
    dry_run: bool,
    output: str | None,
) -> None:
    """Make a cluster that stays until somebody deletes it, and see it start.

    Its name is NAME under current naming, and NAME-cluster under classic; every command finds it as NAME. Without one
    it is called after you.

    What is not given is as Dask's configuration says, below kubernetes.
    """
    if name is not None and file is not None:
        raise click.UsageError("The manifest names the cluster: leave NAME out.")
    namespace, short = place.split(name) if name else (place.namespace, None)
    more = {
        "custom_cluster_spec": file,
        "scheduler_service_type": service_type,
        "jupyter": jupyter or None,
        "idle_timeout": idle_timeout,
        "labels": pairs(label, "--label") or None,
        "naming": naming,
        "wait_timeout": timeout,
        "resource_timeout": timeout,
    }
    place = Place(namespace, place.context, place.kubeconfig)
    options = place.options(short, **wanted, **more, create_mode="CREATE_ONLY", shutdown_on_close=False)
    options = with_workers(options, wanted)
    if dry_run or output:
        say(written(manifest(options), output or "yaml"))
        return
    with connected(place, options) as here:
        _make(here, wait=wait, all_workers=wait_for_workers)


def manifest(options: "Options") -> dict[str, Any]:
    """The DaskCluster that would be made."""
    from kubecluster.names import NAMING  # noqa: PLC0415

    body = options.manifest()
    metadata = body["metadata"]
    metadata["annotations"] = {NAMING: str(options.naming), **(metadata.get("annotations") or {})}
    if options.namespace:
        metadata["namespace"] = options.namespace
    return body


def _make(here: Here, *, wait: bool, all_workers: bool) -> None:
    """Make the cluster, and wait for it.

    Raises:
        KubeClusterError: it is not made, or does not become ready.
    """
    from kubecluster.errors import KubeClusterError  # noqa: PLC0415
    from kubecluster.progress import Progress  # noqa: PLC0415

    options = here.options
    with Progress(f"Creating the Dask cluster {options.name}", quiet=not wait or options.quiet) as progress:
        resource = _made(here, progress)
        explain, delete = (here.hint(command, here.shown(resource)) for command in ("explain", "delete"))
        left = f"`{explain}` says how it is, `{delete}` deletes it."
        try:
            sight = asyncio.run(_ready(resource, options, progress, all_workers=all_workers)) if wait else None
        except KubeClusterError as error:
            error.add_note(left)
            raise
        except KeyboardInterrupt:
            progress.close()
            remark(f"\nThe Dask cluster {resource} goes on starting. {left}")
            raise
    say(f"The Dask cluster {resource} {_state(sight)}")
    for what, line in _ways(here, resource, sight).items():
        say(f"  {what:<20} {line}")


def _made(here: Here, progress: "Progress") -> "ClusterResource":
    """The cluster, which is new.

    Raises:
        AlreadyExists: there is one.
        KubeClusterError: it is not made.
    """
    from kubecluster import resource, starting  # noqa: PLC0415
    from kubecluster.errors import AlreadyExists  # noqa: PLC0415

    try:
        return asyncio.run(starting.find_or_make(here.kubernetes, here.options, progress)).resource
    except AlreadyExists:
        old = resource.ClusterResource(here.kubernetes, here.namespace, here.options.names.cluster)
        raise AlreadyExists(
            f"There is a Dask cluster {old} already. Choose another name, or delete it: "
            f"`{here.hint('delete', here.shown(old))}`."
        ) from None


async def _ready(
    resource: "ClusterResource", options: "Options", progress: "Progress", *, all_workers: bool
) -> "Sight":
    """What is seen once the cluster is ready.

    Raises:
        NotReady: it does not become so.
    """
    from kubecluster.waiting import Waiting  # noqa: PLC0415

    async def is_enough(verdict: "Verdict") -> bool:
        return verdict.failure is None if all_workers else verdict.scheduler_ready

    return await Waiting(resource, progress, options.resource_timeout).until(is_enough, options.wait_timeout)


def _state(sight: "Sight | None") -> str:
    """The end of a sentence about a cluster, as it was seen last."""
    if sight is None:
        return "is created."
    from kubecluster.diagnosis import diagnose  # noqa: PLC0415

    verdict = diagnose(sight.at, sight)
    as_yet = " as yet" if verdict.workers_ready < verdict.workers_wanted else ""
    return f"is ready, with {verdict.workers_ready} of {verdict.workers_wanted} workers{as_yet}."


def _ways(here: Here, resource: "ClusterResource", sight: "Sight | None") -> dict[str, str]:
    """How the cluster is reached, from where."""
    from kubecluster.diagnosis.sight import text  # noqa: PLC0415

    name = here.shown(resource)
    inside = f"tcp://{resource.name}-scheduler.{resource.namespace}.svc:8786"
    address = text(sight.cluster, "status", "schedulerAddress") if sight else ""
    return {
        "from here": here.hint("forward", name),
        "from Python": f'KubeCluster.from_name("{name}")',
        "from a Pod": f'Client("{address or inside}")',
        "its dashboard": here.hint("dashboard", name),
        "how it is": here.hint("explain", name),
        "to delete it": here.hint("delete", name),
    }
