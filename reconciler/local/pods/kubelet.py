"""Gives each Pod an address, runs its containers as processes, and writes down what became of them.

Pods of the API ──► PodLife ──► commands ──► processes, probes
       ▲               ▲                          │
       └── status ─────┴──── exits, answers ◄─────┘
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from models.base import wire_time
from models.kinds import POD, Key
from reconciler.local.containers.logfile import log_file
from reconciler.local.containers.logs import Logs
from reconciler.local.containers.preparation import Containers, Prepared, Refusal, Surroundings
from reconciler.local.containers.processes import CannotStart, Processes
from reconciler.local.errors import LocalError
from reconciler.local.network.addresses import Network
from reconciler.local.pods.container import NOT_EXECUTED_CODE
from reconciler.local.pods.lastwords import last_words
from reconciler.local.pods.life import Check, Kill, PodLife, Start, Terminate
from reconciler.local.pods.pod_record import PodRecord
from reconciler.local.pods.probing import Probing
from reconciler.memory import MemoryAPI
from reconciler.wire.errors import ApiError
from reconciler.wire.protocol import Body

NODE = "this-machine"

_log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")


@dataclass(frozen=True, slots=True)
class _Instance:
    """A container that runs."""

    record: PodRecord
    container: str
    prepared: Prepared


class Kubelet:
    """Runs the Pods of an API.

    - A Pod's containers run while the Pod is there, and no longer.
    - Whatever a container does, the others go on.
    - Nothing here waits: a step takes what has happened, does what is due, and returns.
    - Where nothing has happened and nothing is due, nothing is done.

    Attributes:
        exit_codes: What each runner of a job came to.

    Args:
        api: Where the Pods are.
        processes: What begins and ends processes.
        network: The addresses.
        logs: What reads each container's log.
        has_gpu: Whether this machine has a GPU.
    """

    def __init__(self, api: MemoryAPI, processes: Processes, network: Network, logs: Logs, *, has_gpu: bool) -> None:
        self._api = api
        self._processes = processes
        self._network = network
        self._logs = logs
        self._containers = Containers(network, network.run, has_gpu=has_gpu)
        self._run = network.run
        self._records: dict[str, PodRecord] = {}
        self._broken: set[str] = set()
        self._running: dict[int, _Instance] = {}
        self._probing = Probing(processes, network)
        self._met_at: int | None = None
        self._is_closing = False
        self.exit_codes: dict[Key, int] = {}

    def step(self, now: datetime, around: Surroundings) -> tuple[Body, ...]:
        """Take what has happened and do what is due; the Pods that were taken in."""
        revision = self._api.revision
        taken: tuple[Body, ...] = ()
        if revision != self._met_at:
            self._met_at = revision  # before they are looked at: what changes meanwhile is seen the next time
            taken = self._take_in(now)
        self._hear(now)
        for record in self._awake(now):
            with self._barrier(record.uid, record.key, now):
                self._do(record, now, around)
                self._write(record, now)
        self._probe(now)
        return taken

    def end_all(self, now: datetime, longest: timedelta) -> bool:
        """End all that runs: runners and workers first, then schedulers; whether nothing runs any more.

        From the first call on, nothing is started, not even what ends by itself and would be otherwise.

        Args:
            now: The time.
            longest: How long each may take; their own grace may be shorter.
        """
        self._is_closing = True
        running = [record for record in self._records.values() if record.numbers]
        others = [record for record in running if not record.is_scheduler]
        for record in list(self._records.values()):
            if not others or not record.is_scheduler:
                with self._barrier(record.uid, record.key, now):
                    record.life.delete(min(record.grace, longest).total_seconds(), now)
        self._hear(now)
        for record in self._awake(now):
            with self._barrier(record.uid, record.key, now):
                self._do(record, now, Surroundings())
        return not running

    def _awake(self, now: datetime) -> tuple[PodRecord, ...]:
        """Those for which something may be due."""
        return tuple(
            one for one in self._records.values() if one.life.wakes_at is not None and one.life.wakes_at <= now
        )

    def _take_in(self, now: datetime) -> tuple[Body, ...]:
        """Take in new Pods, and tell those that are to go."""
        pods = {pod["metadata"]["uid"]: pod for pod in self._api.objects(POD)}
        self._broken &= pods.keys()
        for uid in self._records.keys() - pods.keys():
            self._evict(uid)
        taken = []
        for uid, pod in pods.items():
            key = Key(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
            if uid in self._broken and _is_leaving(pod):
                with suppress(ApiError):  # it is gone
                    self._api.remove(key)
            is_waiting = pod["spec"].get("schedulingGates") or _is_leaving(pod) or uid in self._broken
            if uid not in self._records and not is_waiting:
                with self._barrier(uid, key, now):
                    self._records[uid] = self._record(key, pod, now)
                    taken.append(pod)
        for record in tuple(self._leaving(pods)):
            # Its deletionTimestamp is in whole seconds: by that, a container could have no time at all.
            with self._barrier(record.uid, record.key, now):
                record.life.delete(pods[record.uid]["metadata"].get("deletionGracePeriodSeconds", 0), now)
        return tuple(taken)

    def _leaving(self, pods: Mapping[str, Body]) -> Iterator[PodRecord]:
        """Those that are to go now.

        A scheduler stays for as long as workers of its cluster that are to go run: one that loses it as it ends hangs.
        """
        leaving = [record for uid, record in self._records.items() if _is_leaving(pods[uid])]
        last = {record.cluster for record in leaving if record.numbers and not record.is_scheduler}
        yield from (record for record in leaving if not record.is_scheduler or record.cluster not in last)

    def _record(self, key: Key, pod: Body, now: datetime) -> PodRecord:
        self.exit_codes.pop(key, None)  # of another Pod that had its name
        bound = pod if pod["spec"].get("nodeName") else self._api.bind(key, NODE)
        return PodRecord(key, bound, self._network.address(), PodLife(bound, now))

    def _evict(self, uid: str) -> None:
        record = self._records.pop(uid, None)
        if record is None:
            return
        for container, number in record.numbers.items():
            self._probing.forget(record, container)
            self._processes.kill(number)
        with suppress(OSError):  # what cannot be removed now goes with the run's directory
            self._network.forget(record.address)
            self._containers.forget(record.pod)

    @property
    def runners(self) -> frozenset[str]:
        """The names of the Pods that run jobs' commands."""
        return frozenset(record.key.name for record in self._records.values() if record.is_runner)

    @contextmanager
    def _barrier(self, uid: str, key: Key, now: datetime) -> Iterator[None]:
        """Let a Pod fail that brings a bug to light: its owner sees why, and all others go on."""
        try:
            yield
        except LocalError:
            raise  # it concerns them all
        except ApiError as error:
            _log.debug("pod.changed", pod=str(key), message=error.message)
            self._met_at = None  # the next step sees how
        except Exception as bug:  # noqa: BLE001 - the exception barrier around a Pod
            _log.exception("pod.broken", pod=str(key))
            self._broken.add(uid)
            self._evict(uid)
            self._met_at = None
            message = f"dask-reconciler met an error of its own with this Pod: {type(bug).__name__}: {bug}"
            ready = {"type": "Ready", "status": "False", "lastTransitionTime": wire_time(now)}
            status = {"phase": "Failed", "reason": "InternalError", "message": message, "conditions": [ready]}
            with suppress(ApiError):
                if (self._api.get(key) or {}).get("metadata", {}).get("uid") == uid:
                    self._api.set_status(key, status)

    def _hear(self, now: datetime) -> None:
        """What has ended, and what probes have found."""
        for ended in self._processes.exits():
            instance = self._running.pop(ended.number, None)
            if instance is None:
                self._probing.ended(ended)
                continue
            record = instance.record
            with self._barrier(record.uid, record.key, now):
                self._end(instance, ended.code, now)
        self._probing.end_late(now)
        for answer in self._probing.answers():
            with self._barrier(answer.record.uid, answer.record.key, now):
                answer.record.life.checked(answer.check, answer.passed, answer.message, now)

    def _end(self, instance: _Instance, code: int, now: datetime) -> None:
        """A container's process has ended."""
        record, container = instance.record, instance.container
        self._logs.finish(instance.prepared.program.log)
        self._probing.forget(record, container)
        del record.numbers[container]
        if not record.numbers:
            self._met_at = None  # others may have waited for that
            self._network.forget(record.address)
        record.life.ended(container, code, now, last_words(instance.prepared.program.log) if code else "")
        self._keep(record, record.exit_code)

    def _do(self, record: PodRecord, now: datetime, around: Surroundings) -> None:
        for command in record.life.due(now):
            match command:
                case Start() | Check() if self._is_closing:
                    pass
                case Start():
                    record.restarts[command.container] = command.restart
                    self._start(record, command.container, now, around)
                case Terminate():
                    self._processes.terminate(record.numbers[command.container])
                case Kill():
                    self._processes.kill(record.numbers[command.container])
                case Check():
                    self._probing.ask(record, command, self._running[record.numbers[command.container]].prepared)

    def _start(self, record: PodRecord, container: str, now: datetime, around: Surroundings) -> None:
        log = self._log(record, container)
        several = len(record.containers) > 1
        self._logs.follow(log, record.key.name, container if several else None)
        try:
            prepared = self._containers.prepared(record.pod, container, record.address, log, around)
            number = self._processes.begin(prepared.program)
        except Refusal as refusal:
            self._refuse(record, container, log, refusal, now)
        except CannotStart as error:
            self._refuse(record, container, log, Refusal(str(error)), now)
        else:
            record.numbers[container] = number
            self._running[number] = _Instance(record, container, prepared)
            record.life.started(container, now)

    def _refuse(self, record: PodRecord, container: str, log: Path, why: Refusal, now: datetime) -> None:
        """A container that cannot be run: that stands in its log too, where people look first."""
        record.life.not_started(container, why.reason, str(why), now)
        if not why.may_change:
            self._keep(record, NOT_EXECUTED_CODE)
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a") as file:
                file.write(f"cannot start: {why}\n")
        self._logs.finish(log)

    def _keep(self, record: PodRecord, code: int) -> None:
        """Keep what a job's runner came to; workers come and go, and nobody asks for theirs."""
        if record.is_runner:
            self.exit_codes[record.key] = code

    def _probe(self, now: datetime) -> None:
        """Begin the commands of probes whose turn it is."""
        for turn in self._probing.turns():
            with self._barrier(turn.record.uid, turn.record.key, now):
                self._probing.begin(turn, now)

    def _write(self, record: PodRecord, now: datetime) -> None:
        """Write the Pod's status if it has changed; remove the Pod if it is over."""
        status = record.life.status(now, address=record.address)
        if status != record.written:
            record.written = status
            self._api.set_status(record.key, status)
        if record.life.is_over:
            self._api.remove(record.key)

    def _log(self, record: PodRecord, container: str) -> Path:
        return log_file(self._run, record.key, container, record.restarts.get(container, 0))


def _is_leaving(pod: Body) -> bool:
    return "deletionTimestamp" in pod["metadata"]
