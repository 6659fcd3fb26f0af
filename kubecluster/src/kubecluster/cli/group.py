"""The commands, each imported when it is used: `--help` is there at once."""

import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from kubecluster._version import __version__
from kubecluster.cli.ending import INTERRUPTED, ending

COMMANDS: Mapping[str, tuple[str, str]] = {
    "create": ("creation", "Make a cluster that stays, and see it start."),
    "list": ("listing", "List the clusters, and why one is not ready."),
    "explain": ("explaining", "Say in a sentence why a cluster is not ready, or a job does not run, and what to do."),
    "scale": ("scaling", "Set how many workers there are."),
    "adapt": ("scaling", "Let the number of workers follow the work there is."),
    "logs": ("logs", "Show what the scheduler and the workers have written."),
    "dashboard": ("forwarding", "Open the dashboard."),
    "forward": ("forwarding", "Reach a cluster's scheduler from this machine."),
    "submit": ("submission", "Run a Python script on a cluster of its own."),
    "delete": ("deletion", "Delete clusters or jobs, and all that belongs to them."),
}
"""By name: the module, and what it does in a sentence."""


class Commands(click.Group):
    """The group of all commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # as click has it
        """The commands' names, in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """A command by its name; `None` if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = getattr(import_module(f"kubecluster.cli.{module}"), f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is asked for.

        Raises:
            UsageError: there is none of that name.
        """
        name = args[0]
        close = get_close_matches(name, COMMANDS, n=1)
        if name not in COMMANDS and close and not ctx.resilient_parsing and not name.startswith("-"):
            ctx.fail(f"No such command {name!r}; did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; errors are told in words."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        with ending():
            return super().invoke(ctx)


@click.group(cls=Commands, name="kube", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="dask-kubecluster %(version)s")
def kube() -> None:
    """Dask clusters on Kubernetes.

    A NAME is a cluster's, with its namespace before it if you like, as in analysis/simple; simple finds the cluster
    simple-cluster, too. Each command's --help has examples.
    """


def main() -> None:
    """The command as kubectl's plug-in: `kubectl dask`."""
    try:
        kube.main(prog_name="kubectl dask")
    except KeyboardInterrupt:
        # Before a command began, or after it.
        sys.exit(INTERRUPTED)
