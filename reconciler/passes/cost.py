"""What the stages of a pass cost."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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


class Costs:
    """What the stages of one pass cost; one that runs within another does not count for both.

    Attributes:
        noted: Each time that a stage ran.
        seconds: What each stage took in all.

    Args:
        stages: The stages in their order, which is not that in which they end.
    """

    def __init__(self, stages: Iterable[str]) -> None:
        self.noted = [Cost(stage) for stage in stages]
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A stage, while it runs."""
        begun, watch = len(self.noted), Stopwatch(name)
        try:
            yield
        finally:
            whole, inner = watch.stop(), self.noted[begun:]
            seconds = whole.seconds - sum(cost.seconds for cost in inner)
            cost = replace(whole, seconds=seconds, cpu_seconds=whole.cpu_seconds - sum(c.cpu_seconds for c in inner))
            self.noted.append(cost)
            self.seconds[name] = self.seconds.get(name, 0.0) + cost.seconds
