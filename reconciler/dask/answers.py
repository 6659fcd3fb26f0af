"""What schedulers answer, as values: nothing in them can be changed, and each has the type that it says.

An answer of which one part has another type is refused as a whole: half of what a scheduler holds is no ground to let
workers go. Whether the workers are those that were asked about is for the caller to see.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from reconciler.dask.errors import Excess, Nonsense
from reconciler.dask.plain import Plain, key_of

LONGEST_NAME = 1024
"""The most characters of a name or an address."""

_COUNTED = ("clients", "processing", "unrunnable")

MOST_KEYS = 300_000
"""The most keys that are compared, those of all workers together."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker, as its scheduler knows it.

    Args:
        address: Where it listens, such as `tcp://10.0.0.7:40123`.
        name: What it is called; a number as text.
        host: Its IP address.
        status: Such as `running`, `paused` or `closing_gracefully`, in Dask's words. `None` where releases do not say.
        nthreads: How many tasks it runs at once.
        managed_bytes: The memory that Dask's data takes, when it last said so.
        running: How many tasks it was running when it last said so; `None` where it never did.
        last_seen: When that was, in the scheduler's own clock's seconds since 1970.
    """

    address: str
    name: str
    host: str
    status: str | None
    nthreads: int
    managed_bytes: int | None
    running: int | None
    last_seen: float


@dataclass(frozen=True, slots=True)
class Holding:
    """What a worker holds of the results.

    Args:
        unique_keys: How many no other worker holds.
        unique_bytes: Their size, as far as it is known.
    """

    unique_keys: int
    unique_bytes: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What a scheduler's HTTP server counts.

    Args:
        clients: How many Clients are connected, those that tasks have opened among them.
        tasks: How many tasks run, or wait for a worker that could run them.
    """

    clients: int
    tasks: int


def identity_of(answer: Plain) -> Mapping[str, Worker]:
    """Read the workers, by address, in the answer to `identity`."""
    workers = _map(_map(answer, "the identity").get("workers"), "workers")
    return MappingProxyType({address: _worker(address, worker) for address, worker in workers.items()})


def target_of(answer: Plain) -> int:
    """Read the answer to `adaptive_target`."""
    return _whole(answer, "the target")


def counts_of(answer: Plain) -> Mapping[str, int]:
    """Read how many keys each worker has."""
    return MappingProxyType({worker: len(keys) for worker, keys in _lists(answer)})


def workers_of(answer: Plain) -> frozenset[str]:
    """Read which workers are described."""
    workers = _map(answer, "the workers")
    for worker in workers.values():
        _map(worker, "a worker")
    return frozenset(_name(address, "a worker's address") for address in workers)


def keys_of(answer: Plain) -> Mapping[str, tuple[str, ...]]:
    """Read which keys each worker has."""
    lists = dict(_lists(answer))
    if sum(map(len, lists.values())) > MOST_KEYS:
        raise Excess(f"it has more than {MOST_KEYS:,} keys")
    return {worker: tuple(map(key_of, keys)) for worker, keys in lists.items()}


def sizes_of(answer: Plain) -> Mapping[str, int]:
    """Read the size of each key, in bytes."""
    return {key: int(_number(size, "a size")) for key, size in _map(answer, "the sizes").items()}


def holdings_of(held: Mapping[str, tuple[str, ...]], sizes: Mapping[str, int]) -> Mapping[str, Holding]:
    """What each worker holds, and what only it holds.

    Args:
        held: The keys of every worker of the scheduler.
        sizes: Of keys, in bytes.
    """
    copies = Counter(key for keys in held.values() for key in set(keys))
    return MappingProxyType({worker: _holding(set(keys), copies, sizes) for worker, keys in held.items()})


def idle_since_of(answer: Plain) -> float | None:
    """Read the answer to `check_idle`."""
    return None if answer is None else _number(answer, "the time since which it is idle")


def release_of(answer: Plain) -> tuple[int, ...]:
    """Read of which release a scheduler is, such as (2023, 3), from the answer to `versions`."""
    packages = _map(_map(answer, "the versions").get("packages"), "the packages")
    found = re.match(r"(\d{1,9})\.(\d{1,9})", _name(packages.get("distributed"), "the version of distributed"))
    if found is None:
        raise _unlike("the version of distributed", "a version")
    return tuple(map(int, found.groups()))


def counts_at(answer: Any) -> Counts:
    """Read `/json/counts.json`."""
    counts = _map(answer, "the counts")
    clients, *tasks = (_whole(counts.get(name), f"the count of {name}") for name in _COUNTED)
    return Counts(max(0, clients - 1), sum(tasks))  # `fire-and-forget` is a client, too


def _holding(keys: set[str], copies: Counter[str], sizes: Mapping[str, int]) -> Holding:
    unique = [key for key in keys if copies[key] == 1]
    return Holding(len(unique), sum(sizes.get(key, 0) for key in unique))


def _worker(address: str, answer: Plain) -> Worker:
    fields = _map(answer, "a worker")
    metrics = _map(fields.get("metrics", {}), "a worker's metrics")
    return Worker(
        address=_name(address, "a worker's address"),
        name=_name(fields.get("name"), "a worker's name"),
        host=_name(fields.get("host"), "a worker's host"),
        status=_name(fields["status"], "a worker's status") if "status" in fields else None,
        nthreads=_whole(fields.get("nthreads"), "a worker's nthreads"),
        managed_bytes=_bytes(metrics.get("managed_bytes"), "a worker's managed_bytes"),
        running=_running(metrics),
        last_seen=_number(fields.get("last_seen"), "when a worker was last seen"),
    )


def _running(metrics: dict[str, Plain]) -> int | None:
    """How many tasks run: until 2022 there was a number for it, since then there is one for each state."""
    if "task_counts" not in metrics:
        return _whole(metrics["executing"], "a worker's executing") if "executing" in metrics else None
    counts = _map(metrics["task_counts"], "a worker's task_counts")
    return sum(_whole(counts.get(state, 0), f"a worker's {state}") for state in ("executing", "long-running"))


def _map(value: Plain, what: str) -> dict[str, Plain]:
    if not isinstance(value, dict):
        raise _unlike(what, "a map")
    return value


def _lists(answer: Plain) -> Iterator[tuple[str, tuple[Plain, ...]]]:
    for worker, keys in _map(answer, "the workers").items():
        if not isinstance(keys, tuple):
            raise _unlike("the keys of a worker", "a list")
        yield _name(worker, "a worker's address"), keys


def _name(value: Plain, what: str) -> str:
    name = str(value) if type(value) is int else value
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not name.isprintable():
        raise _unlike(what, "a short text that can be printed")
    return name


def _number(value: Plain, what: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
        raise _unlike(what, "a number of 0 or more")
    return value


def _whole(value: Plain, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _unlike(what, "a whole number of 0 or more")
    return value


def _bytes(value: Plain, what: str) -> int | None:
    return None if value is None else int(_number(value, what))


def _unlike(what: str, expected: str) -> Nonsense:
    return Nonsense(f"{what} is not {expected}")
