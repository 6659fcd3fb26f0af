"""How long a cluster lives that a Python program has made.

    `close` is called           it is deleted then
    the program ends            it is deleted on the way out; SIGTERM ends it so, too
    its Pod is deleted          it goes with the Pod, which owns it
    the program crashes         the reconciler deletes it, some time after its owner's last sign of life
    `idle_timeout` is over      the operator deletes it, whatever became of the program

The sign of life is an annotation on the DaskCluster. Its time is the API server's, since the reconciler compares it
with its own, and laptops' clocks are wrong.
"""

import atexit
import builtins
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from kubecluster.diagnosis.events import moment
from kubecluster.diagnosis.sight import Body, items, text
from kubecluster.errors import ClusterNotFound, Conflict, KubeClusterError
from kubecluster.names import OWNER_SEEN, OWNER_TIMEOUT_SECONDS
from kubecluster.resource import ClusterResource, now

LONGEST_PAUSE_SECONDS = 60.0
SHARE = 10
"""So many signs of life there are in the time that a cluster outlives its owner."""

EXIT_SECONDS = 5.0
"""How long the end of a program may be held up."""

log = logging.getLogger("kubecluster")


def marks(timeout_seconds: int, at: datetime) -> Mapping[str, str]:
    """The annotations of a cluster that outlives its owner for that long; none if it is 0."""
    if not timeout_seconds:
        return {}
    return {OWNER_SEEN: _written(at), OWNER_TIMEOUT_SECONDS: str(timeout_seconds)}


class Lifetime:
    """The end of a cluster, in the hands of the program that made it.

    Args:
        resource: The cluster.
        made: It, as it was when it was made.
        timeout_seconds: For how long it outlives the program's last sign of life; 0 means for ever.
        pod_uid: The uid of the program's Pod, if it goes with that; empty otherwise.
    """

    def __init__(self, resource: ClusterResource, made: Body, timeout_seconds: int, pod_uid: str = "") -> None:
        self._resource = resource
        self._uid = text(made, "metadata", "uid")
        self._timeout_seconds = timeout_seconds
        self._is_ending = False
        owners = items(made, "metadata", "ownerReferences")
        self._other_owners = [owner for owner in owners if owner.get("uid") != pod_uid] if pod_uid else None
        self._ahead: timedelta = moment(text(made, "metadata", "creationTimestamp")) - now()
        self._process = os.getpid()
        atexit.register(self._end_at_exit)

    @property
    def pause_seconds(self) -> float | None:
        """How long to wait between two signs of life; `None` if nobody looks at them."""
        return min(LONGEST_PAUSE_SECONDS, self._timeout_seconds / SHARE) if self._timeout_seconds else None

    def renew(self) -> bool:
        """Give a sign of life; whether that is of use any longer."""
        try:
            self._resource.annotate({OWNER_SEEN: _written(now() + self._ahead)}, uid=self._uid)
        except (ClusterNotFound, Conflict):
            if not self._is_ending:
                log.warning("The DaskCluster %s is gone: somebody else deleted it.", self._resource)
            return False
        except KubeClusterError as error:
            log.debug("No sign of life for the DaskCluster %s: %s", self._resource, error)
        return True

    def end(self) -> None:
        """Delete the cluster; another that has its name by now stays.

        Raises:
            KubeClusterError: it is not deleted; it will be tried again when the program ends.
        """
        self._is_ending = True
        self._resource.delete(uid=self._uid)
        atexit.unregister(self._end_at_exit)

    def release(self) -> None:
        """Leave the cluster to others: nobody waits for its owner any more."""
        self._is_ending = True
        atexit.unregister(self._end_at_exit)
        with suppress(ClusterNotFound, Conflict):
            marks = {OWNER_SEEN: None, OWNER_TIMEOUT_SECONDS: None}
            self._resource.annotate(marks, uid=self._uid, owners=self._other_owners)

    def _end_at_exit(self) -> None:
        """Delete the cluster, at the end of the program that made it and of no other, which may be its copy."""
        if os.getpid() != self._process:
            return
        self._is_ending = True
        hurried = replace(self._resource, kubernetes=self._resource.kubernetes.within(EXIT_SECONDS))
        try:
            hurried.delete(uid=self._uid)
        except Exception as error:  # noqa: BLE001  # whatever it is, a traceback would help nobody now
            where = f"--namespace={self._resource.namespace}"
            words = f"The DaskCluster {self._resource} could not be deleted: {error}"
            remedy = f"`kubectl delete daskcluster {self._resource.name} {where}` deletes it."
            print(words, remedy, file=sys.stderr)  # noqa: T201  # logging may be over


def exit_on_sigterm() -> None:
    """Have SIGTERM end the program as Ctrl-C does, so that what is made goes, unless somebody handles the signal.

    In a notebook it is the kernel's business.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and not hasattr(builtins, "__IPYTHON__"):
        signal.signal(signal.SIGTERM, partial(_terminated, os.getpid()))


class Terminated(SystemExit, KeyboardInterrupt):
    """SIGTERM. What waits in an event loop gives up for a KeyboardInterrupt alone."""


def _terminated(process: int, number: int, _: object) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
    if os.getpid() != process:  # a copy of the program made nothing
        os.kill(os.getpid(), number)
        return
    raise Terminated(128 + number)


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
