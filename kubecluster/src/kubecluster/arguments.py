"""Every argument of KubeCluster: what it is called, where it comes from, what it must be and what it means.

The documentation is made from `TABLE`, so that each argument is described once.
"""

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from kubecluster import checks, containers
from kubecluster.names import Naming
from kubecluster.specs import IMAGE, ServiceType, read_spec

Check = Callable[[Any, str], Any]
Class = TypeVar("Class")


class CreateMode(StrEnum):
    """What to do if there is a cluster of that name already, or none."""

    CREATE_ONLY = "CREATE_ONLY"
    CREATE_OR_CONNECT = "CREATE_OR_CONNECT"
    CONNECT_ONLY = "CONNECT_ONLY"


class PortForward(StrEnum):
    """Whether ports of this machine are forwarded to the scheduler."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Option:
    """What there is to know of one argument.

    Args:
        key: Its key in Dask's configuration, below `kubernetes.`.
        default: What it is if nobody says anything, as people would write it.
        check: Brings it into one form, or raises a `TypeError` or `ValueError`.
        meaning: What it is, in a sentence or two.
        in_manifest: Whether it ends up in the DaskCluster, so that a `custom_cluster_spec` stands in its place.
    """

    key: str
    default: Any
    check: Check
    meaning: str
    in_manifest: bool = False


def _one_of(choices: type[StrEnum]) -> Check:
    return lambda value, what: checks.choice(value, what, choices)


def _workers(value: Any, what: str) -> bool | int:
    return value if isinstance(value, bool) else checks.whole_number(value, what)


def _port_forward(value: Any, what: str) -> PortForward:
    # In YAML, `no` and `off` are read as false.
    if isinstance(value, bool):
        return PortForward.ALWAYS if value else PortForward.NEVER
    return checks.choice(value, what, PortForward)


TABLE: Mapping[str, Option] = {
    "name": Option(
        "name",
        "dask-{user}-{uuid}",
        checks.text,
        "The cluster's name, in which `{user}`, `{uuid}` and environment variables in braces are filled in. "
        "Under `classic` naming the DaskCluster is called `<name>-cluster`.",
        in_manifest=True,
    ),
    "namespace": Option(
        "namespace", None, checks.namespace, "The namespace; by default the kubeconfig's, or the Pod's own."
    ),
    "image": Option("image", IMAGE, checks.text, "The image of the scheduler and the workers.", in_manifest=True),
    "n_workers": Option(
        "count.start",
        0,
        checks.whole_number,
        "How many workers to begin with; `scale` and `adapt` change it.",
        in_manifest=True,
    ),
    "resources": Option(
        "resources",
        {},
        containers.resources,
        "Limits and requests of each worker and, but for GPUs, of the scheduler, such as "
        "`{'limits': {'cpu': '2', 'memory': '4Gi'}}`.",
        in_manifest=True,
    ),
    "env": Option(
        "env",
        {},
        containers.environment,
        "Environment variables of the scheduler and the workers: a dictionary, or a list of Kubernetes' EnvVars.",
        in_manifest=True,
    ),
    "worker_command": Option(
        "worker-command",
        None,
        containers.command,
        "What workers run: a text as for a shell, or a list of words; by default `dask worker`, or "
        "`dask-cuda-worker` with `gpus`.",
        in_manifest=True,
    ),
    "port_forward_cluster_ip": Option(
        "port-forward-cluster-ip",
        None,
        checks.flag,
        "dask-kubernetes' word for `port_forward`: `True` is `always`, `False` is `auto`.",
    ),
    "create_mode": Option(
        "create-mode",
        "CREATE_OR_CONNECT",
        _one_of(CreateMode),
        "What to do about a cluster of that name: `CREATE_OR_CONNECT` joins it or makes one, `CREATE_ONLY` "
        "fails if there is one, `CONNECT_ONLY` if there is none.",
    ),
    "shutdown_on_close": Option(
        "shutdown-on-close",
        None,
        checks.flag,
        "Whether the cluster is deleted when this object is closed or Python ends; by default if this object made "
        "it, and not if it joined it.",
    ),
    "idle_timeout": Option(
        "idle-timeout",
        0,
        checks.whole_number,
        "For how many seconds the scheduler may be idle before the cluster is deleted, whatever became of this "
        "program; 0 means for ever. A Client that is connected and asks for nothing does not count.",
        in_manifest=True,
    ),
    "resource_timeout": Option(
        "resource-timeout",
        60,
        checks.seconds,
        "For how many seconds the cluster may be in trouble that might pass, such as nobody acting on it or no node "
        "having room, before an error says why.",
    ),
    "scheduler_service_type": Option(
        "scheduler-service-type",
        "ClusterIP",
        _one_of(ServiceType),
        "The type of the scheduler's Service: `ClusterIP`, `NodePort` or `LoadBalancer`.",
        in_manifest=True,
    ),
    "custom_cluster_spec": Option(
        "custom-cluster-spec",
        None,
        read_spec,
        "A whole DaskCluster, as a dictionary or the path of a YAML file, in place of the arguments that would "
        "make one; its `metadata.name` is the cluster's name.",
    ),
    "scheduler_forward_port": Option(
        "scheduler-forward-port",
        None,
        checks.port,
        "The local port of the dashboard, where ports are forwarded; by default any free one.",
    ),
    "jupyter": Option(
        "scheduler-jupyter", False, checks.flag, "Whether Jupyter runs beside the scheduler.", in_manifest=True
    ),
    "quiet": Option("quiet", False, checks.flag, "Whether to show nothing while the cluster starts."),
    "context": Option("context", None, checks.optional_text, "The kubeconfig's context; by default its current one."),
    "kubeconfig": Option(
        "kubeconfig",
        None,
        checks.path,
        "The kubeconfig file; by default what `KUBECONFIG` names, else a Pod's service account, else `~/.kube/config`.",
    ),
    "scheduler_resources": Option(
        "scheduler-resources",
        None,
        containers.resources,
        "Limits and requests of the scheduler, in place of `resources`.",
        in_manifest=True,
    ),
    "worker_resources": Option(
        "worker-resources",
        None,
        containers.resources,
        "Limits and requests of each worker, in place of `resources`.",
        in_manifest=True,
    ),
    "gpus": Option("gpus", None, checks.whole_number, "How many NVIDIA GPUs each worker gets.", in_manifest=True),
    "naming": Option(
        "naming",
        "classic",
        _one_of(Naming),
        "How things are called: `classic`, as in Dask's documentation, or `current`, as dask-kubernetes does it.",
    ),
    "wait_for_workers": Option(
        "wait-for-workers",
        False,
        _workers,
        "Whether to wait until all workers have joined the scheduler, or until how many have.",
    ),
    "wait_timeout": Option(
        "wait-timeout",
        600,
        checks.seconds,
        "For how many seconds to wait for the scheduler, and then for those workers, while there is no trouble.",
    ),
    "owner_timeout": Option(
        "owner-timeout",
        3600,
        checks.whole_number,
        "For how many seconds a cluster outlives a program that made it and crashed, or whose machine sleeps; 0 means "
        "for ever. It takes effect where `shutdown_on_close` does, and dask-reconciler runs.",
    ),
    "port_forward": Option(
        "port-forward",
        "auto",
        _port_forward,
        "Whether ports of this machine are forwarded to the scheduler: with `auto` if its Service cannot be "
        "reached otherwise, or `always`, or `never`.",
    ),
    "labels": Option(
        "labels",
        {},
        checks.string_map,
        "Labels of the DaskCluster and of everything made of it.",
        in_manifest=True,
    ),
    "annotations": Option(
        "annotations",
        {},
        checks.string_map,
        "Annotations of the DaskCluster and of everything made of it.",
        in_manifest=True,
    ),
    "security_context": Option(
        "security-context",
        None,
        containers.object_,
        "The security context of the scheduler's and the workers' containers, such as `{'runAsNonRoot': True}`; what "
        "only a whole Pod can have, such as `fsGroup`, goes to their Pods.",
        in_manifest=True,
    ),
    "service_account": Option(
        "service-account",
        None,
        checks.text,
        "The ServiceAccount of the scheduler's and the workers' Pods.",
        in_manifest=True,
    ),
    "node_selector": Option(
        "node-selector",
        None,
        checks.string_map,
        "The labels of the nodes on which the scheduler and the workers may run.",
        in_manifest=True,
    ),
    "tolerations": Option(
        "tolerations",
        None,
        containers.objects,
        "The taints of nodes that the scheduler and the workers tolerate, as a list of Kubernetes' Tolerations.",
        in_manifest=True,
    ),
    "volumes": Option(
        "volumes",
        None,
        containers.objects,
        "The volumes of the scheduler's and the workers' Pods, as a list of Kubernetes' Volumes.",
        in_manifest=True,
    ),
    "volume_mounts": Option(
        "volume-mounts",
        None,
        containers.objects,
        "Where these are mounted in the scheduler's and the workers' containers, as a list of Kubernetes' "
        "VolumeMounts.",
        in_manifest=True,
    ),
}
"""What there is to know of every argument, by name: dask-kubernetes' first, in its order, then ours."""

_DISTRIBUTED = {
    "loop": "The event loop to run in; by default one in a thread of its own.",
    "asynchronous": "Whether to run in the event loop of the caller, who awaits this and its methods then.",
    "scheduler_sync_interval": "How often distributed writes down what it knows of this object; in seconds.",
}


def described(cls: type[Class]) -> type[Class]:
    """A class whose documentation says what each argument is, in the words of `TABLE`."""
    meanings = {name: option.meaning for name, option in TABLE.items()} | _DISTRIBUTED
    lines = (textwrap.fill(f"{name}: {meaning}", 112, subsequent_indent="    ") for name, meaning in meanings.items())
    arguments = textwrap.indent("\n".join(lines), " " * 8)
    cls.__doc__ = f"{cls.__doc__}\n    Args:\n{arguments}\n"
    return cls
