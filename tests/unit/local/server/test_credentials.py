"""The kubeconfig file that leads to a run, and the certificate in it."""

import json
import ssl
import stat
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.local.errors import LocalError
from reconciler.local.server.credentials import certificate, remove_kubeconfig, write_kubeconfig

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def write(file: Path, token: str = "sesame") -> None:
    write_kubeconfig(file, "https://127.0.0.1:1", b"PEM", token, "here")


def test_a_kubeconfig_is_its_owners_alone_and_complete(tmp_path: Path) -> None:
    """Context, server, authority and token, and the namespace of requests that name none."""
    write(tmp_path / "config")
    assert stat.S_IMODE((tmp_path / "config").stat().st_mode) == 0o600
    document = json.loads((tmp_path / "config").read_text())
    [context], [cluster], [user] = document["contexts"], document["clusters"], document["users"]
    assert document["current-context"] == context["name"] == "local"
    assert context["context"] == {"cluster": "local", "user": "local", "namespace": "here"}
    assert cluster["cluster"]["server"] == "https://127.0.0.1:1"
    assert b64decode(cluster["cluster"]["certificate-authority-data"]) == b"PEM"
    assert user["user"] == {"token": "sesame"}


def test_only_a_file_of_ours_is_replaced(tmp_path: Path) -> None:
    """Somebody's own kubeconfig stays as it is; the message says what to do."""
    file = tmp_path / "config"
    write(file)
    write(file, "another")
    assert "another" in file.read_text()
    for text in ("apiVersion: v1\nkind: Config\n", "{}", ""):
        file.write_text(text)
        with pytest.raises(LocalError, match=r"is there already, and no kubeconfig of .*; name another"):
            write(file)
        assert file.read_text() == text


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With the option that names another."""
    with pytest.raises(LocalError, match="No such file or directory; name another with --kubeconfig"):
        write(tmp_path / "nosuch" / "config")


def test_a_run_removes_its_own_file_alone(tmp_path: Path) -> None:
    """One that another run has written meanwhile stays, and one that is gone is no trouble."""
    file = tmp_path / "config"
    write(file, "theirs")
    remove_kubeconfig(file, "ours")
    assert file.exists()
    remove_kubeconfig(file, "theirs")
    assert not file.exists()
    remove_kubeconfig(file, "theirs")


def test_a_certificate_vouches_for_itself_and_leaves_no_key_behind(tmp_path: Path) -> None:
    """A client that is as strict as can be believes it, for the address and for localhost."""
    made = certificate("127.0.0.1", datetime.now(UTC))
    serving = made.context(tmp_path)
    assert [*tmp_path.iterdir()] == []
    strict = ssl.create_default_context(cadata=made.certificate.decode())
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in ("127.0.0.1", "localhost"):
        ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = serving.wrap_bio(theirs, ours, server_side=True)
        client = strict.wrap_bio(ours, theirs, server_hostname=name)
        for end in (client, server, client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
        assert client.version() == "TLSv1.3"
