"""Starts etcd, the API server and the controller manager (and, where Pods are to run, the scheduler)."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.realcluster import pki, ports
from tests.realcluster.instance import Instance
from tests.realcluster.kubectl import kubectl
from tests.realcluster.network import Network
from tests.realcluster.probe import Probe
from tests.realcluster.processes import Processes

LOOPBACK = "127.0.0.1"
# Their defaults, 20 and 50 requests a second, would be the bottleneck of every measurement.
UNHURRIED = ("--kube-api-qps=2000", "--kube-api-burst=4000")
# By default a HorizontalPodAutoscaler looks every 15 s, and waits five minutes before it lessens anything.
HASTY = ("--horizontal-pod-autoscaler-sync-period=1s", "--horizontal-pod-autoscaler-downscale-stabilization=1s")
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True)
class ControlPlane:
    """A control plane that answers.

    Attributes:
        instance: the cluster that it is of.
        server: the API server's URL.
        probe: asks it.
    """

    instance: Instance
    server: str
    probe: Probe

    def kubeconfig(self, user: str) -> Path:
        """Write a kubeconfig for one of pki.USERS."""
        return pki.write_kubeconfig(
            self.instance.folder / f"{user}.kubeconfig",
            server=self.server,
            authority=base64.b64encode((self.instance.pki / "ca.crt").read_bytes()).decode(),
            token=pki.token(self.instance.pki, user),
        )


def start(instance: Instance, processes: Processes, network: Network | None) -> ControlPlane:
    """Start the control plane and wait until it is usable: Pods can be created in the namespace default.

    Args:
        instance: the cluster.
        processes: where its programs are started.
        network: the node's, if there is one: the API server is then reached, from Pods too, on its host's address.

    Raises:
        ClusterError: something ended or did not come up.
    """
    address = network.host if network else LOOPBACK
    etcd_port, etcd_keeper = ports.reserve(LOOPBACK)
    port, keeper = ports.reserve(address)
    service = [network.kubernetes_service] if network else []
    pki.create(instance.pki, [LOOPBACK, address, *service])
    server = f"https://{address}:{port}"
    plane = ControlPlane(instance, server, Probe(server, instance.pki))
    processes.start("etcd", _etcd(instance, etcd_port))
    processes.start("kube-apiserver", _api_server(instance, network, address, port, etcd_port))
    plane.kubeconfig("admin")
    processes.wait_until(lambda: plane.probe.ok("/readyz"), "the API server")
    etcd_keeper.close()
    keeper.close()
    if instance.controllers:
        processes.start("kube-controller-manager", _controller_manager(plane))
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        processes.wait_until(lambda: plane.probe.ok(account), "the service account that the controller manager makes")
    else:
        kubectl(instance.program("kubectl"), instance.kubeconfig, "create", "serviceaccount", "default")
    if instance.node or instance.kwok:
        scheduler = [instance.program("kube-scheduler"), f"--kubeconfig={plane.kubeconfig('scheduler')}"]
        processes.start("kube-scheduler", [*scheduler, "--leader-elect=false", "--secure-port=0", *UNHURRIED])
    return plane


def _etcd(instance: Instance, port: int) -> Sequence[str]:
    url = f"http://{LOOPBACK}:{port}"
    return [
        instance.program("etcd"),
        f"--data-dir={instance.folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls=http://{LOOPBACK}:0",
        "--unsafe-no-fsync",
        "--socket-reuse-port",
        "--log-level=warn",
    ]


def _api_server(instance: Instance, network: Network | None, address: str, port: int, etcd_port: int) -> Sequence[str]:
    policy = instance.folder / "audit-policy.json"
    policy.write_text(json.dumps(AUDIT_POLICY))
    pki_folder = instance.pki
    return [
        instance.program("kube-apiserver"),
        f"--etcd-servers=http://{LOOPBACK}:{etcd_port}",
        f"--bind-address={address}",
        f"--advertise-address={address}",
        f"--secure-port={port}",
        "--permit-port-sharing",
        # Without a node nothing asks for the Service `kubernetes`, and it may not lead to loopback.
        f"--endpoint-reconciler-type={'lease' if network else 'none'}",
        f"--service-cluster-ip-range={network.services if network else '10.96.0.0/16'}",
        f"--tls-cert-file={pki_folder / 'apiserver.crt'}",
        f"--tls-private-key-file={pki_folder / 'apiserver.key'}",
        f"--client-ca-file={pki_folder / 'ca.crt'}",
        f"--token-auth-file={pki_folder / 'tokens.csv'}",
        f"--kubelet-client-certificate={pki_folder / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki_folder / 'apiserver-kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki_folder / 'sa.pub'}",
        f"--service-account-signing-key-file={pki_folder / 'sa.key'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement",
        "--allow-privileged=true",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={instance.audit_log}",
        "--audit-log-maxsize=100000",
    ]


def _controller_manager(plane: ControlPlane) -> Sequence[str]:
    instance = plane.instance
    return [
        instance.program("kube-controller-manager"),
        f"--kubeconfig={plane.kubeconfig('controller-manager')}",
        f"--service-account-private-key-file={instance.pki / 'sa.key'}",
        f"--root-ca-file={instance.pki / 'ca.crt'}",
        "--use-service-account-credentials",
        # By default it makes a folder in /usr/libexec.
        f"--flex-volume-plugin-dir={instance.folder / 'plugins'}",
        "--leader-elect=false",
        "--secure-port=0",
        *UNHURRIED,
        *HASTY,
    ]
