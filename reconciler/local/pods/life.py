"""One Pod's life as a kubelet leads it.

    taken in ──► init containers, one after another ──► all other containers ──► each has ended for good ──► over
                 a sidecar is not awaited once started       │                        │
                             │                               │                        │
                             └─ one failed, policy Never ────┴─ deadline passed ──────┴─► no container is started any
                                                             └─ deletion was asked for    more; Terminate ─grace─► Kill

    phase    Pending ──each regular container has run──► Running ──none runs, none will──► Succeeded or Failed

A container's own life is drawn in `container`, its probes in `attempts`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from reconciler.local.pods.commands import Check, Command, Kill, Probe, Start, Terminate
from reconciler.local.pods.container import ContainerLife, Goal, Policy, Stage
from reconciler.local.pods.spans import span
from reconciler.local.pods.status import Cause, Picture, pod_status
from reconciler.memory.pods import GRACE_SECONDS
from reconciler.wire.protocol import Body

__all__ = ["Check", "Command", "Kill", "PodLife", "Probe", "Start", "Terminate"]

LEAST_GRACE = timedelta(seconds=2)
"""What a sidecar has to end, even if the others took all the time that there was; as on a kubelet."""

DEADLINE_EXCEEDED = Cause("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")


class PodLife:
    """The life of one Pod; without I/O, and at the times that it is told.

    - A container never has two processes at a time.
    - Each command is given once.
    - After deletion was asked for, nothing is started.
    - A phase Succeeded or Failed is final, and nothing runs then.
    - What does not fit, such as an answer about a process that has ended, is ignored.
    - Before `wakes_at`, nothing is due and the status stays as it is.

    Attributes:
        wakes_at: When to ask again what is due, unless the life is told something before; `None` for not at all.

    Args:
        pod: The Pod as the API has it.
        now: When it is taken in; its deadline counts from here.
    """

    def __init__(self, pod: Body, now: datetime) -> None:
        meta, spec = pod["metadata"], pod["spec"]
        policy = Policy(spec.get("restartPolicy") or Policy.ALWAYS)
        grace = spec.get("terminationGracePeriodSeconds")
        self._grace = span(GRACE_SECONDS if grace is None else grace)
        self._name = f"{meta['name']}_{meta.get('namespace', '')}({meta.get('uid', '')})"
        self._began = now
        seconds = spec.get("activeDeadlineSeconds")
        self._deadline = None if seconds is None else now + span(seconds)
        initial = spec.get("initContainers") or ()
        self._initial = tuple(self._container(body, _init_policy(body, policy)) for body in initial)
        self._sidecars = tuple(one for body, one in zip(initial, self._initial, strict=True) if _is_sidecar(body))
        self._regular = tuple(self._container(body, policy) for body in spec["containers"])
        self._all = {container.name: container for container in (*self._initial, *self._regular)}
        self._goal: Goal | None = None
        self._cause: Cause | None = None
        self._is_deleted = False
        self._told: Body = pod.get("status") or {}
        self.wakes_at: datetime | None = now

    @property
    def is_over(self) -> bool:
        """Whether deletion was asked for and nothing runs any more: the Pod may be removed."""
        return self._is_deleted and not any(container.is_alive for container in self._all.values())

    @property
    def last_exit_codes(self) -> Mapping[str, int]:
        """The exit code of each container's last process that ended."""
        return {name: container.end.code for name, container in self._all.items() if container.end is not None}

    def due(self, now: datetime) -> tuple[Command, ...]:
        """What is to be done now; each command is given once."""
        if self._goal is None and self._deadline is not None and now >= self._deadline:
            self._cause = DEADLINE_EXCEEDED
            self._end(self._grace, now)
        starts = [container.start() for container in self._next() if container.may_start(now)]
        if self._goal is not None:
            for container in self._leaving(self._goal, now):
                container.end_by(self._goal)
        commands = (*starts, *(command for container in self._all.values() for command in container.due(now)))
        self.wakes_at = min(self._moments(now), default=None)
        return commands

    def started(self, container: str, now: datetime) -> None:
        """A container's process runs."""
        self.wakes_at = now
        self._all[container].started(now)

    def not_started(self, container: str, reason: str, message: str, now: datetime) -> None:
        """A container's process could not be started.

        Args:
            container: The container.
            reason: `RunContainerError` if it could not be executed: it counts as ended, with exit code 128. Anything
                else, such as `CreateContainerConfigError`, if it lacks something that may still come.
            message: What went wrong.
            now: The time.
        """
        self.wakes_at = now
        self._all[container].not_started(reason, message, now)
        self._settle(now)

    def ended(self, container: str, code: int, now: datetime, words: str = "") -> None:
        """A container's process ended; `words` are the last that it said, if they matter."""
        self.wakes_at = now
        self._all[container].ended(code, now, words)
        self._settle(now)

    def checked(self, check: Check, passed: bool, message: str, now: datetime) -> None:  # noqa: FBT001
        """An attempt of a probe was answered."""
        self.wakes_at = now
        self._all[check.container].checked(check, message, passed=passed)

    def delete(self, grace_seconds: float, now: datetime) -> None:
        """End all containers; asked again, it may only become shorter.

        Args:
            grace_seconds: How long they have from now on; 0 ends them at once.
            now: The time.
        """
        self.wakes_at = now
        self._is_deleted = True
        self._end(span(grace_seconds), now)

    def status(self, now: datetime, *, address: str) -> Body:
        """The Pod's status for the API.

        Args:
            now: The time: that of the conditions that have changed since it was last asked for.
            address: The Pod's address.
        """
        picture = Picture(
            self._initial, self._sidecars, self._regular, self._goal is not None, self._cause, self._began, address
        )
        self._told = pod_status(picture, self._told, now)
        return self._told

    def _container(self, body: Body, policy: Policy) -> ContainerLife:
        return ContainerLife(body, policy, self._name, self._grace)

    def _next(self) -> Iterator[ContainerLife]:
        """The containers whose turn it is to run: an init container's when those before it are done or started."""
        if self._goal is not None:
            return
        for container in self._initial:
            yield container
            is_passed = container.has_started if container in self._sidecars else container.stage is Stage.ENDED
            if not is_passed:
                return
        yield from self._regular

    def _moments(self, now: datetime) -> Iterator[datetime]:
        """The times at which something may be due, if nothing happens before."""
        if self._goal is None and self._deadline is not None:
            yield self._deadline
        if self._goal is not None and now < self._goal.deadline:
            yield self._goal.deadline  # those that were to end last wait no longer
        for container in self._next():
            if container.stage is Stage.WAITING and container.not_before is not None:
                yield container.not_before
        for container in self._all.values():
            yield from container.moments()

    def _leaving(self, goal: Goal, now: datetime) -> Iterator[ContainerLife]:
        """The containers whose turn it is to end: sidecars follow the others, the last first, if there is time."""
        others = [container for container in self._all.values() if container not in self._sidecars]
        yield from others
        is_anyone_left = any(container.is_alive for container in others)
        for container in reversed(self._sidecars):
            if is_anyone_left and now < goal.deadline:
                return
            yield container
            is_anyone_left = is_anyone_left or container.is_alive

    def _settle(self, now: datetime) -> None:
        """Let the rest end when nothing is left to do."""
        has_failed = any(one.stage is Stage.ENDED and not one.has_ended_well for one in self._initial)
        if has_failed or all(one.stage is Stage.ENDED for one in self._regular):
            self._end(self._grace, now)

    def _end(self, grace: timedelta, now: datetime) -> None:
        """Start nothing any more, and end what runs; never later than was said before."""
        deadline = now + grace
        if self._goal is None or deadline < self._goal.deadline:
            self._goal = Goal(deadline, min(LEAST_GRACE, grace))
        for container in self._all.values():
            container.retire()


def _is_sidecar(container: Body) -> bool:
    return container.get("restartPolicy") == Policy.ALWAYS


def _init_policy(container: Body, policy: Policy) -> Policy:
    """When an init container is started again: a sidecar always, others until they succeed."""
    if _is_sidecar(container):
        return Policy.ALWAYS
    return Policy.NEVER if policy is Policy.NEVER else Policy.ON_FAILURE
