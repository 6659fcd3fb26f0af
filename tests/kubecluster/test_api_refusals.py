"""What the API server does not do, and the error that each refusal is."""

from pathlib import Path

import pytest

from kubecluster import errors
from kubecluster.errors import KubeClusterError
from tests.http.rawserver import RawServer, answer
from tests.kubecluster.calls import CALLS, SERVED, Act, connected, refused


def rbac(verb: str, resource: str, group: str) -> str:
    """How the API server tells that somebody may not do something."""
    return f'User "jane" cannot {verb} resource "{resource}" in API group "{group}" in the namespace "ns"'


REFUSALS: dict[str, tuple[str, Act, type[KubeClusterError], tuple[str, ...]]] = {
    "a user who is not known": (
        "get", refused(401, "Unauthorized"), errors.NotAllowed, ("does not know who we are", "log in again")
    ),
    "a right to a custom resource": (
        "create",
        refused(403, f"x is forbidden: {rbac('create', 'daskclusters', 'kubernetes.dask.org')}", "Forbidden"),
        errors.NotAllowed,
        (
            "User 'jane' may not create daskclusters in namespace 'ns'",
            "a Role in namespace 'ns' with the rule",
            '{"apiGroups": ["kubernetes.dask.org"], "resources": ["daskclusters"], "verbs": ["create"]}',
        ),
    ),
    "a right to logs": (
        "log",
        refused(403, f"x is forbidden: {rbac('get', 'pods/log', '')}", "Forbidden"),
        errors.NotAllowed,
        ("'jane' may not get pods/log", '{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}'),
    ),
    "a proxy's no": (
        "get",
        answer(b"<h1>Forbidden</h1>", first=b"HTTP/1.1 403 No\r\n"),
        errors.NotAllowed,
        ("This user", "Forbidden"),
    ),
    "a quota": (
        "create",
        refused(403, "x is forbidden: exceeded quota: tiny, requested: pods=1, used: pods=2", "Forbidden"),
        errors.QuotaExceeded,
        ("namespace 'ns'", "exceeded quota: tiny, requested: pods=1", "have the quota raised"),
    ),
    "a policy": (
        "create",
        refused(403, 'admission webhook "policy" denied the request: no image from there', "Forbidden"),
        errors.RequestFailed,
        ("refuses to create DaskCluster ns/big", "no image from there"),
    ),
    "definitions that are missing": (
        "list",
        answer(b"404 page not found\n", first=b"HTTP/1.1 404 No\r\n"),
        errors.NotInstalled,
        ("does not know daskclusters.kubernetes.dask.org", "have the custom resource definitions installed"),
    ),
    "a definition that is missing": (
        "get",
        refused(404, "the server could not find the requested resource", "NotFound"),
        errors.NotInstalled,
        ("does not know daskclusters.kubernetes.dask.org",),
    ),
    "a cluster that is missing": (
        "get",
        refused(404, 'daskclusters.kubernetes.dask.org "big" not found', "NotFound", name="big", kind="daskclusters"),
        errors.ClusterNotFound,
        ("There is no DaskCluster ns/big", "kubectl get daskclusters --namespace=ns"),
    ),
    "a Pod that is missing": (
        "get pod", refused(404, 'pods "p" not found', "NotFound", name="p", kind="pods"), errors.RequestFailed,
        ("There is no Pod default/p",),
    ),
    "a namespace that is missing": (
        "create",
        refused(404, 'namespaces "ns" not found', "NotFound", name="ns", kind="namespaces"),
        errors.NamespaceNotFound,
        ("There is no namespace 'ns': create it (`kubectl create namespace ns`)",),
    ),
    "a name that is taken": (
        "create", refused(409, "x already exists", "AlreadyExists"), errors.AlreadyExists,
        ("There is DaskCluster ns/big already", "choose another name"),
    ),
    "a name that is still taken": (
        "create", refused(409, "object is being deleted: x already exists", "AlreadyExists"), errors.AlreadyExists,
        ("DaskCluster ns/big is still being deleted",),
    ),
    "somebody else's change": (
        "patch", refused(409, "the object has been modified", "Conflict"), errors.Conflict,
        ("DaskCluster ns/big was changed by somebody else",),
    ),
    "a wrong field": (
        "create",
        refused(
            422, 'DaskCluster "big" is invalid', "Invalid",
            causes=[{"field": "spec.worker.replicas", "message": "Invalid value: -1"}],
        ),
        errors.Invalid,
        ("DaskCluster ns/big is not valid", "Correct it: spec.worker.replicas: Invalid value: -1"),
    ),
    "no object at all": ("create", refused(400, "cannot be handled as a DaskCluster"), errors.Invalid, ("cannot be",)),
    "a wrong question": ("list", refused(400, "found '=='"), errors.RequestFailed, ("found '=='",)),
    "a server that fails": ("create", refused(500, "etcd is slow"), errors.RequestFailed, ("500", "etcd is slow")),
    "a server that is busy": ("create", refused(429, "too many"), errors.RequestFailed, ("429", "too many")),
    "nobody behind": (
        "create", answer(b"<p>no backend</p>", first=b"HTTP/1.1 503 No\r\n"), errors.Unreachable, ("503", "no backend")
    ),
    "a log-in page": (
        "get", answer(b"<html>Log in</html>"), errors.RequestFailed, ("no object of Kubernetes, but: Log in", "proxy")
    ),
    "something else than a list": ("list", SERVED, errors.RequestFailed, ("no list",)),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_each_refusal_is_an_error_of_its_own(tmp_path: Path, case: str) -> None:
    """The error's class says what kind of trouble it is, and its message what it is about and what helps."""
    call, act, expected, words = REFUSALS[case]
    with RawServer(act) as server, connected(tmp_path, server.url) as api, pytest.raises(KubeClusterError) as caught:
        CALLS[call](api)
    assert type(caught.value) is expected, caught.value
    for word in words:
        assert word in str(caught.value)
