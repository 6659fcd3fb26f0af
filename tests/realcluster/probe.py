"""Asks the API server and CoreDNS whether they answer, as somebody outside would."""

import json
import socket
import ssl
import struct
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.realcluster import pki

DNS_PORT = 53


class Probe:
    """Asks an API server as its administrator.

    Args:
        server: its URL.
        folder: of its certificates and tokens.
    """

    def __init__(self, server: str, folder: Path) -> None:
        self._server = server
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(folder / "ca.crt")))
        self._opener = urllib.request.build_opener(trust, urllib.request.ProxyHandler({}))
        self._headers = {"Authorization": f"Bearer {pki.token(folder, 'admin')}"}

    def ok(self, path: str) -> bool:
        """Whether a GET succeeds."""
        return self._get(path) is not None

    def ready(self, node: str) -> bool:
        """Whether a node says that Pods can run on it."""
        body: dict[str, Any] = json.loads(self._get(f"/api/v1/nodes/{node}") or b"{}")
        conditions = body.get("status", {}).get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def _get(self, path: str) -> bytes | None:
        request = urllib.request.Request(self._server + path, headers=self._headers)
        try:
            with self._opener.open(request, timeout=5) as response:
                return bytes(response.read())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None


def resolves(name: str, server: str, *, timeout_seconds: float = 0.3) -> bool:
    """Whether a DNS server has an address for a name."""
    header = struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(timeout_seconds)
        try:
            asker.sendto(header + labels + b"\0" + struct.pack("!2H", 1, 1), (server, DNS_PORT))
            answers = struct.unpack("!6H", asker.recv(512)[:12])[3]
        except OSError:
            return False
    return bool(answers)
