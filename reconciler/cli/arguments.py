"""What is asked on the command line: the command, the settings and how to print."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

from reconciler.cli.help import MANIFEST_OPTIONS, OUTPUT_OPTIONS, PLAN_SETTINGS
from reconciler.options import Option, SettingsError, option, options, read
from reconciler.render import Output
from reconciler.settings import Settings
from reconciler.wording import did_you_mean


class UsageError(Exception):
    """The command line cannot be understood; the message says what to change."""


class Command(StrEnum):
    """What comes first on the command line."""

    RUN = "run"
    PLAN = "plan"


@dataclass(frozen=True, slots=True)
class Invocation:
    """What is asked.

    Args:
        command: What to do.
        settings: The settings, from flags and environment.
        output: How to print.
        exit_code: Whether the exit code tells of changes.
        files: For `plan`: what to read.
        namespace: For `plan`: the namespace of manifests that name none.
    """

    command: Command
    settings: Settings
    output: Output = Output.TABLE
    exit_code: bool = False
    files: tuple[str, ...] = ()
    namespace: str = "default"


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
    given, unknown = parser.parse_known_args(rest)
    if unknown:
        raise UsageError(_unknown(command, unknown[0], flags))
    return _invocation(command, vars(given))


def command_of(arguments: Sequence[str]) -> tuple[Command, Sequence[str]]:
    """The command, and the arguments without its word."""
    first = arguments[0] if arguments else ""
    return (Command(first), arguments[1:]) if first in list(Command) else (Command.RUN, arguments)


def _parser(command: Command) -> tuple[_Parser, tuple[str, ...]]:
    fields = PLAN_SETTINGS if command is Command.PLAN else tuple(each.field for each in options())
    parser = _Parser(add_help=False, allow_abbrev=False, prog="dask-reconciler")
    settings = [option(field) for field in fields]
    for each in settings:
        _add(parser, each)
    parser.add_argument("--output", choices=[each.value for each in Output], default=Output.TABLE, type=str)
    parser.add_argument("--exit-code", action="store_true")
    flags = [each.flag for each in (*settings, *OUTPUT_OPTIONS)] + ["--help", "--version"]
    if command is Command.PLAN:
        parser.add_argument("-f", "--filename", action="extend", nargs="+", default=[])
        parser.add_argument("--namespace", default="default")
        flags += [each.flag for each in MANIFEST_OPTIONS]
    return parser, tuple(flags)


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
    if argument == "plan":
        return "`plan` must come first: dask-reconciler plan -f FILE…"
    if not argument.startswith("-"):
        return f"{argument!r} is no command{did_you_mean(argument, Command)}; the commands are {' and '.join(Command)}."
    flag = argument.partition("=")[0]
    return f"There is no option {flag}{did_you_mean(flag, flags)}."


def _invocation(command: Command, asked: dict[str, Any]) -> Invocation:
    output, exit_code = Output(asked.pop("output")), asked.pop("exit_code")
    files, namespace = tuple(asked.pop("filename", ())), asked.pop("namespace", "default")
    if "namespaces" in asked:
        asked["namespaces"] = ",".join(asked["namespaces"])
    if command is Command.PLAN:
        if not files:
            raise UsageError("Name at least one manifest: dask-reconciler plan -f FILE…, or -f - for standard input.")
        # The environment's scope is that of a daemon; manifests are planned wherever they belong.
        settings = read({**asked, "namespaces": ()})
        return Invocation(command, settings, output, exit_code, files, namespace)
    settings = read(asked)
    _check(settings, output, exit_code=exit_code)
    return Invocation(command, settings, output, exit_code)


def _check(settings: Settings, output: Output, *, exit_code: bool) -> None:
    if exit_code and not (settings.once and settings.dry_run):
        raise UsageError("--exit-code tells whether a plan has changes; add --once --dry-run.")
    if output is not Output.TABLE and not settings.once:
        raise UsageError("--output prints one pass; add --once, or --once --dry-run.")


__all__ = ["Command", "Invocation", "SettingsError", "UsageError", "command_of", "parse"]
