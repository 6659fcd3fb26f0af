"""The same manifests on a machine without Kubernetes.

files ──► following ──► API in memory ◄──► the reconciler's own loop
                          ▲     │
                statuses  │     ▼  Pods, Services
                         node: kubelet ──► life ──► guard ──► processes  (inside: sitecustomize)
                               proxy   ──► routes, relay, forwards

rows, screen, logs   what people see          outcome            when it is over; worth_waiting says what for
caveats              what cannot be done      cluster_addresses  how the clusters are reached
announcements        what is said, once       exception_barrier  what keeps a bug from ending it all
server               the API over HTTP, for kubectl and its like
"""

from reconciler.local.display.daemon_log import heard
from reconciler.local.display.screen import Screen
from reconciler.local.errors import LocalError
from reconciler.local.files.following import Following
from reconciler.local.node import Node
from reconciler.local.run import Run
from reconciler.local.server import served

__all__ = ["Following", "LocalError", "Node", "Run", "Screen", "heard", "served"]
