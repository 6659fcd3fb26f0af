"""Everything that can be set, in one model: by flags, by environment variables, else by default."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from reconciler.rules.names import Naming

ENVIRONMENT_PREFIX = "DASK_RECONCILER_"
DEFAULT_PORT = 8080

_DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>ms|s|m|h|)")
_UNIT_SECONDS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def seconds(value: Any) -> Any:
    """A duration in seconds: a number, or a number with `ms`, `s`, `m` or `h` behind it."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("it must be a duration: seconds, or a number with ms, s, m or h, such as 5, 500ms or 2m")
    return float(match["number"]) * _UNIT_SECONDS[match["unit"]]


def _split(value: Any) -> Any:
    """Names in one text, separated by commas, as flags and environment variables have them."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _namespaces(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, once each, if namespaces can be called so."""
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise ValueError("it must be namespaces, separated by commas; leave it out for all namespaces")
    return tuple(dict.fromkeys(names))


def _without_service_link(value: Any) -> Any:
    """The port, unless Kubernetes set the variable.

    Beside a Service called `dask-reconciler`, every container finds `DASK_RECONCILER_PORT=tcp://10.…` in its
    environment, which says nothing about where to listen.
    """
    return DEFAULT_PORT if isinstance(value, str) and value.startswith(("tcp://", "udp://", "sctp://")) else value


Seconds = Annotated[float, BeforeValidator(seconds)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_namespaces)]
Port = Annotated[int, BeforeValidator(_without_service_link)]


class Settings(BaseSettings):
    """What can be set. A flag wins over the environment, the environment over the default."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    namespaces: Names = ()
    """Namespaces to look after, separated by commas. All of them by default, which needs a ClusterRole; with names,
    Roles in those namespaces are enough."""
    naming: Naming = Naming.CLASSIC
    """Names of what new clusters are made of: `classic`, as Dask's documentation shows them, or `current`, as
    dask-kubernetes has made them since 2023. A cluster keeps the names it was first seen with."""
    interval: Seconds = Field(default=5.0, gt=0, le=3600)
    """The time from the start of one pass to the start of the next."""
    no_hints: bool = False
    """Watch nothing: every change waits for the interval. By default a change is looked at in a moment, which takes the
    right to watch what is listed."""
    no_dask: bool = False
    """Ask no Dask scheduler anything: a worker counts as soon as its Pod is ready, and one that is to go is deleted
    with what it holds. By default schedulers are asked."""
    dask_through: Literal["auto", "pods", "port-forward"] = "auto"
    """How schedulers are reached: `pods`, at the addresses of their Pods; `port-forward`, through the API server, which
    takes the rights to get and create `pods/portforward`; `auto`, the first in a Pod with its service account, and
    elsewhere, where these addresses lead nowhere, the second."""
    no_disruption_marks: bool = False
    """Put nothing on Pods for node autoscalers. By default the annotations `karpenter.sh/do-not-disrupt` and
    `cluster-autoscaler.kubernetes.io/safe-to-evict` keep nodes that run schedulers, jobs, and workers with something to
    do or to lose, and let go of those with idle ones."""
    once: bool = False
    """Make one pass, to the end of all that needs no waiting, print a summary and exit."""
    dry_run: bool = False
    """Write nothing: make every pass on a copy in memory. With `--once`, print the plan and exit."""
    no_delete: bool = False
    """Never delete anything. Conditions and the plan say what would be deleted."""
    deletion_cap: int = Field(default=1000, ge=0)
    """The most deletions in one pass, small clusters first; the others follow in the next passes, and a condition says
    so. 0 means no cap."""
    parallel_writes: int = Field(default=16, ge=1, le=256)
    """How many writes may be under way at once."""
    context: str = ""
    """The kubeconfig's context to use; its current one by default."""
    kubeconfig: str = ""
    """The kubeconfig file to use; by default what `KUBECONFIG` names, else in a Pod its service account, else
    `~/.kube/config`."""
    connect_timeout: Seconds = Field(default=5.0, gt=0, le=300)
    """How long to wait for a connection to the API server."""
    read_timeout: Seconds = Field(default=30.0, gt=0, le=3600)
    """How long to wait for the API server's next bytes."""
    total_timeout: Seconds = Field(default=120.0, gt=0, le=3600)
    """How long one answer of the API server may take to arrive whole."""
    stop_timeout: Seconds = Field(default=25.0, gt=0, le=3600)
    """How long SIGTERM and SIGINT wait for the pass in hand before they cut it short. Keep it below the Pod's
    `terminationGracePeriodSeconds`, 30 by default."""
    bind: str = Field(default="0.0.0.0", min_length=1)  # noqa: S104 - in a Pod, Prometheus and kubelet come from outside
    """The address on which `/healthz`, `/readyz` and `/metrics` are served."""
    port: Port = Field(default=DEFAULT_PORT, ge=0, le=65535)
    """The port on which they are served; 0 means any free one, which the log names."""
    owner_label: str = ""
    """The label of clusters and jobs whose value metrics tell as `owner` of what these use, such as `team`."""
    log_format: Literal["auto", "console", "json"] = "auto"
    """How log lines look: `console` for people, `json` for machines, `auto` for whichever fits standard error."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines to log."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the base class calls with these names
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise; no files but those named are read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment."""
        return init_settings, env_settings
