"""`dask-cuda-worker` where there is no GPU: becomes `dask-worker`, without the options that this does not have."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FLAGS = (
    *("--enable-", "--disable-", "--no-"),
    *("--shared-filesystem", "--rmm-managed-memory", "--rmm-async", "--rmm-track-allocations"),
)
"""How options of dask-cuda-worker begin that take no value."""


def split(arguments: Sequence[str], known: Mapping[str, bool]) -> tuple[list[str], list[str]]:
    """The arguments that dask-worker takes, and the options that it does not have, with their values.

    Args:
        arguments: Those of dask-cuda-worker.
        known: The options of dask-worker, and whether each takes a value.
    """
    kept: list[str] = []
    dropped: list[str] = []
    rest = list(arguments)
    while rest:
        option, has_value, _ = rest[0].partition("=")
        if option == "--":
            return kept + rest, dropped
        strange = option.startswith("--") and option not in known
        takes_value = _takes_value(option, rest[1:2]) if strange else known.get(option, False)
        length = 2 if takes_value and not has_value else 1
        if strange:
            dropped.append(" ".join(rest[:length]))
        else:
            kept += rest[:length]
        del rest[:length]
    return kept, dropped


def _takes_value(option: str, following: Sequence[str]) -> bool:
    """Whether an option that dask-worker does not have takes what follows it."""
    return not option.startswith(FLAGS) and not any(argument.startswith("--") for argument in following)


def _main() -> None:
    from distributed.cli.dask_worker import main  # noqa: PLC0415  # the nanny's workers import this module

    known = {
        option: not getattr(parameter, "is_flag", False)
        for parameter in main.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("-")
    }
    known["--help"] = False
    kept, dropped = split(sys.argv[1:], known)
    without = f", without {', '.join(dropped)}" if dropped else ""
    print(f"dask-cuda-worker: no GPU can be used here; becoming dask-worker{without}", file=sys.stderr)  # noqa: T201
    main(kept, prog_name="dask-worker")


if __name__ == "__main__":
    _main()
