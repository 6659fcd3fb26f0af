"""Names and addresses as a Pod sees them.

    localhost, 127.0.x.y              the Pod itself
    the Pod's name                    the Pod's address
    <service>                         in the Pod's namespace
    <service>.<namespace>[.svc[.…]]   in that one

Everything else is the real resolver's business, but for names that end in .svc: nobody outside knows those.
"""

from __future__ import annotations

import _socket
import os
from _socket import AI_ADDRCONFIG, AI_NUMERICHOST, AI_PASSIVE, EAI_NONAME, gaierror, herror, inet_aton, inet_ntoa

from _local_pod import replace  # type: ignore[import-not-found]  # this folder is on the path, not in a package

TYPE_CHECKING = False  # `typing` takes longer to import than all this
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from _local_pod import Pod

LOCALHOST = "127.0.0.1"
_ANY = ("", "*", "::")
_LOCAL = ("localhost", "::1")
_SERVICES = (".svc", ".svc.cluster.local")
_HOST_NOT_FOUND = 1
_LABELS_OF_A_SERVICE = 2


class Names:
    """What names stand for inside a Pod.

    Args:
        pod: The Pod.
    """

    def __init__(self, pod: Pod) -> None:
        self._pod = pod

    def install(self, module: ModuleType) -> None:
        """Let the functions of `socket` know the names.

        Args:
            module: `socket`.
        """
        self._real: Any = type("Real", (), {name: staticmethod(getattr(module, name)) for name in _FUNCTIONS})
        for name in _FUNCTIONS:
            # `socket.getaddrinfo` is a function around that of `_socket`; the others are the same in both.
            modules = (module,) if name == "getaddrinfo" else (module, _socket)
            replace(name, _function(getattr(self, name)), *modules)
        module.has_ipv6 = False  # type: ignore[attr-defined]  # or servers would want [::] as well

    def known(self, host: str) -> str | None:
        """The address that a name stands for, or `None` if it is not a name of the Pod's world.

        Raises:
            gaierror: it can only be a Service's, and there is none.
        """
        name = host.lower().rstrip(".")
        if name in _LOCAL:
            return LOCALHOST
        if name == self._pod.name:
            return str(self._pod.address)
        address = self._service(name.split("."))
        if address is None and name.endswith(_SERVICES):
            raise gaierror(EAI_NONAME, f"Name or service not known: there is no Service {host}")
        return address

    def destination(self, host: str) -> str | None:
        """The Pod's or Service's address to which a host leads, or `None` if it leads outside.

        Raises:
            gaierror: as above.
        """
        host = host.replace("::ffff:", "")  # an IPv4 address as IPv6 writes it
        address = LOCALHOST if host in _ANY else _numeric(host) or self.known(host)
        if address is None or not address.startswith(("127.", "0.")):
            return None
        return address if address.startswith("127.") and not address.startswith("127.0.") else str(self._pod.address)

    def _service(self, labels: list[str]) -> str | None:
        if len(labels) > _LABELS_OF_A_SERVICE and labels[2] != "svc":
            return None
        service, namespace = (*labels, self._pod.namespace)[:2]
        if not service or not namespace or os.sep in service + namespace:
            return None
        try:
            with open(f"{self._pod.run}/services/{namespace}/{service}", encoding="ascii") as file:  # noqa: PTH123
                return file.read().strip() or None
        except (OSError, ValueError):
            return None

    def getaddrinfo(  # noqa: PLR0913, PLR0917  # as it is called
        self,
        host: str | bytes | None,
        port: str | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002  # callers name it
        proto: int = 0,
        flags: int = 0,
    ) -> list[tuple[Any, ...]]:
        """As `socket.getaddrinfo`."""
        name = _text(host)
        address = None
        if name in _ANY:
            address = "0.0.0.0" if flags & AI_PASSIVE else LOCALHOST  # noqa: S104  # `bind` makes it the Pod's
        elif name is not None and not flags & AI_NUMERICHOST:
            address = self.known(name)
        if address is None:
            return list(self._real.getaddrinfo(host, port, family, type, proto, flags))
        flags &= ~AI_ADDRCONFIG  # these addresses are there without any network
        found: list[tuple[Any, ...]] = self._real.getaddrinfo(address, port, family, type, proto, flags)
        return [(*entry[:3], name if entry[3] else "", entry[4]) for entry in found]

    def gethostbyname(self, hostname: str) -> str:
        """As `socket.gethostbyname`."""
        name = _text(hostname)
        return str((self.known(name) if name else None) or self._real.gethostbyname(hostname))

    def gethostbyname_ex(self, hostname: str) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyname_ex`."""
        name = _text(hostname)
        address = self.known(name) if name else None
        found: tuple[str, list[str], list[str]]
        found = self._real.gethostbyname_ex(hostname) if address is None else (hostname, [], [address])
        return found

    def gethostbyaddr(self, ip_address: str) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyaddr`, which `getfqdn` asks; no server knows who has a loopback address."""
        host = _text(ip_address) or ""
        address = _numeric(host)
        if address is None:
            known = self.known(host) if host else None
            if known is not None:
                return host, [], [known]
        elif address in (self._pod.address, LOCALHOST):
            return ("localhost" if address == LOCALHOST else str(self._pod.name)), [], [address]
        elif address.startswith("127."):
            raise herror(_HOST_NOT_FOUND, "Unknown host")
        found: tuple[str, list[str], list[str]] = self._real.gethostbyaddr(ip_address)
        return found

    def gethostname(self) -> str:
        """As `socket.gethostname`."""
        return str(self._pod.name)


_FUNCTIONS = ("getaddrinfo", "gethostbyaddr", "gethostbyname", "gethostbyname_ex", "gethostname")


def _function(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method as a function, which can be given another name."""

    def function(*given: Any, **named: Any) -> Any:
        return method(*given, **named)

    return function


def _text(host: str | bytes | bytearray | None) -> str | None:
    """A host as text: none at all is any; `None` if it is none that we know."""
    if host is None:
        return ""
    if isinstance(host, (bytes, bytearray)):
        return host.decode("ascii", "replace")
    return host if isinstance(host, str) else None


def _numeric(host: str) -> str | None:
    """An IPv4 address in its usual form, such as 127.0.0.1 for 127.1; `None` if it is none."""
    try:
        return inet_ntoa(inet_aton(host))
    except (OSError, UnicodeError):
        return None
