"""Dask clients, from this machine and from a Pod."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import Client
from distributed.versions import VersionMismatchWarning

from tests.node.place import Place
from tests.realcluster.processes import environment

EXAMPLES = Path(__file__).parents[2] / "examples"
SUM_OF_SQUARES = "285"
"""What examples/client.py prints."""

MISMATCH = f"ignore::{VersionMismatchWarning.__module__}.{VersionMismatchWarning.__qualname__}"
"""For tests with a client: this machine's Python has another patch level than the image's, and Dask warns of it."""


@contextmanager
def forwarded(place: Place, service: str) -> Iterator[str]:
    """`kubectl port-forward svc/<service> :8786`, while inside; the address.

    Args:
        place: where the Service is.
        service: its name.

    Raises:
        AssertionError: kubectl could not forward; the message says why.
    """
    program, kubeconfig = place.node.kubectl_program, place.node.kubeconfig
    where = [f"--kubeconfig={kubeconfig}", f"--namespace={place.namespace}"]
    command = [program, *where, "port-forward", f"svc/{service}", ":8786"]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            if not first.startswith("Forwarding from 127.0.0.1:"):
                process.kill()
                raise AssertionError(f"`{' '.join(command)}` failed: {process.communicate()[1]}")
            yield f"localhost:{first.split()[2].rpartition(':')[2]}"
        finally:
            process.kill()
            process.communicate()


@contextmanager
def connected(place: Place, service: str) -> Iterator[Client]:
    """A client on this machine, while inside."""
    with forwarded(place, service) as address, client_of(address) as client:
        yield client


def client_of(address: str) -> Client:
    """A client of the scheduler at that address."""
    return Client(address, timeout="60s")


def workers_seen(client: Client) -> set[str]:
    """The names of the workers that the scheduler knows."""
    return {worker["name"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()}


def computes(client: Client, number: int) -> bool:
    """Whether the cluster still works out what it is asked; each number is a task of its own."""
    return bool(client.submit(pow, number, 2).result(timeout=60) == number**2)


def computed_in_a_pod(place: Place, image: str, address: str) -> str:
    """What examples/client.py prints when it runs in a Pod."""
    script = (EXAMPLES / "client.py").read_text()
    run = ["run", "client", f"--image={image}", "--image-pull-policy=IfNotPresent", "--restart=Never"]
    place.kubectl(*run, "--command", "--", "python", "-c", script, address)
    place.wait("pod/client", "jsonpath={.status.phase}=Succeeded")
    log = place.kubectl("logs", "client")
    place.kubectl("delete", "pod", "client", "--wait=false")
    return log
