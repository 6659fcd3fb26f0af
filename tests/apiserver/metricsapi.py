"""An API of metrics, as metrics-server and KEDA serve one, behind a real API server's aggregation layer."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from models.base import wire_time
from tests.realcluster import RealCluster, pki

RESOURCE, EXTERNAL = "metrics.k8s.io", "external.metrics.k8s.io"
VERSION = "v1beta1"
SERVICE = {"name": "metrics-of-tests", "namespace": "default"}


@dataclass
class Metrics:
    """What is told; the tests change it.

    Attributes:
        cpu: The milli-CPUs that each Pod uses, by name, of those that a selector selects.
        external: The value of each external metric, by its name and selector.
    """

    cpu: Callable[[str], Mapping[str, int]] = lambda _selector: {}
    external: Callable[[str, str], int] = lambda _name, _selector: 0

    def answer(self, path: str, selector: str) -> Any:
        """The body of an answer; `None` if there is no such thing."""
        match path.strip("/").split("/"):
            case ["apis", group, _]:
                resource = {"name": "pods", "kind": "PodMetrics"} if group == RESOURCE else _EXTERNAL_RESOURCE
                resources = [{"singularName": "", "namespaced": True, "verbs": ["get", "list"], **resource}]
                return {"kind": "APIResourceList", "groupVersion": f"{group}/{VERSION}", "resources": resources}
            case ["apis", group, _, "namespaces", namespace, "pods"] if group == RESOURCE:
                items = [_pod_metrics(namespace, *used) for used in self.cpu(selector).items()]
                return {"kind": "PodMetricsList", "apiVersion": f"{group}/{VERSION}", "items": items}
            case ["apis", group, _, "namespaces", _, name] if group == EXTERNAL:
                value = {"metricName": name, "timestamp": _now(), "value": str(self.external(name, selector))}
                return {"kind": "ExternalMetricValueList", "apiVersion": f"{group}/{VERSION}", "items": [value]}
        return None


_EXTERNAL_RESOURCE = {"name": "externalmetrics", "kind": "ExternalMetricValueList"}


def _pod_metrics(namespace: str, name: str, milli_cpus: int) -> Any:
    containers = [{"name": "worker", "usage": {"cpu": f"{milli_cpus}m", "memory": "1Mi"}}]
    metadata = {"name": name, "namespace": namespace}
    return {"metadata": metadata, "timestamp": _now(), "window": "1s", "containers": containers}


def _now() -> str:
    return wire_time(datetime.now(UTC))


@contextmanager
def served(cluster: RealCluster, folder: Path) -> Iterator[Metrics]:
    """Serve metrics to whoever asks that API server, while inside.

    Args:
        cluster: One of our own, whose API server runs on this machine.
        folder: For a certificate.
    """
    metrics = Metrics()
    with ThreadingHTTPServer(("localhost", 0), _handler(metrics)) as server:
        pki.create(folder, [])
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "apiserver.crt", folder / "apiserver.key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        manifests = _manifests(server.server_port)
        try:
            cluster.kubectl("apply", "--filename=-", stdin=manifests)
            services = [f"apiservice/{VERSION}.{group}" for group in (RESOURCE, EXTERNAL)]
            cluster.kubectl("wait", "--for=condition=Available", "--timeout=60s", *services)
            yield metrics
        finally:
            # An API that does not answer keeps namespaces from ending.
            cluster.kubectl("delete", "--ignore-not-found", "--filename=-", stdin=manifests)
            server.shutdown()


def _manifests(port: int) -> str:
    # The name leads the API server to this machine; a Service with an address would need endpoints.
    external = {"type": "ExternalName", "externalName": "localhost"}
    items: list[Any] = [{"apiVersion": "v1", "kind": "Service", "metadata": SERVICE, "spec": external}]
    for group in (RESOURCE, EXTERNAL):
        spec: Any = {"group": group, "version": VERSION, "service": {**SERVICE, "port": port}}
        spec |= {"insecureSkipTLSVerify": True, "groupPriorityMinimum": 100, "versionPriority": 100}
        metadata = {"name": f"{VERSION}.{group}"}
        items.append(
            {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": metadata, "spec": spec}
        )
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _handler(metrics: Metrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            (selector,) = parse_qs(address.query).get("labelSelector", [""])
            body = metrics.answer(address.path, selector)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
