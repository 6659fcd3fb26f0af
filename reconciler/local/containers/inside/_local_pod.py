"""The Pod that a process is in, as its environment says, and the machine that it is to see."""

from __future__ import annotations

import os
import posix

TYPE_CHECKING = False  # `typing` takes longer to import than all this
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType


class Pod:
    """A Pod, and a container's limits in it.

    Args:
        environment: The container's environment.
    """

    __slots__ = ("address", "cpus", "memory", "name", "namespace", "run", "shifted")

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.run = environment["LOCAL_POD_RUN"]
        self.address = environment["LOCAL_POD_ADDRESS"]
        self.name = environment["LOCAL_POD_NAME"]
        self.namespace = environment["LOCAL_POD_NAMESPACE"]
        self.shifted = environment.get("LOCAL_POD_SHIFTED") == "1"
        self.cpus = int(environment.get("LOCAL_POD_CPUS") or 0)
        self.memory = int(environment.get("LOCAL_POD_MEMORY") or 0)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Pod | None:
        """The Pod, or `None` outside of one, or when its run is over."""
        run = environment.get("LOCAL_POD_RUN")
        if not run or not os.path.isdir(run):  # noqa: PTH112  # `pathlib` takes long to import
            return None
        try:
            return cls(environment)
        except (KeyError, ValueError):
            return None

    def install(self) -> None:
        """Let `os` tell the Pod's name and the container's processors."""
        uname = os.uname

        def pod_uname() -> os.uname_result:
            system, _, *rest = uname()
            return os.uname_result((system, self.name, *rest))

        replace("uname", pod_uname, os, posix)
        if self.cpus > 0:
            self._install_cpus()

    def limit_memory(self, module: ModuleType) -> None:
        """Let `resource` tell the container's memory limit as that of resident memory, where Dask looks for it.

        Linux tells it anyway; elsewhere, a real limit of that sort would be enforced, or is another one.

        Args:
            module: The module `resource`.
        """
        if not hasattr(module, "RLIMIT_RSS"):  # a program's own module of that name
            return
        real, infinity, resident = module.getrlimit, module.RLIM_INFINITY, module.RLIMIT_RSS

        def pod_getrlimit(which: int, /) -> tuple[int, int]:
            soft, hard = (self.memory if limit == infinity else min(limit, self.memory) for limit in real(which))
            return (soft, hard) if which == resident else real(which)

        replace("getrlimit", pod_getrlimit, module)

    def _install_cpus(self) -> None:
        for name in ("cpu_count", "process_cpu_count"):
            if hasattr(os, name):
                replace(name, _limited(getattr(os, name), self.cpus), os, posix)
        if hasattr(os, "sched_getaffinity"):
            affinity = os.sched_getaffinity

            def pod_affinity(pid: int, /) -> set[int]:
                mine = pid in (0, os.getpid())
                return set(sorted(affinity(pid))[: self.cpus]) if mine else affinity(pid)

            replace("sched_getaffinity", pod_affinity, os, posix)


def replace(name: str, function: Callable[..., object], *modules: ModuleType) -> None:
    """Put a function into the place of one of the same name.

    It is pickled by that name, as the one that it replaces: a task of Dask that tells the host's name tells it of the
    worker, wherever it comes from.

    Args:
        name: The name.
        function: What takes the place.
        modules: Where; only in those that have the name.
    """
    function.__module__ = modules[0].__name__
    function.__name__ = function.__qualname__ = name
    for module in modules:
        if hasattr(module, name):
            setattr(module, name, function)


def _limited(count: Callable[[], int | None], limit: int) -> Callable[[], int | None]:
    """A function that counts processors, but not more than a limit."""

    def limited() -> int | None:
        real = count()
        return real if real is None else min(real, limit)

    return limited
