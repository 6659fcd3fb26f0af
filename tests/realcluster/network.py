"""The addresses of one node's cluster, and the link between it and this machine."""

import json
import subprocess
from dataclasses import dataclass

from tests.realcluster import sandbox
from tests.realcluster.errors import ClusterError
from tests.realcluster.working import trouble

NUMBERS = range(200, 250)


@dataclass(frozen=True)
class Network:
    """Addresses below 10.<number>.0.0/16: this machine reaches the node, Pods and Services through the link.

    Attributes:
        number: no other network of this machine has it.
    """

    number: int

    @property
    def everything(self) -> str:
        return f"10.{self.number}.0.0/16"

    @property
    def pods(self) -> str:
        return f"10.{self.number}.0.0/18"

    @property
    def services(self) -> str:
        return f"10.{self.number}.128.0/20"

    @property
    def kubernetes_service(self) -> str:
        return f"10.{self.number}.128.1"

    @property
    def dns_service(self) -> str:
        return f"10.{self.number}.128.10"

    @property
    def host(self) -> str:
        """This machine's end of the link; the API server listens there."""
        return f"10.{self.number}.255.1"

    @property
    def node(self) -> str:
        """The node's end of the link."""
        return f"10.{self.number}.255.2"

    @property
    def link(self) -> str:
        """The name of this machine's end of the link."""
        return f"realcluster{self.number}"


def connect(pid: int) -> Network:
    """Link this machine with a sandbox. The link goes when the sandbox does.

    Args:
        pid: of the sandbox's first process.

    Raises:
        ClusterError: no network is free, or `ip` failed.
    """
    words = ""
    taken = {route["dst"] for route in json.loads(_run(["ip", "-json", "route"]))}
    for number in NUMBERS:
        network = Network(number)
        if any(destination.startswith(f"10.{number}.") for destination in taken):
            continue
        add = ["ip", "link", "add", network.link, "type", "veth", "peer", "name", "eth0", "netns", str(pid)]
        # The name is the claim: only one cluster can make this link.
        words = trouble(*add)
        if not words:
            _configure(network, pid)
            return network
    free = f"No network of 10.{NUMBERS[0]}.0.0/16 to 10.{NUMBERS[-1]}.0.0/16 is free"
    raise ClusterError(f"{free}. See `ip route`. {words}".strip())


def disconnect(network: Network) -> None:
    """Remove the link at once; the kernel would do so soon after the sandbox's end."""
    subprocess.run(["ip", "link", "delete", network.link], capture_output=True, check=False)


def _configure(network: Network, pid: int) -> None:
    _run(["ip", "address", "add", f"{network.host}/30", "dev", network.link])
    _run(["ip", "link", "set", network.link, "up"])
    inside = sandbox.inside(pid)
    _run([*inside, "ip", "address", "add", f"{network.node}/30", "dev", "eth0"])
    _run([*inside, "ip", "link", "set", "eth0", "up"])
    _run(["ip", "route", "add", network.everything, "via", network.node])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"`{' '.join(command)}` failed: {done.stderr}")
    return done.stdout
