"""From the command line to an exit code."""

import os
import sys
from collections.abc import Sequence

import structlog

from reconciler import __version__
from reconciler.api import NoCluster
from reconciler.cli import help as helping
from reconciler.cli.arguments import Command, Invocation, SettingsError, UsageError, command_of, parse
from reconciler.cli.local import CannotRun, run_local
from reconciler.cli.offline import plan_manifests
from reconciler.cli.once import run_once
from reconciler.cli.options import unknown_variables
from reconciler.daemon.endpoints import ServerError
from reconciler.daemon.exitcodes import DONE, FAILED, INTERRUPTED, USAGE
from reconciler.daemon.log import configure
from reconciler.daemon.run import run_daemon


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for.

    Args:
        arguments: The command line without the command's name; the process's own by default.

    Returns:
        The exit code; `--help` lists them.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = _main(given)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has gone, and needs to hear nothing of it; nor at exit, when Python flushes again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _main(arguments: Sequence[str]) -> int:
    command, rest = command_of(arguments)
    if {"-h", "--help"} & set(rest):
        helping.show(sys.stdout, command)
        return DONE
    if "--version" in rest:
        sys.stdout.write(f"dask-reconciler {__version__}\n")
        return DONE
    try:
        invocation = parse(arguments)
    except (UsageError, SettingsError) as error:
        _complain(f"{error}\nSee dask-reconciler {'' if command is Command.RUN else f'{command} '}--help.")
        # With --exit-code, 2 means that there are changes.
        return FAILED if "--exit-code" in arguments else USAGE
    configure(invocation.settings.log_format, invocation.settings.log_level)
    for warning in unknown_variables(os.environ):
        structlog.get_logger("reconciler").warning("settings.unknown", message=warning)
    return _run(invocation)


def _run(invocation: Invocation) -> int:
    if invocation.command is Command.PLAN:
        return plan_manifests(invocation)
    try:
        if invocation.command is Command.LOCAL:
            return run_local(invocation)
        if invocation.settings.once:
            return run_once(invocation)
        return run_daemon(invocation.settings)
    except (NoCluster, ServerError, CannotRun) as error:
        _complain(str(error))
        return FAILED


def _complain(message: str) -> None:
    sys.stderr.write("".join(f"dask-reconciler: {line}\n" for line in message.splitlines()))
