"""What Dask schedulers are asked and told."""

from collections.abc import Collection, Mapping

from reconciler.dask.answers import (
    Holding,
    Worker,
    counts_of,
    holdings_of,
    identity_of,
    idle_since_of,
    keys_of,
    release_of,
    sizes_of,
    target_of,
    workers_of,
)
from reconciler.dask.connection import Connection
from reconciler.dask.plain import LARGE, Bounds


def identity(connection: Connection, bounds: Bounds = LARGE) -> Mapping[str, Worker]:
    """Which workers the scheduler has, by address."""
    return connection.ask("identity", identity_of, bounds=bounds)


def adaptive_target(connection: Connection, *, target_duration_seconds: float | None) -> int:
    """How many workers the scheduler would like to have.

    Args:
        connection: To the scheduler.
        target_duration_seconds: How long what there is to do should take; `None` is as it is configured.
    """
    duration = None if target_duration_seconds is None else f"{target_duration_seconds}s"
    return connection.ask("adaptive_target", target_of, target_duration=duration)


def processing(connection: Connection, bounds: Bounds = LARGE) -> Mapping[str, int]:
    """How many tasks each worker, by address, runs or has waiting."""
    return connection.ask("processing", counts_of, bounds=bounds)


def holdings(connection: Connection, bounds: Bounds = LARGE) -> Mapping[str, Holding]:
    """What each worker, by address, holds, and what only it holds.

    It takes two requests, for the keys of all workers and for the sizes of all keys. What goes between them counts as
    0 bytes. With more than about 200,000 keys the answer is `TooLarge`.
    """
    held = connection.ask("has_what", keys_of, bounds=bounds)
    sizes = connection.ask("nbytes", sizes_of, bounds=bounds, summary=False)
    return holdings_of(held, sizes)


def check_idle(connection: Connection) -> float | None:
    """Since when the scheduler has nothing to do, in its own clock's seconds since 1970.

    `None` where it has something to do, is of a release that cannot say, or has only just become idle: it notes that
    when it is asked. Ask twice. Where it has an `idle_timeout` that has passed, it closes.
    """
    return connection.ask("check_idle", idle_since_of)


def release(connection: Connection) -> tuple[int, ...]:
    """Of which release the scheduler is, such as (2023, 3)."""
    return connection.ask("versions", release_of)


def retire(connection: Connection, addresses: Collection[str], bounds: Bounds = LARGE) -> frozenset[str]:
    """Have workers hand over what only they hold, and take no more tasks. They neither end nor leave the scheduler.

    The answer comes when all is handed over. The scheduler goes on with it when the conversation is over; the status of
    these workers is `closing_gracefully` then. Releases that tell no status do not keep tasks from them: what they hold
    is safe at the time of the answer only.

    Args:
        connection: To the scheduler.
        addresses: Of the workers.
        bounds: Of the answer.

    Returns:
        Those that hold nothing any more that no other holds. The others stay as they were: nobody can take their data.
    """
    if not addresses:
        return frozenset()  # without names, a scheduler chooses some itself
    retired = connection.ask(
        "retire_workers", workers_of, bounds=bounds, workers=tuple(addresses), remove=False, close_workers=False
    )
    return retired & frozenset(addresses)
