"""The API in memory, served over HTTP as Kubernetes serves its own: for kubectl, KubeCluster and every other client.

    serving ──► handlers ──► request, catalogue      what is asked for, and what there is
    a thread    who may ask  objects                 get, list, create, update, patch, apply, delete
                             watching ◄── news       what changes
                             patches, scale          how an object is changed
                             tables ◄── cells, ages  what `kubectl get` shows
                             discovery, openapi      what kubectl asks first
                             access                  `kubectl auth`
                             logs                    `kubectl logs`; node says where they are
                             forwarding ◄── spdy     `kubectl port-forward`
    credentials              certificate, kubeconfig

What it does not have is refused as by an API server that does not know it: nodes, roles, Deployments, exec.
"""

from reconciler.local.server.node import Node
from reconciler.local.server.serving import Server, served

__all__ = ["Node", "Server", "served"]
