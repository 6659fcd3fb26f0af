"""What the API server looks at in a container's probes."""

import re
from collections.abc import Iterator
from typing import Any

from reconciler.wire.protocol import Body

HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
SCHEMES = ("HTTP", "HTTPS")
LARGEST_PORT = 65535
LONGEST_PORT_NAME = 15

_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")


def violations(container: Body, where: str) -> Iterator[str]:
    """What is wrong with the probes of a container that may have some.

    Args:
        container: The container.
        where: Its path in the Pod.
    """
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if isinstance(probe, dict):
            yield from _violations(probe, f"{where}.{name}")
            yield from _misplaced(probe, name, f"{where}.{name}")


def forbidden(container: Body, where: str) -> Iterator[str]:
    """The probes of a container that may have none."""
    for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name) is not None:
            yield f"{where}.{name}: Forbidden: may not be set for init containers without restartPolicy=Always"


def port_violations(port: Any, where: str) -> Iterator[str]:
    """What is wrong with a port, which is a number or a name."""
    if isinstance(port, int):
        if not 0 < port <= LARGEST_PORT:
            yield f"{where}: Invalid value: {port}: must be between 1 and {LARGEST_PORT}, inclusive"
    elif isinstance(port, str):
        yield from port_name_violations(port, where)
    else:  # a port that is left out is the number 0
        yield f"{where}: Invalid value: 0: must be between 1 and {LARGEST_PORT}, inclusive"


def port_name_violations(name: str, where: str) -> Iterator[str]:
    """What is wrong with a port's name."""
    if len(name) > LONGEST_PORT_NAME:
        yield f'{where}: Invalid value: "{name}": must be no more than {LONGEST_PORT_NAME} characters'
    elif not _PORT_NAME.fullmatch(name):
        rule = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-), and a letter"
        yield f'{where}: Invalid value: "{name}": {rule}'


def _violations(probe: Body, where: str) -> Iterator[str]:
    given = [handler for handler in HANDLERS if isinstance(probe.get(handler), dict)]
    if not given:
        yield f"{where}: Required value: must specify a handler type"
    for handler in given[:1]:
        yield from _handler_violations(handler, probe[handler], f"{where}.{handler}")
    for handler in given[1:]:
        yield f"{where}.{handler}: Forbidden: may not specify more than 1 handler type"
    for name in NUMBERS:
        number = probe.get(name)
        if isinstance(number, int) and number < 0:
            yield f"{where}.{name}: Invalid value: {number}: must be greater than or equal to 0"
    grace = probe.get("terminationGracePeriodSeconds")
    if isinstance(grace, int) and grace <= 0:
        yield f"{where}.terminationGracePeriodSeconds: Invalid value: {grace}: must be greater than 0"


def _handler_violations(handler: str, asked: Body, where: str) -> Iterator[str]:
    if handler == "exec":
        if not asked.get("command"):
            yield f"{where}.command: Required value"
        return
    yield from port_violations(asked.get("port"), f"{where}.port")
    scheme = asked.get("scheme") or SCHEMES[0]
    if handler == "httpGet" and scheme not in SCHEMES:
        supported = ", ".join(f'"{each}"' for each in SCHEMES)
        yield f'{where}.scheme: Unsupported value: "{scheme}": supported values: {supported}'


def _misplaced(probe: Body, name: str, where: str) -> Iterator[str]:
    """What one sort of probe may have, and another not."""
    if name == "readinessProbe":
        grace = probe.get("terminationGracePeriodSeconds")
        if grace is not None:
            field = f"{where}.terminationGracePeriodSeconds"
            yield f"{field}: Invalid value: {grace}: must not be set for readinessProbes"
        return
    successes = probe.get("successThreshold") or 1
    if successes != 1:
        yield f"{where}.successThreshold: Invalid value: {successes}: must be 1"
