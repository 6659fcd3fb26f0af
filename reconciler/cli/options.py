"""The settings as flags and environment variables, and what is wrong with a value, in their words."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from reconciler.daemon.settings import ENVIRONMENT_PREFIX, Settings
from reconciler.wire.wording import did_you_mean, wrongs

GROUPS: Mapping[str, tuple[str, ...]] = {
    "What to look after": ("namespaces", "naming"),
    "How to run": (
        "interval",
        "no_hints",
        "no_dask",
        "no_disruption_marks",
        "once",
        "dry_run",
        "parallel_writes",
        "stop_timeout",
    ),
    "What to be careful with": ("no_delete", "deletion_cap"),
    "How to reach Kubernetes": (
        "context",
        "kubeconfig",
        "dask_through",
        "connect_timeout",
        "read_timeout",
        "total_timeout",
    ),
    "How to watch it": ("log_level", "log_format", "bind", "port", "owner_label"),
}
"""The settings in the order in which people meet them."""

_PLACEHOLDERS = {
    "namespaces": "NAME,…",
    "context": "NAME",
    "kubeconfig": "FILE",
    "bind": "ADDRESS",
    "owner_label": "LABEL",
}
_DURATIONS = ("interval", "stop_timeout", "connect_timeout", "read_timeout", "total_timeout")
_SERVICE_LINKS = ("PORT", "SERVICE_")
"""How the variables begin that Kubernetes sets beside a Service called `dask-reconciler`."""
_TESTS = ("CACHE", "TEST_")
"""How those begin that the tests' own clusters are set up with."""


class SettingsError(Exception):
    """A setting that cannot be; the message names the flag, the environment variable and the remedy."""


@dataclass(frozen=True, slots=True)
class Option:
    """One setting, as people set it.

    Args:
        field: Its name in `Settings`.
        placeholder: What stands for the value, such as `DURATION`; empty for a switch.
        default: The default, as one would write it; empty if there is none.
        description: What it does.
    """

    field: str
    placeholder: str
    default: str
    description: str

    @property
    def flag(self) -> str:
        """Such as `--log-level`."""
        return f"--{self.field.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """Such as `DASK_RECONCILER_LOG_LEVEL`."""
        return f"{ENVIRONMENT_PREFIX}{self.field.upper()}"


def option(field: str) -> Option:
    """The setting of that name."""
    info = Settings.model_fields[field]
    description = " ".join((info.description or "").split())
    return Option(field, _placeholder(field, info), _default(field, info), description)


def options() -> tuple[Option, ...]:
    """All settings, in the order of the groups."""
    return tuple(option(field) for fields in GROUPS.values() for field in fields)


def read(flags: Mapping[str, Any]) -> Settings:
    """The settings from flags, by field, and the environment.

    Raises:
        SettingsError: a value cannot be.
    """
    try:
        return Settings(**flags)
    except ValidationError as error:
        given = {o.field: os.environ[o.variable] for o in options() if o.variable in os.environ} | dict(flags)
        lines = []
        for wrong in wrongs(error, given):
            bad = option(wrong.path.partition("[")[0])
            source = bad.flag if bad.field in flags else bad.variable
            other = f"environment variable {bad.variable}" if bad.field in flags else f"flag {bad.flag}"
            lines.append(f"{source} {wrong.words} (the {other} sets the same).")
        raise SettingsError("\n".join(lines)) from error


def unknown_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    """A warning for each variable that looks like a setting and is none."""
    known = [option.variable for option in options()]
    unknown = sorted(name for name in environment if name.startswith(ENVIRONMENT_PREFIX) and name not in known)
    return tuple(
        f"{name} is no setting and does nothing{did_you_mean(name, known, ENVIRONMENT_PREFIX)}."
        for name in unknown
        if not name.removeprefix(ENVIRONMENT_PREFIX).startswith(_SERVICE_LINKS + _TESTS)
    )


def _placeholder(field: str, info: FieldInfo) -> str:
    annotation = info.annotation
    if annotation is bool:
        return ""
    if get_origin(annotation) is Literal:
        return "|".join(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return "|".join(annotation)
    return "DURATION" if field in _DURATIONS else _PLACEHOLDERS.get(field, "N")


def _default(field: str, info: FieldInfo) -> str:
    if info.annotation is bool:
        return ""
    return f"{info.default:g}s" if field in _DURATIONS else str(info.default or "") if info.default != 0 else "0"
