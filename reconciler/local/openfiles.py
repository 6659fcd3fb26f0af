"""How many files this process may have open: every connection through the proxy takes two.

A cluster of a hundred workers has thousands of connections, and macOS gives 256 files.
"""

import resource
from collections.abc import Iterator

WANTED = 1 << 16
MACOS_MOST = 10240
"""OPEN_MAX: what macOS takes for certain, whatever it tells of the hard limit."""


def raise_open_files() -> None:
    """Raise this process's soft limit as far as it goes; those that it has begun keep theirs.

    Nothing is said if it does not go far: few clusters need that many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in limits(soft, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (OSError, ValueError):
            continue
        return


def limits(soft: int, hard: int) -> Iterator[int]:
    """The soft limits to try, the best first: a system may refuse some that the hard limit allows.

    Args:
        soft: The limit now.
        hard: The most that it may be, as the system tells it.
    """
    if soft == resource.RLIM_INFINITY:
        return
    most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    steps = {most} | {WANTED >> step for step in range(1, WANTED.bit_length())} | {MACOS_MOST}
    yield from sorted((step for step in steps if soft < step <= most), reverse=True)
