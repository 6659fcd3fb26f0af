"""What the life of a Pod asks of whoever runs its processes."""

from dataclasses import dataclass
from enum import StrEnum


class Probe(StrEnum):
    """What a probe is for."""

    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"


@dataclass(frozen=True, slots=True)
class Start:
    """Start a container's process, and tell whether it runs.

    Args:
        container: The container's name.
        restart: How many of its processes there were before; 0 for the first.
    """

    container: str
    restart: int


@dataclass(frozen=True, slots=True)
class Terminate:
    """Ask a container's process to end: SIGTERM."""

    container: str


@dataclass(frozen=True, slots=True)
class Kill:
    """End a container's process: SIGKILL."""

    container: str


@dataclass(frozen=True, slots=True)
class Check:
    """Attempt a container's probe once, and tell what came of it.

    Args:
        container: The container's name.
        probe: Which of its probes.
        number: Tells this attempt from all others of the container.
    """

    container: str
    probe: Probe
    number: int


Command = Start | Terminate | Kill | Check
