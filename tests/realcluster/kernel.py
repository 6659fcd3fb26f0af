"""What the kernel must let a node do, asked by doing it in namespaces that are gone at once."""

from collections.abc import Mapping
from pathlib import Path

from tests.realcluster.errors import ClusterError
from tests.realcluster.working import trouble

ABILITIES: Mapping[str, str] = {
    "namespaces of a node's own": "true",
    "links between network namespaces (module veth)": "ip link add one type veth peer name other",
    "the address translation of Services (iptables)": "iptables --table nat --append POSTROUTING --jump MASQUERADE",
    "tracked connections (iptables)": "iptables --append FORWARD --match conntrack --ctstate INVALID --jump DROP",
    "layered file systems (module overlay) in {folder}": (
        "cd {folder} && mkdir lower upper work merged && "
        "mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged"
    ),
}
"""What it is, and a shell command that does it."""


def ensure(folder: Path) -> None:
    """Ask for everything that a node needs of the kernel.

    Args:
        folder: An empty one on the file system that will hold containers.

    Raises:
        ClusterError: something is not given; the message says what.
    """
    unshare = ("unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--mount-proc", "sh", "-c")
    for ability, command in ABILITIES.items():
        if words := trouble(*unshare, command.format(folder=f"'{folder}'")):
            what = ability.format(folder=folder)
            raise ClusterError(f"No node can run here, since the kernel does not give {what}: {words}")
