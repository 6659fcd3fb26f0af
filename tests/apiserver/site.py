"""A namespace in which the daemon runs with the rights of deploy/, and an administrator's hands on it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from models.kinds import DASK_CLUSTER
from reconciler.wire.protocol import FIELD_MANAGER
from tests.apiserver.audit import Audit
from tests.apiserver.gate import Gate
from tests.apiserver.installing import ROOT, install, until
from tests.cli.daemon import Daemon, environment, running
from tests.manifests import Manifest, pod_spec
from tests.realcluster import RealCluster

ACCOUNT = "dask-reconciler"
RBAC = "rbac.authorization.k8s.io"
INTERVAL = "--interval=200ms"


@dataclass(frozen=True)
class Installation:
    """An API server on which deploy/base is installed, all but its Deployment.

    Attributes:
        cluster: the API server.
        kubeconfig: the daemon's: its ServiceAccount's token.
    """

    cluster: RealCluster
    kubeconfig: Path

    @property
    def audit(self) -> Audit:
        assert self.cluster.audit_log is not None
        return Audit(self.cluster.audit_log)


def manifests_of_deployment() -> list[Manifest]:
    """What deploy/base installs beside the CRDs, without the daemon itself."""
    files = (ROOT / "deploy" / "base").glob("*.yaml")
    found = [body for file in sorted(files) for body in yaml.safe_load_all(file.read_text())]
    apart = ("Kustomization", "Deployment", "Namespace")
    namespace = [body for body in found if body["kind"] == "Namespace"]
    return namespace + [body for body in found if body["kind"] not in apart]


def install_daemon(cluster: RealCluster) -> Installation:
    """Install CRDs, account and rights."""
    install(cluster)
    installed = install_rights(cluster)
    until(lambda: _may_have_children(installed), "an API server that knows our kinds as owners", deadline_seconds=60)
    return installed


def install_rights(cluster: RealCluster) -> Installation:
    """Install account and rights alone."""
    items = {"apiVersion": "v1", "kind": "List", "items": manifests_of_deployment()}
    cluster.kubectl("apply", f"--namespace={ACCOUNT}", "--filename=-", stdin=json.dumps(items))
    return Installation(cluster, cluster.kubeconfig_for(ACCOUNT, ACCOUNT))


def _may_have_children(installed: Installation) -> bool:
    """Whether a DaskCluster may own a Pod: admission learns of new kinds within half a minute."""
    owner = {"apiVersion": DASK_CLUSTER.api_version, "kind": DASK_CLUSTER.name, "name": "c", "uid": "1"}
    metadata = {"name": "probe", "ownerReferences": [{**owner, "blockOwnerDeletion": True}]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec()}
    create = ("create", "--dry-run=server", "--filename=-", "--output=name", f"--kubeconfig={installed.kubeconfig}")
    return installed.cluster.kubectl(*create, "--namespace=default", stdin=json.dumps(body), check=False) != ""


@dataclass(frozen=True)
class Site:
    """A namespace, and the daemon that looks after it alone.

    Attributes:
        installed: where it is.
        namespace: its name.
    """

    installed: Installation
    namespace: str

    @property
    def cluster(self) -> RealCluster:
        return self.installed.cluster

    @property
    def audit(self) -> Audit:
        return self.installed.audit

    def arguments(self, *more: str) -> list[str]:
        where = [f"--kubeconfig={self.installed.kubeconfig}", f"--namespaces={self.namespace}"]
        return [*where, "--no-dask", *more]  # nothing runs in these Pods

    def daemon(self, *more: str) -> AbstractContextManager[Daemon]:
        """The daemon, at work while the context lasts."""
        return running(self.arguments(INTERVAL, *more))

    def once(self, *more: str) -> "subprocess.CompletedProcess[str]":
        """Run the daemon once, to its end."""
        command = [sys.executable, "-m", "reconciler", "--once", *self.arguments(*more)]
        return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)

    def with_rights(self, rules: Sequence[Manifest]) -> "Site":
        """The same site for a daemon that has only those rights, in this namespace."""
        here = {"name": "limited", "namespace": self.namespace}
        reference = {"apiGroup": RBAC, "kind": "Role", "name": "limited"}
        subject = {"kind": "ServiceAccount", **here}
        self.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": here},
            {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": here, "rules": list(rules)},
            {
                "apiVersion": f"{RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": here,
                "roleRef": reference,
                "subjects": [subject],
            },
        )
        kubeconfig = self.cluster.kubeconfig_for(self.namespace, "limited")
        return replace(self, installed=replace(self.installed, kubeconfig=kubeconfig))

    @contextmanager
    def gate(self) -> Iterator[tuple["Site", Gate]]:
        """The same site with its way to the API server in our hands."""
        with Gate.to(self.installed.kubeconfig) as gate:
            kubeconfig = gate.kubeconfig_like(self.installed.kubeconfig)
            yield replace(self, installed=replace(self.installed, kubeconfig=kubeconfig)), gate

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        return self.cluster.kubectl(*arguments, f"--namespace={self.namespace}", stdin=stdin, check=check)

    def apply(self, *bodies: Manifest) -> None:
        """Create or edit objects, as `kubectl apply` does."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(bodies)}
        self.kubectl("apply", "--filename=-", stdin=json.dumps(items))

    def patch(self, what: str, patch: Any, *flags: str) -> None:
        self.kubectl("patch", what, "--type=merge", f"--patch={json.dumps(patch)}", *flags)

    def get(self, what: str) -> Any:
        """An object such as `pod/p`; None if there is none."""
        found = self.kubectl("get", what, "--output=json", "--ignore-not-found")
        return json.loads(found) if found else None

    def every(self, kinds: str) -> list[Any]:
        """All objects of some kinds, such as `pods,services`."""
        items: list[Any] = json.loads(self.kubectl("get", kinds, "--output=json"))["items"]
        return items

    def names(self, kinds: str) -> list[str]:
        return sorted(one["metadata"]["name"] for one in self.every(kinds))

    def uids(self, kinds: str) -> set[str]:
        return {one["metadata"]["uid"] for one in self.every(kinds)}

    def condition(self, what: str, type_: str) -> Any:
        """A condition of an object; empty if it has none of that type."""
        conditions = (self.get(what) or {}).get("status", {}).get("conditions", [])
        return next((one for one in conditions if one["type"] == type_), {})

    def warnings(self) -> list[tuple[str, str, str]]:
        """The daemon's warning Events: kind and name of the object, reason, message.

        The API server writes some of its own, such as one about a Service whose address it has not noted down yet.
        """
        events = [
            one
            for one in self.every("events")
            if one["type"] == "Warning" and one["source"].get("component") == FIELD_MANAGER
        ]
        return [(_about(one["involvedObject"]), one["reason"], one["message"]) for one in events]


def _about(reference: Any) -> str:
    return f"{reference['kind']}/{reference['name']}"
