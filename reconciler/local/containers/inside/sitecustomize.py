"""Makes a Python process believe that it runs in a Pod of its own.

Every container has this folder at the head of its PYTHONPATH, so its Python processes import this first: also those
that other programs start, and the workers of Dask's nannies. Without a Pod's environment, nothing is done. A
sitecustomize further down the path, which this one hides, is run afterwards.

    what                     is asked for                          becomes
    bind                     any IPv4 address                      the Pod's address
                             any IPv6 address of this machine      EADDRNOTAVAIL: a Pod has IPv4 only
    connect, connect_ex      localhost, 127.0.x.y, 0.0.0.0, ::1    the Pod's address
                             another 127.x.y.z, a Service          the same, coming from the Pod's address
                             anything else                         the same, untouched
    getsockname              an address that is bound              the Pod's address
    getaddrinfo and its      <service>[.<namespace>[.svc[.…]]]     the Service's address, read anew each time
    elder relatives          the Pod's name                        the Pod's address
                             no host, localhost, *, ::             the same, but IPv4 only
                             an unknown name in .svc               not found, without asking the network
    gethostname, uname       this machine's name                   the Pod's name
    cpu_count and the like   this machine's processors             as many as the container's limit, if fewer
    getrlimit                the limit of resident memory          the container's, where Dask looks for it

    own mode                 these addresses are real: what binds or connects uses them
    shifted mode             they are virtual: a listener really has a free port of 127.0.0.1, `ports/` says which,
                             and getsockname and getpeername tell the virtual address

So two schedulers can both have port 8786, and Dask announces addresses at which the other Pods find it.

What is not reached: programs that are not Python's, `python -I`, `-E` and `-S`, and extensions that open sockets or
resolve names by themselves (uvloop, gRPC, gevent, aiodns). They share this machine's addresses and do not know the
Services' names. `sendto` is as it was; in shifted mode, datagrams do not get from Pod to Pod, and whoever accepts a
connection sees that it comes from 127.0.0.1. A socket that is bound cannot connect to the outside.

Nothing here imports more than it needs, not even `socket` before the program does: it is in every process's start.
"""

from __future__ import annotations

import os
import sys

from _local_pod import Pod  # type: ignore[import-not-found]  # this folder is on the path, not in a package

TYPE_CHECKING = False  # `typing` takes longer to import than all this
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class Later:
    """Does something to a module at the moment when a program imports it.

    Args:
        name: The module's name.
        give: What is done to it.
    """

    def __init__(self, name: str, give: Callable[[ModuleType], None]) -> None:
        self._name = name
        self._give = give

    def begin(self) -> None:
        """Do it now if it is imported already."""
        module = sys.modules.get(self._name)
        if module is None:
            sys.meta_path.insert(0, self)
        else:
            self._give(module)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """What the import system asks of a finder; see `importlib.abc.MetaPathFinder`."""
        del path, target
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = _found(name, None)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_give(module: ModuleType) -> None:
                load(module)
                self._give(module)

            spec.loader.exec_module = load_and_give  # type: ignore[method-assign]
        return spec


def _give_network(pod: Pod, module: ModuleType) -> None:
    """Let `socket` see the Pod's network."""
    if not hasattr(module, "has_ipv6"):  # a program's own module of that name
        return
    import _local_pod_names  # type: ignore[import-not-found]  # noqa: PLC0415
    import _local_pod_sockets  # type: ignore[import-not-found]  # noqa: PLC0415

    names = _local_pod_names.Names(pod)
    names.install(module)
    _local_pod_sockets.Sockets(pod, names).install(module)


def _found(name: str, path: list[str] | None) -> ModuleSpec | None:
    """Where a module is, whoever finds it."""
    for finder in sys.meta_path:
        spec = finder.find_spec(name, path)
        if spec is not None:
            return spec
    return None


def _run_hidden() -> None:
    """Run the sitecustomize that this one hides."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # `pathlib` takes long to import
    spec = _found("sitecustomize", [folder for folder in sys.path if os.path.abspath(folder) != here])  # noqa: PTH100
    if spec is None or spec.loader is None:
        return
    from importlib.util import module_from_spec  # noqa: PLC0415  # takes long to import

    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def _begin() -> None:
    pod = Pod.of(os.environ)
    if pod is not None:
        pod.install()
        Later("socket", lambda module: _give_network(pod, module)).begin()
        if pod.memory > 0:
            Later("resource", pod.limit_memory).begin()


try:
    _begin()
finally:
    _run_hidden()
