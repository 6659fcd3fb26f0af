"""What is known of one Pod of this machine: its processes, its address, and what its manifest says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from models.kinds import Key
from reconciler.local.pods.life import PodLife
from reconciler.local.pods.spans import span
from reconciler.memory.pods import GRACE_SECONDS
from reconciler.rules.labels import CLUSTER_NAME, COMPONENT, Component
from reconciler.wire.protocol import Body


@dataclass(slots=True)
class PodRecord:
    """A Pod that lives here.

    Args:
        key: Which.
        pod: It, as it was when it was taken in.
        address: Its address.
        life: What happens to it.
        restarts: How often each container was begun again.
        numbers: The process of each container that runs.
        written: The status that was written last.
    """

    key: Key
    pod: Body
    address: str
    life: PodLife
    restarts: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    written: Body = field(default_factory=dict)

    @property
    def uid(self) -> str:
        """The Pod's uid."""
        return str(self.pod["metadata"]["uid"])

    @property
    def is_scheduler(self) -> bool:
        """Whether it is a Dask scheduler's Pod."""
        return bool(self._labels.get(COMPONENT) == Component.SCHEDULER)

    @property
    def is_runner(self) -> bool:
        """Whether it is a job's runner."""
        return bool(self._labels.get(COMPONENT) == Component.JOB_RUNNER)

    @property
    def cluster(self) -> tuple[str, str]:
        """Namespace and name of its cluster."""
        return self.key.namespace, self._labels.get(CLUSTER_NAME, "")

    @property
    def containers(self) -> tuple[Body, ...]:
        """All its containers, those that only prepare or accompany the others first."""
        spec = self.pod["spec"]
        return (*spec.get("initContainers", ()), *spec["containers"])

    @property
    def grace(self) -> timedelta:
        """How long it may take to end."""
        return span(self.pod["spec"].get("terminationGracePeriodSeconds", GRACE_SECONDS))

    @property
    def exit_code(self) -> int:
        """What its containers came to: the first one's that failed, those that prepared the others last."""
        codes, spec = self.life.last_exit_codes, self.pod["spec"]
        prepared = [each for each in spec.get("initContainers", ()) if each.get("restartPolicy") != "Always"]
        return next((codes[one["name"]] for one in (*spec["containers"], *prepared) if codes.get(one["name"])), 0)

    @property
    def _labels(self) -> Mapping[str, str]:
        labels: Mapping[str, str] = self.pod["metadata"].get("labels") or {}
        return labels

    def container(self, name: str) -> Body:
        """One of its containers."""
        return next(each for each in self.containers if each["name"] == name)
