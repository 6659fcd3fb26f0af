"""`forward` and `dashboard`: ports of this machine that lead to a cluster, until Ctrl-C."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from kubecluster.cli.command import Command, WholeNumber
from kubecluster.cli.place import Here, Place, connected, placed
from kubecluster.cli.words import WARNING, is_terminal, remark, say

if TYPE_CHECKING:
    from kubecluster.forward import Forward
    from kubecluster.resource import ClusterResource

COMM_PORT, DASHBOARD_PORT = 8786, 8787
LOOK_SECONDS = 2.0
FORWARD_EXAMPLES = {
    "the scheduler at 127.0.0.1:8786, the dashboard at 127.0.0.1:8787": "forward simple",
    "at other ports; 0 is any free one": "forward simple --port 9000 --dashboard-port 0",
}
DASHBOARD_EXAMPLES = {
    "see it in a browser": "dashboard simple",
    "print its address alone": "dashboard simple --no-open",
}
_PORT = WholeNumber(0, 65535)


@dataclass(frozen=True, slots=True)
class LocalPort:
    """A port of this machine that leads to the scheduler's Pod.

    Args:
        what: What is behind it.
        ports: The names or numbers of the Service's port.
        asked: The local port that was asked for; `None` if none was.
        usual: The local port otherwise, if it is free.
        option: What it is asked for by.
        may_lack: Whether it is left out if the Service has no such port.
    """

    what: str
    ports: Sequence[str | int]
    asked: int | None
    usual: int
    option: str
    may_lack: bool = False


@click.command("forward", cls=Command, examples=FORWARD_EXAMPLES)
@click.argument("name")
@click.option("--port", type=_PORT, metavar="PORT", help=f"The scheduler's local port; {COMM_PORT} if it is free.")
@click.option("--dashboard-port", type=_PORT, metavar="PORT", help=f"The dashboard's; {DASHBOARD_PORT} if it is free.")
@click.option("--address", default="127.0.0.1", metavar="ADDRESS", help="Where to listen; by default here alone.")
@placed
def forward_command(*, place: Place, name: str, port: int | None, dashboard_port: int | None, address: str) -> None:
    """Reach the cluster NAME from this machine, until Ctrl-C.

    The ports stay open whatever happens behind them: after a dropped connection the next one goes through, and a Client
    reconnects by itself. If the scheduler is replaced, they lead to the new one. If the cluster is deleted, the command
    says so and ends.
    """
    from kubecluster.access import COMM_PORTS, DASHBOARD_PORTS  # noqa: PLC0415  # takes long to import

    ports = (
        LocalPort("scheduler", COMM_PORTS, port, COMM_PORT, "--port"),
        LocalPort("dashboard", DASHBOARD_PORTS, dashboard_port, DASHBOARD_PORT, "--dashboard-port", may_lack=True),
    )

    def show(places: Mapping[str, str]) -> None:
        if "scheduler" in places:
            say(f'The scheduler: tcp://{places["scheduler"]}   Client("tcp://{places["scheduler"]}")')
        if "dashboard" in places:
            say(f"The dashboard: http://{places['dashboard']}/status")

    _hold(place, name, ports, show, address)


@click.command("dashboard", cls=Command, examples=DASHBOARD_EXAMPLES)
@click.argument("name")
@click.option("--port", type=_PORT, metavar="PORT", help=f"The local port; {DASHBOARD_PORT} if it is free.")
@click.option("--open/--no-open", "opens", default=None, help="Open it in a browser; by default where there is one.")
@placed
def dashboard_command(*, place: Place, name: str, port: int | None, opens: bool | None) -> None:
    """Open the dashboard of the cluster NAME, and keep the way to it open until Ctrl-C."""
    from kubecluster.access import DASHBOARD_PORTS  # noqa: PLC0415  # takes long to import

    def show(places: Mapping[str, str]) -> None:
        link = f"http://{places['dashboard']}/status"
        say(link)
        if has_browser(os.environ) if opens is None else opens:
            import webbrowser  # noqa: PLC0415

            webbrowser.open(link)

    _hold(place, name, (LocalPort("dashboard", DASHBOARD_PORTS, port, DASHBOARD_PORT, "--port"),), show)


def has_browser(environment: Mapping[str, str]) -> bool:
    """Whether somebody sits here, before a screen.

    Args:
        environment: The environment's variables.
    """
    if not is_terminal() or "SSH_CONNECTION" in environment:
        return False
    return sys.platform == "darwin" or any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _hold(
    place: Place,
    name: str,
    ports: Sequence[LocalPort],
    show: Callable[[Mapping[str, str]], None],
    address: str = "127.0.0.1",
) -> None:
    """Open the ports, print where they are, and keep them open.

    Raises:
        ClusterGone: the cluster was deleted.
        KeyboardInterrupt: it is enough.
    """
    from kubecluster.cli.scheduler_changes import SchedulerChanges, look  # noqa: PLC0415

    with connected(place) as here, ExitStack() as stack:
        resource = here.find(name)
        _await_scheduler(here, resource)
        changes = SchedulerChanges(look(resource).scheduler)
        opened = {port.what: _opened(resource, port, address) for port in ports}
        forwards = {what: stack.enter_context(forward) for what, forward in opened.items() if forward is not None}
        show({what: f"{forward.local_address}:{forward.local_port}" for what, forward in forwards.items()})
        sys.stdout.flush()
        remark(f"{_what_ends_it()} ends it; the cluster stays.")
        failures: dict[str, str | None] = {}
        while True:
            time.sleep(LOOK_SECONDS)
            news = changes.news(look(resource))
            if news:
                remark(news, WARNING)
            for what, forward in forwards.items():
                if forward.last_error and forward.last_error != failures.get(what):
                    remark(f"A connection to the {what} failed: {forward.last_error}", WARNING)
                failures[what] = forward.last_error


def _what_ends_it() -> str:
    """Ctrl-C, if SIGINT was not ignored at the start, as it is where a script leaves a program in the background."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    return f"SIGTERM (kill {os.getpid()})" if ignored else "Ctrl-C"


