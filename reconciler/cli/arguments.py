"""What is asked on the command line: the command, the settings and how to print."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from reconciler.cli.help import (
    LOCAL_INTERVAL,
    LOCAL_OPTIONS,
    LOCAL_SETTINGS,
    MANIFEST_OPTIONS,
    OUTPUT_OPTIONS,
    PLAN_SETTINGS,
    RUN_OPTIONS,
)
from reconciler.cli.options import Option, SettingsError, option, options, read
from reconciler.cli.render import Output
from reconciler.daemon.settings import Settings, seconds
from reconciler.wire.wording import did_you_mean

DEFAULT_WAIT = "2m"
LONGEST_WAIT_SECONDS = 365 * 86400.0
"""More than that is as much: what is counted in larger numbers may not be a time any more."""


class UsageError(Exception):
    """The command line cannot be understood; the message says what to change."""


class Command(StrEnum):
    """What comes first on the command line."""

    RUN = "run"
    PLAN = "plan"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Invocation:
    """What is asked.

    Args:
        command: What to do.
        settings: The settings, from flags and environment.
        output: How to print.
        exit_code: Whether the exit code tells of changes.
        profile: Whether to tell what each stage of a pass cost.
        files: For `plan` and `local`: what to read.
        namespace: For `plan` and `local`: the namespace of manifests that name none.
        wait_seconds: For `local`: for how long to wait until all is ready, and then end; `None` to go on.
        no_retry: For `local`: whether to end when the command of a job fails for the first time.
        shift_ports: For `local`: whether Pods share one loopback address; `None` where they must.
        kubeconfig: For `local`: the kubeconfig file to write; `None` for one in the run's directory.
    """

    command: Command
    settings: Settings
    output: Output = Output.TABLE
    exit_code: bool = False
    profile: bool = False
    files: tuple[str, ...] = ()
    namespace: str = "default"
    wait_seconds: float | None = None
    no_retry: bool = False
    shift_ports: bool | None = None
    kubeconfig: str | None = None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        words = re.sub(r"expected (one|at least one) argument", "needs a value", message.removeprefix("argument "))
        raise UsageError(f"{words.replace(': ', ' ', 1)}.")


def parse(arguments: Sequence[str]) -> Invocation:
    """What the arguments and the environment ask for.

    Raises:
        UsageError: an option is unknown or incomplete, or two do not go together.
        SettingsError: a setting cannot have that value.
    """
    command, rest = command_of(arguments)
    parser, flags = _parser(command)
    _check_wait(rest)
    # Or a file named after it would be taken for the duration.
    whole = [f"--wait={DEFAULT_WAIT}" if argument == "--wait" else argument for argument in rest]
    given, unknown = parser.parse_known_args(whole)
    if unknown:
        raise UsageError(_unknown(command, unknown[0], flags))
    return _invocation(command, vars(given))


def _check_wait(arguments: Sequence[str]) -> None:
    """Refuse a duration that would be taken for a file, since it stands behind `--wait` and a space.

    Raises:
        UsageError: it says how the duration is written.
    """
    for argument, following in pairwise(arguments):
        if argument == "--wait" and _is_duration(following) and not Path(following).exists():
            raise UsageError(f"--wait takes its duration behind an equals sign; write --wait={following}")


def command_of(arguments: Sequence[str]) -> tuple[Command, Sequence[str]]:
    """The command, and the arguments without its word."""
    first = arguments[0] if arguments else ""
    return (Command(first), arguments[1:]) if first in list(Command) else (Command.RUN, arguments)


def _parser(command: Command) -> tuple[_Parser, tuple[str, ...]]:
    parser = _Parser(add_help=False, allow_abbrev=False, prog="dask-reconciler")
    settings = [option(field) for field in _SETTINGS.get(command) or [each.field for each in options()]]
    for each in settings:
        _add(parser, each)
    own: tuple[Option, ...] = RUN_OPTIONS
    if command is Command.LOCAL:
        own = LOCAL_OPTIONS
        parser.add_argument("filename", nargs="*", default=[])
        parser.add_argument("--wait")
        parser.add_argument("--no-retry", action="store_true")
        parser.add_argument("--shift-ports", action="store_true", default=None)
        parser.add_argument("--kubeconfig", dest="kubeconfig_file")
    else:
        parser.add_argument("-o", "--output", choices=[each.value for each in Output], default=Output.TABLE, type=str)
        parser.add_argument("--exit-code", action="store_true")
    if command is Command.RUN:
        parser.add_argument("--profile", action="store_true")
    if command is Command.PLAN:
        parser.add_argument("-f", "--filename", action="extend", nargs="+", default=[])
        own = (*OUTPUT_OPTIONS, *MANIFEST_OPTIONS)
    if command is not Command.RUN:
        parser.add_argument("--namespace", default="default")
    return parser, (*(each.flag for each in (*settings, *own)), "--help", "--version")


_SETTINGS = {Command.PLAN: PLAN_SETTINGS, Command.LOCAL: LOCAL_SETTINGS}
"""The settings of commands that have not all of them."""


def _add(parser: _Parser, each: Option) -> None:
    if each.field == "namespaces":
        parser.add_argument(each.flag, action="append", default=argparse.SUPPRESS)
    elif each.placeholder:
        parser.add_argument(each.flag, default=argparse.SUPPRESS)
    else:
        parser.add_argument(each.flag, nargs="?", const="true", default=argparse.SUPPRESS)


def _unknown(command: Command, argument: str, flags: Sequence[str]) -> str:
    if command is Command.PLAN and not argument.startswith("-"):
        return f"{argument!r} belongs to no option; manifests are named with -f: dask-reconciler plan -f {argument}"
    if argument in (Command.PLAN, Command.LOCAL):
        return f"`{argument}` must come first: dask-reconciler {argument} {'-f ' * (argument == Command.PLAN)}FILE…"
    if not argument.startswith("-"):
        return f"{argument!r} is no command{did_you_mean(argument, Command)}; the commands are {', '.join(Command)}."
    flag = argument.partition("=")[0]
    return f"There is no option {flag}{did_you_mean(flag, flags)}."


def _invocation(command: Command, asked: dict[str, Any]) -> Invocation:
    if command is Command.LOCAL:
        return _local(asked)
    output, exit_code = Output(asked.pop("output")), asked.pop("exit_code")
    files, namespace = tuple(asked.pop("filename", ())), asked.pop("namespace", "default")
    if "namespaces" in asked:
        asked["namespaces"] = ",".join(asked["namespaces"])
    if command is Command.PLAN:
        if not files:
            raise UsageError("Name at least one manifest: dask-reconciler plan -f FILE…, or -f - for standard input.")
        # The environment's scope is that of a daemon; manifests are planned wherever they belong.
        settings = read({**asked, "namespaces": ()})
        return Invocation(command, settings, output, exit_code, files=files, namespace=namespace)
    profile = asked.pop("profile")
    settings = read(asked)
    _check(settings, output, exit_code=exit_code, profile=profile)
    return Invocation(command, settings, output, exit_code, profile)


def _local(asked: dict[str, Any]) -> Invocation:
    files, namespace = tuple(asked.pop("filename")), asked.pop("namespace")
    wait, no_retry, shift_ports = asked.pop("wait"), asked.pop("no_retry"), asked.pop("shift_ports")
    kubeconfig = asked.pop("kubeconfig_file")
    if wait is not None and not files:
        raise UsageError("--wait waits for what files ask for; name some: dask-reconciler local --wait FILE…")
    try:
        wait_seconds = None if wait is None else min(float(seconds(wait)), LONGEST_WAIT_SECONDS)
    except ValueError as error:
        raise UsageError(f"--wait is {wait!r}; {error}.") from error
    # The environment's scope and interval are those of a daemon in a cluster.
    settings = read({"interval": LOCAL_INTERVAL, **asked, "namespaces": ()})
    return Invocation(
        Command.LOCAL,
        settings,
        files=files,
        namespace=namespace,
        wait_seconds=wait_seconds,
        no_retry=no_retry,
        shift_ports=shift_ports,
        kubeconfig=kubeconfig,
    )


def _is_duration(text: str) -> bool:
    try:
        seconds(text)
    except ValueError:
        return False
    return True


def _check(settings: Settings, output: Output, *, exit_code: bool, profile: bool) -> None:
    if exit_code and not (settings.once and settings.dry_run):
        raise UsageError("--exit-code tells whether a plan has changes; add --once --dry-run.")
    if profile and not settings.once:
        raise UsageError("--profile measures one pass; add --once, or --once --dry-run.")
    if output is not Output.TABLE and not settings.once:
        raise UsageError("--output prints one pass; add --once, or --once --dry-run.")


__all__ = ["Command", "Invocation", "SettingsError", "UsageError", "command_of", "parse"]
