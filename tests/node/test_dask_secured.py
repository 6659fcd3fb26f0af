"""Schedulers that speak TLS are asked with the Secret that their cluster names: from a Pod, and from outside."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from models.base import Condition, find_condition
from models.resources import DaskCluster
from tests.apiserver.installing import ROOT
from tests.cli.daemon import environment
from tests.manifests import Manifest
from tests.node.conftest import DAEMON
from tests.node.place import Place
from tests.node.samples import SCHEDULER, WORKER, cluster, pod_spec
from tests.unit.dask.secrets import secret

pytestmark = pytest.mark.node

SECRET = "dask-tls"
FILES = ["--tls-ca-file", "/tls/ca.crt", "--tls-cert", "/tls/tls.crt", "--tls-key", "/tls/tls.key"]
MOUNT = {"volumeMounts": [{"name": "tls", "mountPath": "/tls"}]}
VOLUME = {"volumes": [{"name": "tls", "secret": {"secretName": SECRET}}]}
PROBE = {"tcpSocket": {"port": 8786}, "periodSeconds": 1, "failureThreshold": 60}
JOINED = "2 of 2 workers have joined."


def secured() -> Manifest:
    """A cluster whose Pods speak TLS with each other."""
    scheduler = pod_spec(*SCHEDULER, *FILES, readinessProbe=PROBE, **MOUNT) | VOLUME
    body = cluster("secured", workers=2, scheduler=scheduler, worker=pod_spec(*WORKER, *FILES, **MOUNT) | VOLUME)
    body["spec"]["scheduler"]["tls"] = {"secretName": SECRET}
    return body


def create(place: Place) -> None:
    data = {key: base64.b64encode(value).decode() for key, value in secret().items()}
    place.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "data": data}, secured())


def scheduler_ready(place: Place) -> Condition | None:
    found = DaskCluster.model_validate(place.get("daskcluster", "secured"))
    return find_condition(found.status.conditions, "SchedulerReady")


def says(place: Place, reason: str, words: str) -> bool:
    told = scheduler_ready(place)
    return told is not None and (told.status, told.reason) == ("True", reason) and words in told.message


def let_read(place: Place) -> None:
    """Give the daemon the right of deploy/tls here."""
    for file in ("role.yaml", "rolebinding.yaml"):
        place.kubectl("apply", f"--filename={ROOT / 'deploy' / 'tls' / file}")


def test_a_scheduler_that_speaks_tls_is_asked_as_soon_as_its_secret_may_be_read(place: Place) -> None:
    """Until then the condition says which right is lacking, and Pods that are ready count as workers."""
    create(place)
    place.eventually(lambda: says(place, "NotAnswering", "let the reconciler get it as deploy/tls does"), "a refusal")
    place.eventually(lambda: "2 of 2 workers are ready." in place.message("daskcluster", "secured"), "ready workers")
    let_read(place)
    place.eventually(lambda: JOINED in place.message("daskcluster", "secured"), "workers that have joined")
    assert says(place, "Ready", "is ready.")


def once(kubeconfig: Path, place: Place) -> None:
    """One pass of a daemon on this machine."""
    where = [f"--kubeconfig={kubeconfig}", f"--namespaces={place.namespace}"]
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "--once", *where],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_from_outside_a_scheduler_is_asked_through_the_api_server(
    shared: Place, unattended: object, request: pytest.FixtureRequest
) -> None:
    """By whoever may do that; the daemon's own account may not, is told so, and goes on."""
    assert unattended
    create(shared)
    request.addfinalizer(lambda: shared.kubectl("delete", "daskclusters", "--all", "--timeout=60s"))
    let_read(shared)
    account = shared.node.kubeconfig_for(DAEMON, DAEMON)

    def refused() -> bool:
        once(account, shared)
        return says(shared, "NotAnswering", "grant the rights to get and create pods/portforward")

    def joined() -> bool:
        once(shared.node.kubeconfig, shared)
        return JOINED in shared.message("daskcluster", "secured")

    shared.eventually(refused, "a refusal")
    shared.eventually(joined, "workers that have joined")
    assert says(shared, "Ready", "is ready.")
