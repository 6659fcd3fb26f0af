"""What a new cluster is to be, as one types it."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from kubecluster.cli.command import WholeNumber

if TYPE_CHECKING:
    from kubecluster.options import Options

Function = Callable[..., None]

USUAL_WORKERS = 3
"""How many workers there are if neither people nor Dask's configuration say."""

_OPTIONS = (
    click.option("--image", help="The image of the scheduler and the workers."),
    click.option(
        "--workers",
        type=WholeNumber(min=0),
        metavar="N",
        help=f"How many workers; by default what Dask's configuration says, else {USUAL_WORKERS}.",
    ),
    click.option("--gpus", type=WholeNumber(min=0), metavar="N", help="NVIDIA GPUs of each worker."),
    click.option("--cpu", metavar="AMOUNT", help="CPUs of each worker, and of the scheduler, such as 2 or 500m."),
    click.option("--memory", metavar="AMOUNT", help="Their memory, such as 4Gi."),
    click.option(
        "--resources",
        metavar="JSON",
        help='Their limits and requests, in place of --cpu and --memory: \'{"limits": {"memory": "4Gi"}}\'.',
    ),
    click.option(
        "-e", "--env", multiple=True, metavar="NAME=VALUE", help="An environment variable; may be given several times."
    ),
    click.option("--worker-command", metavar="COMMAND", help="What workers run, in place of the usual command."),
)


def described(function: Function) -> Function:
    """A command that says what a new cluster is to be; it gets KubeCluster's arguments as `wanted`."""

    @functools.wraps(function)
    def with_wanted(**given: Any) -> None:
        names = ("image", "workers", "gpus", "cpu", "memory", "resources", "env", "worker_command")
        wanted = arguments(**{name: given.pop(name) for name in names})
        function(wanted=wanted, **given)

    return functools.reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), with_wanted)


def arguments(  # noqa: PLR0913  # one for each option
    *,
    image: str | None,
    workers: int | None,
    gpus: int | None,
    cpu: str | None,
    memory: str | None,
    resources: str | None,
    env: Sequence[str],
    worker_command: str | None,
) -> dict[str, Any]:
    """The arguments of KubeCluster that the options stand for; `None` for what is not given.

    Raises:
        UsageError: one of them makes no sense, or contradicts another.
    """
    return {
        "image": image,
        "n_workers": workers,
        "gpus": gpus,
        "resources": amounts(cpu, memory, resources),
        "env": pairs(env, "--env") or None,
        "worker_command": worker_command,
    }


def amounts(cpu: str | None, memory: str | None, resources: str | None) -> Any:
    """Limits and requests from amounts, which are both; or from JSON.

    Raises:
        UsageError: it is no JSON, or there are both.
    """
    given = {name: amount for name, amount in (("cpu", cpu), ("memory", memory)) if amount is not None}
    if resources is None:
        return {"limits": given, "requests": given} if given else None
    if given:
        raise click.UsageError("--resources stands in place of --cpu and --memory; leave one or the other out.")
    try:
        return json.loads(resources)
    except ValueError as error:
        example = '\'{"limits": {"memory": "4Gi"}}\''
        raise click.UsageError(f"--resources is {resources!r}, which is no JSON ({error}); write {example}.") from None


def pairs(given: Sequence[str], option: str) -> Mapping[str, str]:
    """Names and values, of which a value may have `=` in it.

    Raises:
        UsageError: one has no `=`. Its value stays out of the error: it may be secret.
    """
    found = {}
    for number, one in enumerate(given, 1):
        name, sign, value = one.partition("=")
        if not sign or not name:
            which = f"number {number} of them" if len(given) > 1 else "it"
            raise click.UsageError(f"{option} takes NAME=VALUE, and {which} has no {'name' if sign else '='}.")
        found[name] = value
    return found


def with_workers(options: "Options", wanted: Mapping[str, Any]) -> "Options":
    """The options, with as many workers as is usual if nobody has said how many."""
    if options.n_workers or wanted["n_workers"] is not None or options.custom_cluster_spec is not None:
        return options
    return replace(options, n_workers=USUAL_WORKERS)
