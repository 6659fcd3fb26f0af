"""The arguments of KubeCluster, resolved.

    argument  ──►  Dask's configuration             ──►  default
                   kubernetes.<key> in YAML,
                   DASK_KUBERNETES__<KEY> as a
                   variable, or dask.config.set

`None` counts as not given, and so do the defaults that dask-kubernetes adds to the configuration when it is imported.
"""

import copy
import getpass
import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from kubecluster import checks, names
from kubecluster.arguments import TABLE, CreateMode, Option, PortForward
from kubecluster.checks import listed
from kubecluster.containers import Body
from kubecluster.name_template import USER, UUID, fill_in
from kubecluster.names import ClusterNames, Naming
from kubecluster.specs import ServiceType, make_cluster_spec

__all__ = [
    "HANDED_ON",
    "TABLE",
    "CreateMode",
    "Option",
    "Options",
    "PortForward",
    "Surroundings",
    "resolve",
    "resolved",
]

HANDED_ON = ("loop", "asynchronous", "scheduler_sync_interval")
"""Arguments of KubeCluster that `distributed.deploy.Cluster` takes; they are not resolved here."""

_SECTION = "kubernetes"
_MOST_WORKERS = "count.max"
_UUID_DIGITS = 10
_OURS = ("kubecluster", "distributed")
"""Where a warning is nobody's line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The arguments of KubeCluster, complete and checked; `TABLE` says what each is.

    What may be secret is not shown.
    """

    name: str
    namespace: str | None
    image: str
    n_workers: int
    resources: Body
    env: list[Body] = field(repr=False)
    worker_command: list[str] | None
    port_forward_cluster_ip: bool | None
    create_mode: CreateMode
    shutdown_on_close: bool | None
    idle_timeout: int
    resource_timeout: float
    scheduler_service_type: ServiceType
    custom_cluster_spec: Body | None = field(repr=False)
    scheduler_forward_port: int | None
    jupyter: bool
    quiet: bool
    context: str | None
    kubeconfig: str | None
    scheduler_resources: Body | None
    worker_resources: Body | None
    gpus: int | None
    naming: Naming
    wait_for_workers: bool | int
    wait_timeout: float
    owner_timeout: int
    port_forward: PortForward
    labels: dict[str, str]
    annotations: dict[str, str]
    security_context: Body | None
    service_account: str | None
    node_selector: dict[str, str] | None
    tolerations: list[Body] | None
    volumes: list[Body] | None
    volume_mounts: list[Body] | None
    given: frozenset[str] = frozenset()
    """The arguments that were given, rather than configured or left out."""

    @property
    def names(self) -> ClusterNames:
        """What this object makes.

        Raises:
            ValueError: nothing can be called so; an existing cluster may be, and is among the `candidates`.
        """
        if self.custom_cluster_spec is not None:
            return ClusterNames(self.naming, self.name)
        return names.cluster_names(self.naming, self.name)

    @property
    def candidates(self) -> tuple[str, ...]:
        """The existing DaskClusters that may be meant, the likeliest first."""
        return (self.name,) if self.custom_cluster_spec is not None else names.candidates(self.name, self.naming)

    def manifest(self) -> Body:
        """The DaskCluster to create.

        Raises:
            ValueError: nothing can be called so.
        """
        if self.custom_cluster_spec is not None:
            return copy.deepcopy(self.custom_cluster_spec)
        return make_cluster_spec(
            self.names.cluster,
            self.image,
            self.n_workers,
            self.resources,
            self.env,
            self.worker_command,
            self.scheduler_service_type,
            self.idle_timeout,
            self.jupyter,
            scheduler_resources=self.scheduler_resources,
            worker_resources=self.worker_resources,
            gpus=self.gpus,
            labels=self.labels,
            annotations=self.annotations,
            security_context=self.security_context,
            service_account=self.service_account,
            node_selector=self.node_selector,
            tolerations=self.tolerations,
            volumes=self.volumes,
            volume_mounts=self.volume_mounts,
        )

    @property
    def ends_with_program(self) -> bool:
        """Whether a cluster of these may go with the program."""
        return self.shutdown_on_close is not False and (
            self.shutdown_on_close is True or self.create_mode is not CreateMode.CONNECT_ONLY
        )

    @property
    def ignored_by_join(self) -> list[str]:
        """The given arguments that say how a cluster is made, which one that is there is already."""
        said = [name for name, option in TABLE.items() if option.in_manifest and name != "name"]
        return [name for name in (*said, "custom_cluster_spec", "owner_timeout") if name in self.given]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What arguments are completed from.

    Args:
        configured: What Dask's configuration says, by key below `kubernetes.`; what is not set is left out.
        placeholders: What can be filled into a name.
    """

    configured: Mapping[str, Any]
    placeholders: Mapping[str, str]


def resolve(**given: Any) -> Options:
    """The arguments of KubeCluster, completed and checked. KubeCluster calls it, so that warnings show its caller.

    Args:
        **given: The arguments; `None` is none.

    Raises:
        OSError: the file of a `custom_cluster_spec` cannot be read.
        TypeError: an argument is of a wrong type.
        ValueError: an argument makes no sense, or contradicts another.
    """
    placeholders = {**os.environ, USER: _user(), UUID: uuid4().hex[:_UUID_DIGITS]}
    return resolved(given, Surroundings(_configured(), placeholders))


def resolved(given: Mapping[str, Any], around: Surroundings) -> Options:
    """What `resolve` does, but for looking around; see there."""
    given = {name: value for name, value in given.items() if value is not None}
    values = {name: _value(name, option, given, around.configured) for name, option in TABLE.items()}
    spec = values["custom_cluster_spec"]
    if spec is None:
        values["name"] = fill_in(values["name"], around.placeholders, names.longest_name(values["naming"]))
    else:
        values |= _taken_from(spec, values, has_namespace="namespace" in given)
    values["port_forward"] = _port_forward(values, given, around.configured)
    options = Options(**values, given=frozenset(given))
    _refuse_impossible(options)
    for message in _warnings(options, given, around.configured):
        warn(message)
    return options


def warn(message: str) -> None:
    """Warn in the line of whoever called this package."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001  # there is no other way before Python 3.12
    while frame.f_globals["__name__"].partition(".")[0] in _OURS and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def _value(name: str, option: Option, given: Mapping[str, Any], configured: Mapping[str, Any]) -> Any:
    if name in given:
        return option.check(given[name], name)
    if option.key in configured:
        return option.check(configured[option.key], f"{name} ({_SECTION}.{option.key} in Dask's configuration)")
    return None if option.default is None else option.check(option.default, name)


