"""Real schedulers, of the release that is installed, in threads of this process."""

import subprocess
from collections.abc import Iterator

import pytest
from distributed import Client, LocalCluster, Security


@pytest.fixture(scope="session")
def security(tmp_path_factory: pytest.TempPathFactory) -> Security:
    """One certificate is everyone's, and its own authority."""
    folder = tmp_path_factory.mktemp("certificates")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run(
        [*command, "-days", "30", "-subj", "/CN=dask", "-keyout", "dask.key", "-out", "dask.crt"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    files = {f"tls_{role}_cert": str(folder / "dask.crt") for role in ("client", "scheduler", "worker")}
    files |= {f"tls_{role}_key": str(folder / "dask.key") for role in ("client", "scheduler", "worker")}
    return Security(tls_ca_file=str(folder / "dask.crt"), require_encryption=True, **files)


@pytest.fixture(params=["tcp", "tls"])
def cluster(request: pytest.FixtureRequest, security: Security) -> Iterator[LocalCluster]:
    """A scheduler with two workers of a thread each, over TCP and over TLS."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        memory_limit="1GiB",
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # or port 8787 must be free
        protocol=f"{request.param}://",
        security=security if request.param == "tls" else None,
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    """Somebody who computes on it, and leaves nothing there."""
    with Client(cluster) as client:
        yield client
