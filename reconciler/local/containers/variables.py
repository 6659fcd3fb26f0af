"""A container's environment, as a kubelet makes it.

    this machine's  <  the Services'  <  envFrom  <  env        later ones win

In `env`, in `command` and in `args`, `$(NAME)` stands for a variable.
"""

import os
import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.local.containers import downward
from reconciler.local.files.supplies import CONFIG_MAP, SECRET, Supplies, Supply, found
from reconciler.local.files.supplies import Unavailable as Unavailable
from reconciler.wire.protocol import Body

_REFERENCE = re.compile(r"\$(?:(?P<escaped>\$)|\((?P<name>[^)]*)\))")
_NAME = re.compile(r"[ -<>-~]+")
"""Any printable ASCII but `=`, as Kubernetes has it since 1.30; before, names were those of C."""

_PASSED_ON = re.compile(
    r"""
      HOME | USER | LOGNAME | SHELL              # programs look for their settings and caches there
    | LANG | LC_.* | TZ                          # texts and times come out as in the user's other programs
    | TMPDIR                                     # where the user's temporary files have room
    | PATH | VIRTUAL_ENV | CONDA_.*              # the environment stands in for the image: its programs
    | LD_LIBRARY_PATH | DYLD_.*                  # and its libraries
    | SSL_CERT_.* | REQUESTS_CA_BUNDLE           # a company's network is reached with its certificates
    | .*_(proxy|PROXY)                           # and through its proxies
    """,
    re.VERBOSE,
)
_KEPT_BACK = re.compile(
    r"""
      DASK_.*      # the user's own settings of Dask: no container would see them, and clusters would differ by laptop
    | KUBE.*       # nothing in a container may reach the user's real clusters by accident
    | PYTHON.*     # PYTHONPATH and the like are the image's business
    """,
    re.VERBOSE,
)


def environment(
    pod: Body, container: Body, supplies: Supplies, services: Iterable[Body], address: str
) -> dict[str, str]:
    """A container's environment, as its manifest says; `$(NAME)` stands for nothing else.

    Args:
        pod: The Pod.
        container: The container.
        supplies: The ConfigMaps and Secrets there are.
        services: The Services there are, each with its address in `spec.clusterIP`.
        address: The Pod's address.

    Raises:
        Unavailable: something it is made of is not there.
    """
    namespace = pod["metadata"]["namespace"]
    linked = pod["spec"].get("enableServiceLinks") is not False
    links = dict(_links(services, namespace)) if linked else {}
    own = dict(_bulk(container, supplies, namespace))
    sources = _Sources(pod, container, supplies, address)
    for variable in container.get("env") or ():
        value = sources.value(variable, ChainMap(own, links))
        if value is not None:
            own[variable["name"]] = value
    _check(own)
    return {**links, **own}


def expanded(texts: Iterable[str], variables: Mapping[str, str]) -> tuple[str, ...]:
    """Texts with their `$(NAME)` replaced, as in `command` and `args`; `$$` is `$`, and an unknown name stays.

    Args:
        texts: The texts.
        variables: What the names stand for; what they bring is not expanded again.
    """
    return tuple(_expanded(text, variables) for text in texts)


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """What containers get of this machine's environment: what stands in for an image and for a network."""
    return {
        name: value
        for name, value in environment.items()
        if _PASSED_ON.fullmatch(name) and not _KEPT_BACK.fullmatch(name)
    }


def _check(variables: Mapping[str, str]) -> None:
    """Refuse what no process could be given."""
    for name, value in variables.items():
        if not _NAME.fullmatch(name):
            raise Unavailable(f"env has the name {name!r}; a name must be printable ASCII without '='")
        if "\0" in value:
            raise Unavailable(f"variable {name} holds a NUL byte, which no variable can; mount it as a file instead")


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda here: "$" if here["escaped"] else variables.get(here["name"], here[0]), text)


def _links(services: Iterable[Body], namespace: str) -> Iterator[tuple[str, str]]:
    """The variables that tell of the namespace's Services; headless ones have no address to tell."""
    for service in services:
        address = service["spec"].get("clusterIP")
        ports = service["spec"].get("ports") or ()
        if service["metadata"]["namespace"] != namespace or address in (None, "", "None") or not ports:
            continue
        prefix = _as_name(service["metadata"]["name"])
        yield f"{prefix}_SERVICE_HOST", address
        yield f"{prefix}_SERVICE_PORT", str(ports[0]["port"])
        for port in ports:
            if port.get("name"):
                yield f"{prefix}_SERVICE_PORT_{_as_name(port['name'])}", str(port["port"])
        yield f"{prefix}_PORT", _url(ports[0], address)
        for port in ports:
            protocol = port.get("protocol") or "TCP"
            link = f"{prefix}_PORT_{port['port']}_{protocol.upper()}"
            yield link, _url(port, address)
            yield f"{link}_PROTO", protocol.lower()
            yield f"{link}_PORT", str(port["port"])
            yield f"{link}_ADDR", address


def _as_name(name: str) -> str:
    upper = re.sub(r"[-.]", "_", name).upper()
    return f"_{upper}" if upper[:1].isdigit() else upper


def _url(port: Body, address: str) -> str:
    return f"{(port.get('protocol') or 'TCP').lower()}://{address}:{port['port']}"


def _bulk(container: Body, supplies: Supplies, namespace: str) -> Iterator[tuple[str, str]]:
    """The variables of `envFrom`; keys that can be no name are skipped."""
    for source in container.get("envFrom") or ():
        for kind, field in ((CONFIG_MAP, "configMapRef"), (SECRET, "secretRef")):
            supply = found(supplies, kind, namespace, source[field]) if source.get(field) else None
            if supply is None:
                continue
            for key, value in supply.data.items():
                name = f"{source.get('prefix') or ''}{key}"
                if key not in supply.binary and _NAME.fullmatch(name):
                    yield name, os.fsdecode(value)


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where the values of `env` come from."""

    pod: Body
    container: Body
    supplies: Supplies
    address: str

    def value(self, variable: Body, defined: Mapping[str, str]) -> str | None:
        """A variable's value; `None` if its source is optional and not there."""
        source = variable.get("valueFrom")
        if variable.get("value") or not source:
            return _expanded(str(variable.get("value") or ""), defined)
        if reference := source.get("configMapKeyRef"):
            return self._of_key(CONFIG_MAP, reference)
        if reference := source.get("secretKeyRef"):
            return self._of_key(SECRET, reference)
        if reference := source.get("fieldRef"):
            return downward.field(self.pod, reference.get("fieldPath", ""), self.address)
        if reference := source.get("resourceFieldRef"):
            return downward.resource(self.pod, self.container, reference)
        raise Unavailable(
            f"variable {variable['name']} comes from {', '.join(source) or 'nothing'}, which cannot be had here; use "
            "value, or valueFrom with configMapKeyRef, secretKeyRef, fieldRef or resourceFieldRef"
        )

    def _of_key(self, kind: str, reference: Body) -> str | None:
        namespace = self.pod["metadata"]["namespace"]
        supply = found(self.supplies, kind, namespace, reference)
        key = reference.get("key", "")
        if supply is not None and _has(supply, key):
            return os.fsdecode(supply.data[key])
        if reference.get("optional"):
            return None
        raise Unavailable(f"couldn't find key {key} in {kind} {namespace}/{reference.get('name')}; add it there")


def _has(supply: Supply, key: str) -> bool:
    return key in supply.data and key not in supply.binary