def _taken_from(spec: Mapping[str, Any], values: Mapping[str, Any], *, has_namespace: bool) -> dict[str, Any]:
    """The name and the namespace of a custom manifest.

    Raises:
        ValueError: an argument names another namespace, or nothing can be called so.
    """
    metadata = spec["metadata"]
    written = checks.namespace(metadata.get("namespace") or "", "custom_cluster_spec: metadata.namespace")
    namespace = written or values["namespace"]
    if has_namespace and namespace != values["namespace"]:
        raise ValueError(
            f"namespace is {values['namespace']!r}, but custom_cluster_spec: metadata.namespace is {namespace!r}; "
            "leave one out"
        )
    return {"name": metadata["name"], "namespace": namespace}


def _port_forward(values: Mapping[str, Any], given: Mapping[str, Any], configured: Mapping[str, Any]) -> PortForward:
    """Whether ports are forwarded, by our word or by dask-kubernetes'; an argument wins over the configuration.

    Raises:
        ValueError: the two arguments contradict each other.
    """
    is_old_word = "port_forward_cluster_ip" in given
    if "port_forward" in given or ("port-forward" in configured and not is_old_word):
        chosen: PortForward = values["port_forward"]
    else:
        chosen = PortForward.ALWAYS if values["port_forward_cluster_ip"] else PortForward.AUTO
    if chosen is PortForward.NEVER and is_old_word and values["port_forward_cluster_ip"]:
        raise ValueError("port_forward is 'never' and port_forward_cluster_ip is True; leave the latter out")
    return chosen


def _refuse_impossible(options: Options) -> None:
    """Refuse what cannot come to be, before anybody waits for it.

    Raises:
        ValueError: something of the kind was asked for.
    """
    if options.create_mode is CreateMode.CONNECT_ONLY:
        error = names.cluster_name_error(options.name)
        if error is not None:
            raise ValueError(error)
        return
    options.manifest()
    wanted = 0 if options.wait_for_workers is True else options.wait_for_workers
    if options.custom_cluster_spec is None and wanted > options.n_workers:
        raise ValueError(
            f"wait_for_workers is {wanted}, but n_workers is {options.n_workers}: a cluster that is made has no more; "
            "lower the one or raise the other"
        )


def _warnings(options: Options, given: Mapping[str, Any], configured: Mapping[str, Any]) -> list[str]:
    messages = []
    if configured.get(_MOST_WORKERS):
        messages.append(
            f"{_SECTION}.{_MOST_WORKERS} in Dask's configuration is not used: a maximum number of workers is no longer "
            "supported. Please use Kubernetes Resource Quotas instead."
        )
    if options.custom_cluster_spec is not None:
        ignored = [name for name in TABLE if name in given and TABLE[name].in_manifest]
        if options.name in names.candidates(given.get("name", "")):
            ignored.remove("name")  # said twice is no mistake
        if ignored:
            messages.append(f"custom_cluster_spec says what is made, so these are ignored: {listed(ignored)}.")
    return messages


def _user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        # Containers often run as a user who has no name.
        return USER


def _configured() -> dict[str, Any]:
    """What is set in Dask's configuration, by key below `kubernetes.`."""
    from dask import config  # noqa: PLC0415  # it brings all of Dask with it

    registered = config.merge(*config.defaults)
    found = {}
    for key in (*(option.key for option in TABLE.values()), _MOST_WORKERS):
        value = config.get(f"{_SECTION}.{key}", default=None)
        if value is not None and value != config.get(f"{_SECTION}.{key}", default=None, config=registered):
            found[key] = value
    return found
