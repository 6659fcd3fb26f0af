"""What the stages of a pass cost."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Cost:
    """What one stage took, or fetching or parsing one list.

    Args:
        stage: Such as `fetch` or `desire`.
        what: What was listed, such as `pods`; empty for the other stages.
        seconds: On the clock. Lists are fetched side by side, so theirs add up to more than the pass takes.
        cpu_seconds: Of the processor.
        objects: How many objects were parsed.
        bytes: The length of what was fetched, decompressed.
    """

    stage: str
    what: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    objects: int = 0
    bytes: int = 0

    def without(self, inner: "Cost") -> "Cost":
        """What this took without something that it includes."""
        seconds, cpu_seconds = self.seconds - inner.seconds, self.cpu_seconds - inner.cpu_seconds
        return replace(self, seconds=max(0.0, seconds), cpu_seconds=max(0.0, cpu_seconds))


class Stopwatch:
    """Runs from when it is made until it is stopped.

    Args:
        stage: What is measured.
        what: On what.
        cpu: The CPU time so far: of the process, or of this thread where others work at the same time.
    """

    def __init__(self, stage: str, what: str = "", cpu: Callable[[], float] = time.process_time) -> None:
        self._stage = stage
        self._what = what
        self._cpu = cpu
        self._begun = time.perf_counter()
        self._used = cpu()

    def stop(self, *, objects: int = 0, size: int = 0) -> Cost:
        """What it took.

        Args:
            objects: How many objects were parsed.
            size: How many bytes were fetched.
        """
        seconds, cpu_seconds = time.perf_counter() - self._begun, self._cpu() - self._used
        return Cost(self._stage, self._what, seconds, cpu_seconds, objects, size)
