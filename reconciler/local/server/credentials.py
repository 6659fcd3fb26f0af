"""What leads to the server, and proves who serves and who asks: a certificate, a token and a kubeconfig file."""

import json
import ssl
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from reconciler.local.errors import LocalError

CONTEXT = "local"
MADE_BY = "dask-reconciler local"
LIFETIME = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that vouches for itself, with its key.

    Args:
        certificate: The certificate, in PEM.
        key: Its private key, in PEM.
    """

    certificate: bytes
    key: bytes

    def context(self, folder: Path) -> ssl.SSLContext:
        """With what a server serves; the folder holds the key for a moment."""
        file = folder / "server.pem"
        file.touch(mode=0o600)
        file.write_bytes(self.key + self.certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        file.unlink()
        return context


def certificate(address: str, now: datetime) -> Certificate:
    """A new certificate of a server.

    Args:
        address: Where it is.
        now: The time.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, MADE_BY)])
    names = [x509.IPAddress(IPv4Address(address)), x509.DNSName("localhost")]
    usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    usage |= dict.fromkeys(("encipher_only", "decipher_only"), False)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(made.public_bytes(Encoding.PEM), pem)


def write_kubeconfig(file: Path, server: str, authority: bytes, token: str, namespace: str) -> None:
    """Write a kubeconfig file that only its owner can read; an older one of ours is replaced.

    Args:
        file: The file.
        server: The server's URL.
        authority: The certificate that it shows, in PEM.
        token: What whoever asks must know.
        namespace: That of requests that name none.

    Raises:
        LocalError: it is somebody else's, or cannot be written.
    """
    cluster = {"server": server, "certificate-authority-data": b64encode(authority).decode()}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "current-context": CONTEXT,
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}}],
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": CONTEXT, "user": {"token": token}}],
        "extensions": [{"name": MADE_BY, "extension": {"written": datetime.now(UTC).isoformat(timespec="seconds")}}],
    }
    try:
        if file.exists() and not _is_ours(file):
            raise LocalError(f"{file} is there already, and no kubeconfig of `{MADE_BY}`; name another, or move it")
        partial = file.with_name(f".{file.name}.new")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(document, indent=1) + "\n")  # JSON is YAML
        partial.replace(file)
    except OSError as error:
        raise LocalError(f"{file} cannot be written: {error.strerror}; name another with --kubeconfig") from error


def remove_kubeconfig(file: Path, token: str) -> None:
    """Remove a kubeconfig file, unless another run has written its own there."""
    with suppress(OSError):
        if token in file.read_text():
            file.unlink()


def _is_ours(file: Path) -> bool:
    """Whether a kubeconfig file was written by this command."""
    try:
        document = json.loads(file.read_text())
        return any(one["name"] == MADE_BY for one in document["extensions"])
    except (ValueError, KeyError, TypeError):
        return False
