"""A namespace on the node, with the user's hands in it."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.realcluster import ClusterError, RealCluster
from tests.realcluster.eventually import eventually

Object = dict[str, Any]

DEADLINE_SECONDS = 120
CLUSTER = "dask.org/cluster-name"
GROUP = "dask.org/workergroup-name"


@dataclass(frozen=True)
class Place:
    """A namespace on the node.

    Attributes:
        node: the Kubernetes.
        namespace: its name.
    """

    node: RealCluster
    namespace: str

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the namespace; what it wrote."""
        return self.node.kubectl(*arguments, f"--namespace={self.namespace}", stdin=stdin)

    def create(self, *bodies: Object) -> None:
        """Create objects."""
        stdin = json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies})
        self.kubectl("create", "--filename=-", stdin=stdin)

    def get(self, kind: str, name: str) -> Object:
        """An object as it is now.

        Raises:
            ClusterError: there is none.
        """
        body: Object = json.loads(self.kubectl("get", kind, name, "--output=json"))
        return body

    def all(self, kind: str, selector: str = "") -> list[Object]:
        """Objects as they are now."""
        found: list[Object] = json.loads(self.kubectl("get", kind, f"--selector={selector}", "--output=json"))["items"]
        return found

    def pods(self, selector: str) -> list[Object]:
        """Pods that nobody has deleted."""
        return [pod for pod in self.all("pods", selector) if "deletionTimestamp" not in pod["metadata"]]

    def uids(self, selector: str) -> dict[str, str]:
        """The uids, by name, of the Pods that nobody has deleted."""
        return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in self.pods(selector)}

    def merge(self, kind: str, name: str, patch: Object) -> None:
        """Change an object by a merge patch."""
        self.kubectl("patch", kind, name, "--type=merge", f"--patch={json.dumps(patch)}")

    def wait(self, what: str, state: str, seconds: float = DEADLINE_SECONDS) -> None:
        """`kubectl wait`.

        Args:
            what: the objects: `daskcluster/simple`, or several words.
            state: what to wait for: `condition=Ready`, `delete`, `jsonpath={.status.phase}=Succeeded`.
            seconds: until when.

        Raises:
            AssertionError: it did not come in time; the message shows the namespace.
        """
        try:
            self.kubectl("wait", f"--for={state}", *what.split(), f"--timeout={seconds:.0f}s")
        except ClusterError as error:
            raise AssertionError(f"{error}\n{self.world()}") from None

    def eventually(self, condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
        """Wait until a condition holds.

        Raises:
            AssertionError: it did not in time; the message shows the namespace.
        """
        try:
            eventually(condition, what, deadline_seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.world()}") from None

    def leaves_nothing(self, names: set[str]) -> None:
        """Wait until nothing is left of what has one of these names or begins with it and a hyphen.

        Raises:
            AssertionError: something stays.
        """
        self.eventually(lambda: not self.left(names), f"the end of all of {names}")

    def left(self, names: set[str]) -> set[str]:
        """What is there of these names."""
        there = self.kubectl("get", "all,dask,endpointslices", "--output=name").split()
        return {line for line in there if any(f"{line.partition('/')[2]}-".startswith(f"{name}-") for name in names)}

    def message(self, kind: str, name: str, type_: str = "Ready") -> str:
        """What a condition says; empty if it is not there yet."""
        conditions = self.get(kind, name).get("status", {}).get("conditions", [])
        return next((str(one["message"]) for one in conditions if one["type"] == type_), "")

    def world(self) -> str:
        """What is there, for people."""
        shown = [self.kubectl("get", "all,dask", "--output=wide"), self.kubectl("get", "events")]
        log = self.node.kubectl(
            "logs", "--selector=app.kubernetes.io/name=dask-reconciler", "--namespace=dask-reconciler", check=False
        )
        return "\n".join([f"at {time.strftime('%X')}", *shown, log])


def is_ready(pod: Object) -> bool:
    """Whether a Pod is ready."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
