"""CoreDNS as a process of the node: what it is told, and what the cluster must hold for it."""

import json
from typing import Any

from tests.realcluster.network import Network

DOMAIN = "cluster.local"
USER = "system:coredns"


def corefile(network: Network, kubeconfig: str) -> str:
    """Its configuration.

    There is no cache, so that a Service is found as soon as it is there. Nobody is asked about names outside: they do
    not exist, which programs bear better than a server that fails.
    """
    return f"""
    {DOMAIN}:53 in-addr.arpa:53 ip6.arpa:53 {{
        bind {network.node}
        errors
        kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{
            kubeconfig {kubeconfig}
            pods insecure
            ttl 0
        }}
    }}
    .:53 {{
        bind {network.node}
        template ANY ANY {{
            rcode NXDOMAIN
        }}
    }}
    """


def manifest(network: Network) -> str:
    """Its rights, and the Service that leads Pods to it."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [*_rights(), *_service(network)]})


def _rights() -> list[dict[str, Any]]:
    group = "rbac.authorization.k8s.io"
    kinds = {"": ["services", "pods", "namespaces", "endpoints"], "discovery.k8s.io": ["endpointslices"]}
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": USER},
        "rules": [{"apiGroups": [api], "resources": names, "verbs": ["list", "watch"]} for api, names in kinds.items()],
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": USER},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": USER},
        "subjects": [{"apiGroup": group, "kind": "User", "name": USER}],
    }
    return [role, binding]


def _service(network: Network) -> list[dict[str, Any]]:
    """A Service without a selector, since CoreDNS is no Pod, and the address that it stands for."""
    labels = {"k8s-app": "kube-dns", "kubernetes.io/service-name": "kube-dns"}
    metadata = {"name": "kube-dns", "namespace": "kube-system", "labels": labels}
    named = {"dns": "UDP", "dns-tcp": "TCP"}
    ports = [{"name": name, "port": 53, "protocol": protocol} for name, protocol in named.items()]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"clusterIP": network.dns_service, "ports": ports},
    }
    addresses = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "ports": ports,
        "endpoints": [{"addresses": [network.node]}],
    }
    return [service, addresses]
