"""Schedulers that speak TLS."""

import ssl
from pathlib import Path

import dask
import distributed  # noqa: F401  # its defaults must be there first
import pytest

from kubecluster.errors import NoCertificates
from kubecluster.starting import connection_args
from tests.unit.dask.secrets import secret

ADDRESS = "tls://127.0.0.1:8786"


def test_certificates_are_those_of_dasks_configuration(tmp_path: Path) -> None:
    """As for a Client."""
    files = {name: tmp_path / name for name in ("ca.crt", "tls.crt", "tls.key")}
    for name, file in files.items():
        file.write_bytes(secret()[name])
    keys = {"ca-file": "ca.crt", "client.cert": "tls.crt", "client.key": "tls.key"}
    with dask.config.set({f"distributed.comm.tls.{key}": str(files[name]) for key, name in keys.items()}):
        assert isinstance(connection_args(ADDRESS)["ssl_context"], ssl.SSLContext)


def test_without_certificates_the_error_says_where_they_belong() -> None:
    """Where the scheduler speaks TLS; else none are needed."""
    with pytest.raises(NoCertificates, match=r"speaks TLS at tls://127.*set distributed\.comm\.tls\.ca-file, and cert"):
        connection_args(ADDRESS)
    assert connection_args("tcp://127.0.0.1:8786")["ssl_context"] is None
