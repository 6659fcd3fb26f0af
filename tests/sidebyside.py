"""Which tests each process gets, of those that pytest-xdist runs side by side."""

from pathlib import PurePath

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

NODE, API_SERVER = "node", "apiserver"
ELSEWHERE = {
    "tests/cli/test_rights.py": API_SERVER,
    "tests/contract": API_SERVER,
    "tests/http/test_apiserver.py": API_SERVER,
    "tests/kubecluster/test_api_server.py": API_SERVER,
    "tests/local/kubectl": API_SERVER,
    "tests/kubecluster/test_forward_node.py": NODE,
    "tests/unit/deploy/test_deploy.py": API_SERVER,
}
"""Tests in other folders for which one of these Kubernetes is started; one that is missing here starts one more."""
LONGEST_FIRST = (NODE, "local", API_SERVER, "kubecluster")


class SideBySide(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Hands out whole folders of `tests`, and all that shares a Kubernetes at once; the longest begin first."""

    def _split_scope(self, nodeid: str) -> str:
        path = PurePath(nodeid.partition("::")[0])
        shared = (scope for where, scope in ELSEWHERE.items() if path.is_relative_to(where))
        return next(shared, path.parts[1])

    def _assign_work_unit(self, node: WorkerController) -> None:
        for scope in reversed(LONGEST_FIRST):
            if scope in self.workqueue:
                self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)
