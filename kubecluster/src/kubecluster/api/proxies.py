"""Which proxy leads to the API server, if any."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_for(server: str, environ: Mapping[str, str], configured: str | None = None) -> str | None:
    """The URL of the proxy to go through, as kubectl chooses it.

    Args:
        server: the API server's URL.
        environ: the environment, with `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.
        configured: `proxy-url` of the kubeconfig, which goes before all of these.
    """
    if configured:
        return configured
    url = urlsplit(server)
    variables = {name.lower(): value for name, value in sorted(environ.items())}  # lower case goes before upper case
    proxy = variables.get(f"{url.scheme}_proxy") or variables.get("all_proxy")
    if not proxy or _goes_directly(url.hostname or "", url.port, variables.get("no_proxy", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _goes_directly(host: str, port: int | None, no_proxy: str) -> bool:
    address = _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    entries = [entry.strip().lower() for entry in no_proxy.split(",")]
    return any(_covers(entry, host.lower(), port, address) for entry in entries if entry)


def _covers(
    entry: str, host: str, port: int | None, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None
) -> bool:
    """Whether an entry of `NO_PROXY` means a host: `*`, a network, or a domain, its dot and port left out or not."""
    if entry == "*":
        return True
    if address is not None:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return entry in {f"{host}:{port}", f"[{host}]:{port}"}
    domain, _, only_port = entry.partition(":")
    domain = domain.removeprefix("*").lstrip(".")
    return only_port in {"", str(port)} and (host == domain or host.endswith(f".{domain}"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
