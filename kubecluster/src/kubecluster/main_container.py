"""Which of a Pod's containers Dask, or a job's command, runs in; the reconciler decides alike.

1. the one that the annotation `kubectl.kubernetes.io/default-container` names
2. one that is called as Dask's are: scheduler, worker, job, job-runner, dask-worker, …
3. the first whose name is not that of a sidecar, such as vault-agent, istio-proxy or log-exporter
4. the first
"""

import re
from collections.abc import Sequence

from kubecluster.api import Body
from kubecluster.diagnosis.sight import items, text

_ANNOTATION = "kubectl.kubernetes.io/default-container"
_DASK = re.compile(r"(dask-)?(scheduler|worker|job|runner|job-runner)")
_SIDECAR = re.compile(
    r"(.+-)?(sidecar|proxy|agent|exporter|collector|shipper|forwarder|daprd|envoy|krb5|fluentd|fluent-?bit|filebeat)"
    r"(-.+)?"
)


def main_container(pod: Body) -> str:
    """The name of the container; empty if there is none. The Pod may be a template."""
    names = [text(one, "name") for one in items(pod, "spec", "containers")]
    chosen = text(pod, "metadata", "annotations", _ANNOTATION)
    return chosen if chosen in names else _by_name(names)


def _by_name(names: Sequence[str]) -> str:
    called_so = (name for name in names if _DASK.fullmatch(name))
    others = (name for name in names if not _SIDECAR.fullmatch(name))
    return next(called_so, None) or next(others, None) or next(iter(names), "")
