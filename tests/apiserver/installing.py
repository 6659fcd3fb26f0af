"""Putting CustomResourceDefinitions on an API server, ours and dask-kubernetes'."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from models.kinds import CUSTOM_KINDS
from tests.manifests import Manifest, autoscaler, cluster, group, job
from tests.realcluster import ClusterError, RealCluster
from tests.upstream import upstream_crd

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "crds"
# Manifests that only our rules refuse, one of each kind: when they are refused, our rules are in force.
REFUSED_BY_US = (autoscaler(minimum=2, maximum=1), cluster("a.b"), job("a.b"), group("x" * 236))


def until(condition: Callable[[], bool], what: str, deadline_seconds: float = 120) -> None:
    """Wait for the API server to come round to something."""
    deadline = time.monotonic() + deadline_seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {deadline_seconds:.0f} s: {what}"
        time.sleep(0.05)


def install(api_server: RealCluster, *flags: str) -> None:
    """Apply crds/ and wait until their rules are in force."""
    api_server.kubectl("apply", *flags, f"--filename={CRDS}")
    for manifest in REFUSED_BY_US:
        until(partial(_is_refused, api_server, manifest), f"still accepted: {manifest}")


def _is_refused(api_server: RealCluster, manifest: Manifest) -> bool:
    return "is invalid" in refusal(api_server, manifest)


def uninstall(api_server: RealCluster) -> None:
    """Delete the CustomResourceDefinitions, whosever they are, and all resources of them."""
    names = [f"customresourcedefinition/{kind.plural}.{kind.group}" for kind in CUSTOM_KINDS]
    api_server.kubectl("delete", "--ignore-not-found", "--timeout=60s", *names)


def install_upstream(api_server: RealCluster, group_name: str) -> None:
    """Create dask-kubernetes' CustomResourceDefinitions under a group, and wait until they are served."""
    for kind in CUSTOM_KINDS:
        crd = upstream_crd(kind)
        names = {"metadata": {"name": f"{kind.plural}.{group_name}"}, "spec": {**crd["spec"], "group": group_name}}
        api_server.kubectl("create", "--filename=-", stdin=json.dumps({**crd, **names}))
        served = f"/apis/{group_name}/v1/{kind.plural}"
        until(partial(_is_there, api_server, served), f"not served: {served}")


def _is_there(api_server: RealCluster, path: str) -> bool:
    return api_server.kubectl("get", "--raw", path, check=False) != ""


def refusal(api_server: RealCluster, body: Manifest, *flags: str) -> str:
    """Why the API server would refuse an object; empty if it would not."""
    try:
        api_server.kubectl("create", "--dry-run=server", "--filename=-", *flags, stdin=json.dumps(body))
    except ClusterError as error:
        return str(error)
    return ""


def is_accepted(api_server: RealCluster, body: Manifest) -> bool:
    """Whether the API server would accept an object."""
    return refusal(api_server, body) == ""


def accepted(api_server: RealCluster, bodies: list[Manifest]) -> set[str]:
    """The names of those objects that the API server would accept."""
    stdin = json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies})
    written = api_server.kubectl(
        "create", "--dry-run=server", "--filename=-", "--output=name", stdin=stdin, check=False
    )
    return {line.rpartition("/")[2] for line in written.split()}
