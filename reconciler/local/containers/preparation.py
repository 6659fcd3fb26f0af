"""What a container comes to on this machine: a program with its arguments, environment and directory."""

import math
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.local.containers import programs
from reconciler.local.containers.mounts import Mounts
from reconciler.local.containers.processes import Program
from reconciler.local.containers.programs import NoProgram
from reconciler.local.containers.variables import Unavailable, environment, expanded, passed_on
from reconciler.local.files.supplies import Supply
from reconciler.local.network.addresses import Network
from reconciler.local.quantities import quantity
from reconciler.wire.protocol import Body

INSIDE = Path(__file__).parent / "inside"
"""What Python programs in containers import first."""


class Refusal(Exception):
    """A container cannot be run; the message says why.

    Attributes:
        reason: In one word, as a kubelet puts it.
        may_change: Whether it is worth trying again: a ConfigMap may still come.
    """

    def __init__(self, message: str, reason: str = "RunContainerError", *, may_change: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.may_change = may_change


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What containers find around them.

    Args:
        supplies: The ConfigMaps and Secrets there are.
        services: The Services there are, each with the address that it has here.
    """

    supplies: Mapping[tuple[str, str, str], Supply] = field(default_factory=dict)
    services: Sequence[Body] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A container that may be begun.

    Args:
        program: What to run.
        mounts: Where its paths are.
    """

    program: Program
    mounts: Mounts

    def beside(self, command: Iterable[str], log: Path) -> Program:
        """A command in the same container, as an exec probe asks for; nothing in it is expanded.

        Raises:
            Refusal: there is none.
        """
        return replace(self.program, argv=_argv([*map(self.mounts.rewritten, command)], ()), log=log)


class Containers:
    """Works out what to run.

    Args:
        network: What the processes must know of it.
        run: The run's directory.
        has_gpu: Whether this machine has a GPU.
    """

    def __init__(self, network: Network, run: Path, *, has_gpu: bool) -> None:
        self._network = network
        self._run = run
        self._bin = run / "bin"
        programs.install(self._bin, has_gpu=has_gpu)
        self._host = passed_on(os.environ)

    def prepared(self, pod: Body, name: str, address: str, log: Path, around: Surroundings) -> Prepared:
        """What to run for a container.

        Args:
            pod: The Pod.
            name: The container's name.
            address: The Pod's address.
            log: Where its output goes.
            around: What it finds around it.

        Raises:
            Refusal: it cannot be run.
        """
        container = _container(pod, name)
        home = self._home(pod)
        home.mkdir(parents=True, exist_ok=True)
        try:
            variables = environment(pod, container, around.supplies, around.services, address)
            mounts = Mounts.of(pod, container, around.supplies, home, variables)
        except Unavailable as error:
            raise Refusal(str(error), error.reason, may_change=True) from error
        command = expanded(container.get("command", ()), variables)
        arguments = expanded(container.get("args", ()), variables)
        working_directory = container.get("workingDir", "")
        impossible = mounts.impossible([*command, *arguments, working_directory])
        if impossible:
            raise Refusal(impossible)
        program = Program(
            argv=_argv([*map(mounts.rewritten, command)], [*map(mounts.rewritten, arguments)]),
            environment={
                **self._host,
                # Where Dask spills; below TMPDIR it would stay when the run is killed.
                "DASK_TEMPORARY_DIRECTORY": str(home / "dask"),
                **{name: mounts.rewritten(value) for name, value in variables.items()},
                **self._own(pod, container, address, variables),
            },
            directory=self._directory(pod, mounts.rewritten(working_directory)),
            log=log,
            memory_bytes=_limit(container, "memory"),
        )
        return Prepared(program, mounts)

    def forget(self, pod: Body) -> None:
        """Remove what is left of a Pod that is gone."""
        shutil.rmtree(self._home(pod), ignore_errors=True)

    def _own(self, pod: Body, container: Body, address: str, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables that are ours, whatever the manifest says."""
        meta = pod["metadata"]
        cpus, memory = (_limit(container, resource) for resource in ("cpu", "memory"))
        path = variables.get("PATH") or self._host.get("PATH", os.defpath)
        return {
            **self._network.environment(meta["namespace"], meta["name"], address),
            **({"LOCAL_POD_CPUS": str(cpus)} if cpus else {}),
            **({"LOCAL_POD_MEMORY": str(memory)} if memory else {}),
            "HOSTNAME": variables.get("HOSTNAME", meta["name"]),
            "PATH": programs.search_path(self._bin, path),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(INSIDE), variables.get("PYTHONPATH", "")))),
            # Or what a job prints would come when it ends.
            "PYTHONUNBUFFERED": variables.get("PYTHONUNBUFFERED", "1"),
        }

    def _directory(self, pod: Body, asked: str) -> Path:
        """Where it runs: as asked, if that is here, else in the Pod's own; by default where the command was given."""
        if not asked:
            return Path.cwd()
        # Unlike Path's, this one takes what may not be looked at for what is not there.
        return Path(asked) if os.path.isdir(asked) else self._home(pod)  # noqa: PTH112 - see above

    def _home(self, pod: Body) -> Path:
        meta = pod["metadata"]
        return self._run / "pods" / f"{meta['namespace']}_{meta['name']}_{meta['uid'][-12:]}"


def _argv(command: Sequence[str], arguments: Sequence[str]) -> tuple[str, ...]:
    try:
        return programs.program(command, arguments)
    except NoProgram as error:
        raise Refusal(str(error)) from error


def _limit(container: Body, resource: str) -> int | None:
    """A container's limit, in whole CPUs or bytes, rounded up.

    Raises:
        Refusal: it is no quantity.
    """
    given = (container.get("resources") or {}).get("limits", {}).get(resource)
    try:
        return None if given is None else math.ceil(quantity(given))
    except ValueError as error:
        raise Refusal(f"resources.limits.{resource} of container {container['name']} is wrong: {error}") from error


def _container(pod: Body, name: str) -> Body:
    found: Body = next(
        each for each in [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]] if each["name"] == name
    )
    return found