def _await_scheduler(here: Here, resource: "ClusterResource") -> None:
    """Wait until the scheduler is ready; nothing is shown if it is.

    Raises:
        NotReady: it does not become so.
    """
    from kubecluster.diagnosis import diagnose  # noqa: PLC0415
    from kubecluster.diagnosis.waiting_since import waiting_since  # noqa: PLC0415
    from kubecluster.progress import Progress  # noqa: PLC0415
    from kubecluster.waiting import Waiting, has_scheduler  # noqa: PLC0415

    sight = resource.sight(with_events=False)
    if diagnose(waiting_since(sight), sight).scheduler_ready:
        return
    with Progress(f"Waiting for the Dask cluster {resource}", quiet=False) as progress:
        options = here.options
        asyncio.run(Waiting(resource, progress, options.resource_timeout).until(has_scheduler, options.wait_timeout))


def _opened(resource: "ClusterResource", wanted: LocalPort, address: str) -> "Forward | None":
    """A local port; the usual one if nobody asked for another, or else any. `None` if nothing can be behind it.

    Raises:
        ForwardFailed: it cannot be opened, or what is asked for is not there.
    """
    from kubecluster.access import forward_to, service_port  # noqa: PLC0415
    from kubecluster.diagnosis.sight import name_of  # noqa: PLC0415
    from kubecluster.errors import ForwardFailed  # noqa: PLC0415

    port = service_port(service := resource.service(), wanted.ports)
    if port is None and wanted.may_lack:
        return None
    if port is None:
        raise ForwardFailed(f"The Service {name_of(service)} of {resource} has no port for the {wanted.what}.")

    opening = partial(forward_to, resource, port, local_address=address)
    try:
        return opening(local_port=wanted.usual if wanted.asked is None else wanted.asked)
    except ForwardFailed as error:
        if wanted.asked is not None:
            words = str(error).partition(" Choose")[0]
            raise ForwardFailed(f"{words} Give another {wanted.option}, or 0 for any free one.") from None
        remark(f"Port {wanted.usual} is taken here; the {wanted.what} gets another.", WARNING)
        return opening()
