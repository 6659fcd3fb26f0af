"""The process that owns a cluster: starts it, says so, and takes it down when told or when its starter is gone.

    starter ──── stdin: a pipe that the kernel closes when the starter dies, however it dies
       │         (or another process, whose death is awaited)
    supervisor ──── stdout: "ready", or why not
       ├── etcd, kube-apiserver, …          killed by the kernel if the supervisor dies
       └── the node's sandbox               the same, with all that is in it

Everything ends in one way, by SIGTERM: `down` sends it, and so does the thread that waits for the starter's end.
"""

import contextlib
import os
import select
import signal
import sys
import threading
from types import FrameType

from tests.realcluster import containerd, controlplane, fakenodes, node, sandbox
from tests.realcluster import instance as instances
from tests.realcluster import network as networks
from tests.realcluster.errors import ClusterError
from tests.realcluster.instance import Instance
from tests.realcluster.kubectl import kubectl
from tests.realcluster.network import Network
from tests.realcluster.processes import Processes


class _End(Exception):
    """Somebody asked for the end."""


class Supervisor:
    """One cluster's life.

    Args:
        instance: what the cluster is to be.
    """

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._processes = Processes(instance.folder, instance.logs)
        self._network: Network | None = None

    def up(self) -> None:
        """Start everything and wait until it is usable.

        Raises:
            ClusterError: something ended or did not come up.
        """
        instance, processes = self._instance, self._processes
        if not instance.node:
            plane = controlplane.start(instance, processes, None)
        else:
            pid = sandbox.start(instance, processes)
            network = self._network = networks.connect(pid)
            containerd.start(instance, processes, pid, network)
            plane = controlplane.start(instance, processes, network)
            node.start(plane, processes, pid, network)
        if instance.kwok:
            nodes = fakenodes.start(plane, processes)
            kubectl(instance.program("kubectl"), instance.kubeconfig, "create", "--filename=-", stdin=nodes)

    def down(self) -> None:
        """End everything, and leave nothing."""
        sandbox.end(self._instance, self._processes)
        self._processes.kill()
        if self._network is not None:
            networks.disconnect(self._network)
        instances.discard(self._instance)


def main(name: str, watched: str) -> None:
    """Run a cluster until the end is asked for.

    Args:
        name: the cluster's.
        watched: with whose end it ends: `stdin`, a process id, or `nobody`.
    """
    signal.signal(signal.SIGTERM, _end)
    supervisor = Supervisor(instances.find(name))
    try:
        if watched != "nobody":
            threading.Thread(target=_end_with, args=[watched], daemon=True).start()
        supervisor.up()
        print(instances.READY, flush=True)
        while True:
            signal.pause()
    except _End:
        pass
    except ClusterError as error:
        print(error, flush=True)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        supervisor.down()


def _end(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _End


def _end_with(watched: str) -> None:
    if watched == "stdin":
        while os.read(sys.stdin.fileno(), 1024):
            pass
    else:
        with contextlib.suppress(ProcessLookupError):  # it is gone already
            select.select([os.pidfd_open(int(watched))], [], [])
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
