"""Where a field belongs that stands at the wrong place: the nearest places at which one of its name may stand.

spec.worker.resources              1 step down: spec, 2 steps down: spec.containers[0], which has resources
…containers[0].imagePullSecrets    1 step up: the Pod's spec, which has imagePullSecrets
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.manifests.shapes import Shape

Path = tuple[str | int, ...]

MOST_STEPS = 5
"""From a job's spec to a container of its cluster: what is further away is not what was meant."""

_NOT_MEANT = ("initContainers", "ephemeralContainers", "status")
"""Fields in which nobody looks for what they forgot to indent."""

_AMOUNTS = ("cpu", "memory", "ephemeral-storage", "nvidia.com/gpu", "amd.com/gpu")
"""What people write of a container's limits; any name may stand there."""


@dataclass(frozen=True)
class Level:
    """A mapping in a manifest, or one that could be there.

    Args:
        path: Where it stands.
        shape: What it may hold.
        value: What it holds; `None` if it is not there.
    """

    path: Path
    shape: Shape
    value: Any

    def takes(self, name: str, value: Any) -> bool:
        """Whether a field is meant to stand here, and may hold that value."""
        if self.path[-1:] == ("limits",):
            return name in _AMOUNTS and not isinstance(value, dict | list)
        return name in self.shape.fields and not self._is_of_pod(name) and self.shape.fields[name].fits(value)

    def below(self) -> Iterator["Level"]:
        """The mappings in this one; of a list of them, the first."""
        for name, shape in self.shape.fields.items():
            value = self.value.get(name) if isinstance(self.value, Mapping) else None
            if name in _NOT_MEANT or self._is_of_pod(name):
                continue
            if shape.item is None:
                yield Level((*self.path, name), shape, value)
            else:
                yield Level((*self.path, name, 0), shape.item, value[0] if isinstance(value, list) and value else None)

    def _is_of_pod(self, name: str) -> bool:
        """Whether a field is a Pod's resources: people mean a container's, which are what Dask is told."""
        return name == "resources" and "containers" in self.shape.fields


def places(name: str, value: Any, trail: Sequence[Level]) -> Sequence[Path]:
    """The nearest mappings into which a field may be moved; of several, those that are there.

    Args:
        name: The field's name.
        value: What it holds.
        trail: The mappings that it stands in, outermost first.
    """
    nearest: list[Level] = []
    least = MOST_STEPS + 1
    for up, start in enumerate(reversed(trail)):
        steps, found = _search(start, name, value, least - up)
        if up + steps < least:
            nearest, least = found, up + steps
        elif up + steps == least:
            nearest += found
    there = [level for level in nearest if isinstance(level.value, Mapping)]
    return [level.path for level in there or nearest if not (there and name in level.value)]


def _search(start: Level, name: str, value: Any, most: int) -> tuple[int, list[Level]]:
    """How many steps down mappings are that take a field, and which; `most` and none if they are further down."""
    levels = [start]
    for steps in range(most + 1):
        found = [level for level in levels if level.takes(name, value)]
        if found:
            return steps, found
        levels = [inner for level in levels for inner in level.below()]
    return most, []
