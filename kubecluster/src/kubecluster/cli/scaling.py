"""`scale` and `adapt`: how many workers there are."""

import click

from kubecluster.cli.command import Command, WholeNumber
from kubecluster.cli.ending import checked
from kubecluster.cli.place import Place, connected, placed
from kubecluster.cli.words import say

DEFAULT = "default"
SCALE_EXAMPLES = {
    "five workers": "scale simple 5",
    "none, and the scheduler stays": "scale simple 0",
    "those of another worker group": "scale simple 2 --group highmem",
}
ADAPT_EXAMPLES = {
    "between none and ten": "adapt simple --minimum 0 --maximum 10",
    "as many as there is room for": "adapt simple --minimum 2",
    "no longer": "adapt simple --off",
}


@click.command("scale", cls=Command, examples=SCALE_EXAMPLES)
@click.argument("name")
@click.argument("workers", type=WholeNumber(min=0), metavar="N")
@click.option("--group", default=DEFAULT, metavar="GROUP", help="The worker group; by default the cluster's own.")
@placed
def scale_command(*, place: Place, name: str, workers: int, group: str) -> None:
    """Set how many workers the cluster NAME has: N of them.

    They come and go after that. Those go that it costs least, when their tasks have ended and others have what they
    hold. A group that followed the work there is (adapt) no longer does.
    """
    from kubecluster import groups  # noqa: PLC0415  # takes long to import

    with connected(place) as here:
        resource = here.find(name)
        with checked():
            groups.scale(resource, workers, group)
        say(f"{resource}: {_number(workers)}{_of(group)}. `{here.hint('explain', here.shown(resource))}` says how far.")


@click.command("adapt", cls=Command, examples=ADAPT_EXAMPLES)
@click.argument("name")
@click.option("--minimum", type=WholeNumber(min=0), metavar="N", help="The least number; by default 0.")
@click.option("--maximum", type=WholeNumber(min=0), metavar="N", help="The greatest; by default there is none.")
@click.option("--group", default=DEFAULT, metavar="GROUP", help="The worker group; by default the cluster's own.")
@click.option("--off", is_flag=True, help="Leave the number as it is from now on.")
@placed
def adapt_command(  # noqa: PLR0913  # one for each option
    *, place: Place, name: str, minimum: int | None, maximum: int | None, group: str, off: bool
) -> None:
    """Let the number of workers of the cluster NAME follow the work there is.

    More come at once when its scheduler would like more; they go when fewer were enough for a while.
    """
    from kubecluster import groups  # noqa: PLC0415  # takes long to import

    if off and (minimum, maximum) != (None, None):
        raise click.UsageError("--off leaves the number as it is: leave --minimum and --maximum out.")
    if not off and minimum is None and maximum is None:
        raise click.UsageError("Give --minimum, --maximum or both; or --off.")
    with checked():
        adapting = groups.Adapting(minimum, maximum)
    with connected(place) as here:
        resource = here.find(name)
        with checked():
            if off:
                resource.stop_adapting(group)
                say(f"{resource}: the number of workers{_of(group)} is left as it is.")
                return
            groups.adapt(resource, adapting, group)
        most = f"to {maximum}" if maximum is not None else "or more"
        say(f"{resource}: {adapting.minimum} {most} workers{_of(group)}, as there is work.")


def _number(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"


def _of(group: str) -> str:
    return "" if group == DEFAULT else f" of group {group}"
