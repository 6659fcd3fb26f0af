"""How many Pods may be let go in all: an edit asks for it once, of those that are there when it is seen.

A cluster and a job may let go every Pod of their tree, a group its own workers. What users take off a Pod asks for that
Pod. Nothing else asks for anything: nobody who runs is let go twice over, or by and by.
"""

from dataclasses import dataclass, field

from models.kinds import CUSTOM_KINDS, DASK_WORKER_GROUP, POD
from reconciler.memory import MemoryAPI
from reconciler.wire.protocol import Body
from tests.simulation.requests import root_of


@dataclass
class Asked:
    """The account of what edits asked for.

    Args:
        api: Where the resources are.

    Attributes:
        most: How many Pods may have been let go by now.
        let_go: How many were.
    """

    api: MemoryAPI
    most: int = 0
    let_go: int = 0
    _let_go_before: int = 0
    _generations: dict[str, int] = field(default_factory=dict)

    def look(self) -> None:
        """Take in what users have edited since the last time."""
        for kind in CUSTOM_KINDS:
            for body in self.api.objects(kind):
                self.see(body)
        self._let_go_before = self.let_go

    def see(self, body: Body) -> None:
        """Take in what users have edited in one resource."""
        meta = body["metadata"]
        edits = meta["generation"] - self._generations.get(meta["uid"], meta["generation"])
        if edits:
            self.most += edits * (self._concerned(body) + self.let_go - self._let_go_before)
        self.know(body)

    def know(self, body: Body) -> None:
        """Take in a resource as it was left by the reconciler, or for the first time."""
        self._generations[body["metadata"]["uid"]] = body["metadata"]["generation"]

    def scaled(self, before: Body, after: Body) -> None:
        """The reconciler changes a resource: an autoscaler lets as many Pods go as its group is to have less."""
        if after["kind"] == DASK_WORKER_GROUP.name:
            now, then = (body["spec"]["worker"].get("replicas", 1) for body in (before, after))
            self.most += max(0, now - then)

    def made(self, *, is_certain: bool) -> None:
        """A Pod is made, which may be one too many if the picture was wrong, or another reconciler made it, too."""
        self.most += not is_certain

    def deleted(self, pod: Body) -> None:
        """The reconciler lets a Pod go."""
        is_over = pod["status"].get("phase") in ("Succeeded", "Failed")
        self.let_go += not is_over and "deletionTimestamp" not in pod["metadata"]

    def check(self) -> None:
        """Nobody was let go unasked."""
        self.look()
        assert self.let_go <= self.most, f"{self.let_go} Pods were let go, and edits asked for {self.most} at most"

    def _concerned(self, body: Body) -> int:
        """How many Pods the resource may let go."""
        pods, uid = self.api.objects(POD), body["metadata"]["uid"]
        if body["kind"] == DASK_WORKER_GROUP.name:
            owners = ([owner["uid"] for owner in pod["metadata"].get("ownerReferences", ())] for pod in pods)
            return sum(uid in uids for uids in owners)
        tree = root_of(self.api, body)
        return sum(root_of(self.api, pod) == tree for pod in pods)
