"""Worker groups: what people ask of them, checked before Kubernetes is asked."""

import asyncio
import copy
import math
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from kubecluster import checks
from kubecluster.containers import Body, Command, Environment, Resources
from kubecluster.diagnosis.sight import is_going, items, read, text
from kubecluster.main_container import main_container
from kubecluster.names import DEFAULT_GROUP
from kubecluster.progress import Progress, Row
from kubecluster.resource import WITHOUT_LIMIT, ClusterResource
from kubecluster.specs import IMAGE, make_worker_spec

LOOK_SECONDS = 0.5
RETIRING_SECONDS = 300.0
"""For how long it is waited, by default, for workers to hand over what they hold: as long as they have for it."""


class Adapting:
    """That a group's workers follow the work there is; what `adapt` returns.

    The DaskAutoscaler is made when `adapt` is called; awaiting this waits until it is. It has what the widget and the
    lab extension look for in distributed's own `Adaptive`.

    Args:
        minimum: The least number of workers; by default 0.
        maximum: The greatest; by default as many as there is room for.
        group: The worker group.

    Raises:
        ValueError: the bounds make no sense.
    """

    periodic_callback = True
    """The widget takes it for a sign that this is under way."""

    def __init__(self, minimum: int | None = None, maximum: float | None = None, group: str = DEFAULT_GROUP) -> None:
        self.group = group
        self.minimum = 0 if minimum is None else checks.whole_number(minimum, "minimum")
        is_limited = maximum is not None and maximum != math.inf
        self.maximum = checks.whole_number(maximum, "maximum") if is_limited else WITHOUT_LIMIT
        if self.minimum > self.maximum:
            raise ValueError(
                f"minimum is {self.minimum}, but maximum is {self.maximum}; lower the one or raise the other"
            )
        self._task: asyncio.Future[None] | None = None

    def begun_by(self, task: asyncio.Future[None] | None) -> "Adapting":
        """This, with what makes it so; `None` if that is done."""
        self._task = task
        return self

    def stop(self) -> None:
        """Do nothing: `scale` ends it."""

    def __await__(self) -> Generator[Any, None, "Adapting"]:
        if self._task is not None:
            yield from self._task.__await__()
        return self

    def __repr__(self) -> str:
        most = "without limit" if self.maximum == WITHOUT_LIMIT else str(self.maximum)
        return f"Adapting(minimum={self.minimum}, maximum={most})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Workers of another kind; what is `None` is as in the cluster's default group.

    Args:
        n_workers: How many.
        image: Their image.
        resources: Limits and requests of each.
        worker_command: What they run.
        env: Their environment variables.
        gpus: How many NVIDIA GPUs each gets.
    """

    n_workers: int
    image: str | None = None
    resources: Resources | None = None
    worker_command: Command | None = None
    env: Environment | None = None
    gpus: int | None = None

    def worker(self, cluster: Body) -> Body:
        """The `worker` of a DaskWorkerGroup.

        Args:
            cluster: The DaskCluster, whose default group is asked for what is left out.

        Raises:
            TypeError: something is of a wrong type.
            ValueError: something makes no sense.
        """
        worker = copy.deepcopy(read(cluster, "spec", "worker") or {})
        name = main_container(worker)
        container = next((one for one in items(worker, "spec", "containers") if text(one, "name") == name), {})
        made = make_worker_spec(
            IMAGE if self.image is None else self.image,
            checks.whole_number(self.n_workers, "n_workers"),
            container.get("resources") if self.resources is None else self.resources,
            self.env,
            self.worker_command,
            gpus=self.gpus,
        )
        (fresh,) = made["spec"]["containers"]
        is_started_anew = self.worker_command is not None or self.gpus is not None
        given = {"image": self.image, "env": self.env, "resources": self.resources if self.gpus is None else self.gpus}
        changed = [field for field, value in given.items() if value is not None]
        for field in (*changed, *(("command", "args") if is_started_anew else ())):
            container.pop(field, None)
            container |= {field: fresh[field]} if field in fresh else {}
        return {**worker, "replicas": made["replicas"]}


def scale(resource: ClusterResource, n: int, group: str = DEFAULT_GROUP) -> None:
    """Set how many workers a group has.

    Raises:
        ClusterNotFound: there is no such group.
        TypeError: it is no number.
        ValueError: it is not a number of workers.
    """
    resource.scale(checks.whole_number(n, "n"), group)


def adapt(resource: ClusterResource, adapting: Adapting, group: str = DEFAULT_GROUP) -> None:
    """Let the number of a group's workers follow the work there is.

    Raises:
        ClusterNotFound: there is no such group.
    """
    resource.adapt(adapting.minimum, adapting.maximum, group)


def add(resource: ClusterResource, name: str, wanted: Wanted, custom_spec: Mapping[str, Any] | None = None) -> None:
    """Add a worker group.

    Args:
        resource: To which cluster.
        name: What people call it.
        wanted: What it is to be.
        custom_spec: Its whole `worker`, in place of that.

    Raises:
        AlreadyExists: there is a group of that name.
        ValueError: something makes no sense.
    """
    worker = wanted.worker(resource.read()) if custom_spec is None else dict(custom_spec)
    resource.add_group(checks.text(name, "name"), worker)


def delete(resource: ClusterResource, name: str, seconds: float, progress: Progress) -> None:
    """Delete a worker group; before that, scale it to 0, so that its workers hand over what they have to the others.

    Args:
        resource: Of which cluster.
        name: What people call it.
        seconds: For how long to wait for them; what they still have then is lost.
        progress: Where to show how many there are.

    Raises:
        ClusterNotFound: there is no such group.
        ValueError: it is the default group.
    """
    resource.check_deletable(name)
    left = 0
    with progress:
        if seconds:
            resource.scale(0, name)
            left = _left(resource, name, seconds, progress)
        resource.delete_group(name)
        lost = f" {left} of its workers had not handed over what they hold." if left else ""
        progress.close(f"The worker group {name} of {resource} is deleted.{lost}")


def _left(resource: ClusterResource, name: str, seconds: float, progress: Progress) -> int:
    """Wait until a group has no workers any more; how many it has when time is up."""
    deadline, first = time.monotonic() + seconds, 0
    while left := sum(not is_going(pod) for pod in resource.workers_of(name)):
        first = max(first, left)
        words = f"{left} of {first} workers are there: they hand over what they hold."
        progress.show((Row(f"daskworkergroup/{name}", "busy", words, f"{first - left}/{first}"),))
        if time.monotonic() >= deadline:
            break
        time.sleep(LOOK_SECONDS)
    return left
