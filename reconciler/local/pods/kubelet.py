"""Gives each Pod an address, runs its containers as processes, and writes down what became of them.

Pods of the API ──► PodLife ──► commands ──► processes, probes
       ▲               ▲                          │
       └── status ─────┴──── exits, answers ◄─────┘
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from models.base import wire_time
from models.kinds import POD, Key
from reconciler.errors import ApiError
from reconciler.local.containers.logs import Logs
from reconciler.local.containers.preparation import Containers, Prepared, Refusal, Surroundings
from reconciler.local.containers.processes import CannotStart, Processes
from reconciler.local.errors import LocalError
from reconciler.local.network.addresses import Network
from reconciler.local.pods.container import NOT_EXECUTED_CODE
from reconciler.local.pods.life import Check, Kill, PodLife, Start, Terminate
from reconciler.local.pods.probes import attempt
from reconciler.local.pods.tenant import Tenant
from reconciler.memory import MemoryAPI
from reconciler.protocol import Body

NODE = "this-machine"

_log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")


@dataclass(frozen=True, slots=True)
class _Instance:
    """A container that runs."""

    tenant: Tenant
    container: str
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class _ExecProbe:
    """A probe's command that runs."""

    tenant: Tenant
    check: Check
    deadline: datetime


class Kubelet:
    """Runs the Pods of an API.

    - A Pod's containers run while the Pod is there, and no longer.
    - Whatever a container does, the others go on.
    - Nothing here waits: a step takes what has happened, does what is due, and returns.

    Args:
        api: Where the Pods are.
        processes: What begins and ends processes.
        network: The addresses.
        logs: Told of each container's log.
        run: The run's directory.
    """

    def __init__(self, api: MemoryAPI, processes: Processes, network: Network, logs: Logs, run: Path) -> None:
        self._api = api
        self._processes = processes
        self._network = network
        self._logs = logs
        self._containers = Containers(network, run)
        self._run = run
        self._tenants: dict[str, Tenant] = {}
        self._broken: set[str] = set()
        self._running: dict[int, _Instance] = {}
        self._exec_probes: dict[int, _ExecProbe] = {}
        self._answers: dict[Future[tuple[bool, str]], tuple[Tenant, Check]] = {}
        self.exit_codes: dict[Key, int] = {}

    def step(self, now: datetime, around: Surroundings) -> tuple[Body, ...]:
        """Take what has happened and do what is due; the Pods that were taken in."""
        taken = self._meet(now)
        self._hear(now)
        for uid, tenant in list(self._tenants.items()):
            with self._edge(uid, tenant.key, now):
                self._do(tenant, now, around)
                self._write(tenant, now)
        return taken

    def say_goodbye(self, now: datetime, longest: timedelta) -> bool:
        """End all that runs: runners and workers first, then schedulers; whether nothing runs any more.

        Args:
            now: The time.
            longest: How long each may take; their own grace may be shorter.
        """
        running = [tenant for tenant in self._tenants.values() if tenant.numbers]
        others = [tenant for tenant in running if not tenant.is_scheduler]
        for tenant in self._tenants.values():
            if not others or not tenant.is_scheduler:
                tenant.life.delete(min(tenant.grace, longest).total_seconds(), now)
        self._hear(now)
        for tenant in self._tenants.values():
            self._do(tenant, now, Surroundings())
        return not running

    def _meet(self, now: datetime) -> tuple[Body, ...]:
        """Take in new Pods, and tell those that are to go."""
        pods = {pod["metadata"]["uid"]: pod for pod in self._api.objects(POD)}
        self._broken &= pods.keys()
        for uid in self._tenants.keys() - pods.keys():
            self._evict(self._tenants.pop(uid))
        taken = []
        for uid, pod in pods.items():
            key = Key(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
            if uid in self._broken and _is_leaving(pod):
                self._api.remove(key)
            is_waiting = pod["spec"].get("schedulingGates") or _is_leaving(pod) or uid in self._broken
            if uid not in self._tenants and not is_waiting:
                with self._edge(uid, key, now):
                    self._tenants[uid] = self._welcome(key, pod, now)
                    taken.append(pod)
        for tenant in self._leaving(pods):
            # Its deletionTimestamp is in whole seconds: by that, a container could have no time at all.
            tenant.life.delete(pods[tenant.uid]["metadata"].get("deletionGracePeriodSeconds", 0), now)
        return tuple(taken)

    def _leaving(self, pods: Mapping[str, Body]) -> Iterator[Tenant]:
        """Those that are to go now.

        A scheduler stays for as long as workers of its cluster that are to go run: one that loses it as it ends hangs.
        """
        leaving = [tenant for uid, tenant in self._tenants.items() if _is_leaving(pods[uid])]
        last = {tenant.cluster for tenant in leaving if tenant.numbers and not tenant.is_scheduler}
        yield from (tenant for tenant in leaving if not tenant.is_scheduler or tenant.cluster not in last)

    def _welcome(self, key: Key, pod: Body, now: datetime) -> Tenant:
        bound = pod if pod["spec"].get("nodeName") else self._api.bind(key, NODE)
        return Tenant(key, bound, self._network.address(), PodLife(bound, now))

    def _evict(self, tenant: Tenant) -> None:
        for number in tenant.numbers.values():
            self._processes.kill(number)
        self._network.forget(tenant.address)
        self._containers.forget(tenant.pod)

    @contextmanager
    def _edge(self, uid: str, key: Key, now: datetime) -> Iterator[None]:
        """Let a Pod fail that brings a bug to light: its owner sees why, and all others go on."""
        try:
            yield
        except LocalError:
            raise  # it concerns them all
        except ApiError as error:
            _log.debug("pod.changed", pod=str(key), message=error.message)  # the next step sees how
        except Exception as bug:  # noqa: BLE001 - the edge around a Pod
            _log.exception("pod.broken", pod=str(key))
            self._broken.add(uid)
            if uid in self._tenants:
                self._evict(self._tenants.pop(uid))
            message = f"dask-reconciler met an error of its own with this Pod: {type(bug).__name__}: {bug}"
            ready = {"type": "Ready", "status": "False", "lastTransitionTime": wire_time(now)}
            status = {"phase": "Failed", "reason": "InternalError", "message": message, "conditions": [ready]}
            with suppress(ApiError):
                self._api.set_status(key, status)

    def _hear(self, now: datetime) -> None:
        """What has ended, and what probes have found."""
        for ended in self._processes.exits():
            if ended.number in self._exec_probes:
                probe = self._exec_probes.pop(ended.number)
                message = "" if ended.code == 0 else f"the command ended with exit code {ended.code}"
                probe.tenant.life.checked(probe.check, ended.code == 0, message, now)
            elif ended.number in self._running:
                instance = self._running.pop(ended.number)
                self._logs.finish(instance.prepared.program.log)
                del instance.tenant.numbers[instance.container]
                if not instance.tenant.numbers:
                    self._network.forget(instance.tenant.address)
                instance.tenant.life.ended(instance.container, ended.code, now)
                self.exit_codes[instance.tenant.key] = instance.tenant.exit_code
        for answer in [each for each in self._answers if each.done()]:
            tenant, check = self._answers.pop(answer)
            tenant.life.checked(check, *answer.result(), now)
        for number, probe in self._exec_probes.items():
            if probe.deadline <= now:
                self._processes.kill(number)

    def _do(self, tenant: Tenant, now: datetime, around: Surroundings) -> None:
        for command in tenant.life.due(now):
            match command:
                case Start():
                    tenant.restarts[command.container] = command.restart
                    self._start(tenant, command.container, now, around)
                case Terminate():
                    self._processes.terminate(tenant.numbers[command.container])
                case Kill():
                    self._processes.kill(tenant.numbers[command.container])
                case Check():
                    self._check(tenant, command, now)

    def _start(self, tenant: Tenant, container: str, now: datetime, around: Surroundings) -> None:
        log = self._log(tenant, container)
        several = len(tenant.containers) > 1
        self._logs.follow(log, tenant.key.name, container if several else None)
        try:
            prepared = self._containers.prepared(tenant.pod, container, tenant.address, log, around)
            number = self._processes.begin(prepared.program)
        except Refusal as refusal:
            self._refuse(tenant, container, log, refusal, now)
        except CannotStart as error:
            self._refuse(tenant, container, log, Refusal(str(error)), now)
        else:
            tenant.numbers[container] = number
            self._running[number] = _Instance(tenant, container, prepared)
            tenant.life.started(container, now)

    def _refuse(self, tenant: Tenant, container: str, log: Path, why: Refusal, now: datetime) -> None:
        """A container that cannot be run: that stands in its log too, where people look first."""
        tenant.life.not_started(container, why.reason, str(why), now)
        if not why.may_change:
            self.exit_codes[tenant.key] = NOT_EXECUTED_CODE
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a") as file:
                file.write(f"cannot start: {why}\n")
        self._logs.finish(log)

    def _check(self, tenant: Tenant, check: Check, now: datetime) -> None:
        body = tenant.container(check.container)
        probe = body[f"{check.probe}Probe"]
        if "exec" not in probe:
            asked: Future[tuple[bool, str]] = Future()
            self._answers[asked] = (tenant, check)
            attempted = partial(attempt, probe, body, tenant.address, self._network.real)
            threading.Thread(target=_answer, args=(asked, attempted), name="probe", daemon=True).start()
            return
        inside = self._running[tenant.numbers[check.container]].prepared
        log = inside.program.log.with_name(f"{check.probe}-probe.log")
        timeout = timedelta(seconds=probe.get("timeoutSeconds") or 1)
        try:
            number = self._processes.begin(inside.beside(probe["exec"].get("command", ()), log))
        except (Refusal, CannotStart) as error:
            tenant.life.checked(check, False, str(error), now)
        else:
            self._exec_probes[number] = _ExecProbe(tenant, check, now + timeout)

    def _write(self, tenant: Tenant, now: datetime) -> None:
        """Write the Pod's status if it has changed; remove the Pod if it is over."""
        status = tenant.life.status(now, address=tenant.address)
        if status != tenant.written:
            tenant.written = status
            try:
                self._api.set_status(tenant.key, status)
            except ApiError:
                return  # it is gone; the next step sees that
        if tenant.life.is_over:
            self._api.remove(tenant.key)

    def _log(self, tenant: Tenant, container: str) -> Path:
        folder = self._run / "logs" / f"{tenant.key.namespace}_{tenant.key.name}" / container
        return folder / f"{tenant.restarts.get(container, 0)}.log"


def _answer(asked: Future[tuple[bool, str]], attempted: Callable[[], tuple[bool, str]]) -> None:
    """Answer a probe; one that cannot even be tried has failed."""
    try:
        asked.set_result(attempted())
    except Exception as error:  # what a manifest can say of a probe has no end  # noqa: BLE001 - it is told
        asked.set_result((False, f"the probe cannot be tried: {type(error).__name__}: {error}"))


def _is_leaving(pod: Body) -> bool:
    return "deletionTimestamp" in pod["metadata"]
