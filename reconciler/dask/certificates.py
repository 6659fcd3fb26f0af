"""With what we talk to a scheduler that speaks TLS: certificates out of a Secret that its user names.

    Secret ──► ca.crt             whom we trust; no name in the scheduler's certificate is compared, as in Dask
               tls.crt, tls.key   who we are, since schedulers ask for that too

A key is never logged, and stands in no file that has a name. What is in a Secret is its user's, and may be nonsense.
"""

import os
import ssl
import tempfile
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from reconciler.dask.errors import Barred, Unreachable
from reconciler.wire.errors import ApiError, Forbidden
from reconciler.wire.protocol import Body

CA, CERTIFICATE, PRIVATE_KEY = "ca.crt", "tls.crt", "tls.key"
KEPT_SECONDS = 600.0
"""After so long a Secret is read again: its certificates are replaced now and then."""
MOST_KEPT = 128
"""The most that are kept. Each takes some 50 kB; of more clusters, Secrets are read with each question."""
LONGEST_BYTES = 64 * 1024
"""The most bytes of the three together."""

Read = Callable[[str, str], Mapping[str, bytes]]
"""What is in the Secret of a namespace and a name, by key. It raises `ApiError`; `ValueError` if that is no Secret."""


@dataclass
class Certificates:
    """What was made of Secrets, for as long as it is needed. Threads share it.

    Args:
        read: Reads a Secret.
        seconds: A count of seconds that nobody sets.
    """

    read: Read
    seconds: Callable[[], float] = time.monotonic
    _kept: dict[tuple[str, str], tuple[float, ssl.SSLContext]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, namespace: str, name: str) -> ssl.SSLContext:
        """Whom to trust, and who we are.

        Raises:
            Barred: we may not read the Secret.
            Unreachable: there is none, or it holds nothing usable.
        """
        now = self.seconds()
        with self._lock:
            at, kept = self._kept.get((namespace, name), (now, None))
        if kept is not None and now - at < KEPT_SECONDS:
            return kept
        made = self._made(namespace, name)
        with self._lock:
            self._kept[namespace, name] = now, made
            if len(self._kept) > MOST_KEPT:
                del self._kept[min(self._kept, key=lambda one: self._kept[one][0])]
        return made

    def forget(self, namespace: str, name: str) -> None:
        """Read a Secret again when it is needed next: it may have changed."""
        with self._lock:
            self._kept.pop((namespace, name), None)

    def _made(self, namespace: str, name: str) -> ssl.SSLContext:
        secret = f"The Secret {namespace}/{name}, which spec.scheduler.tls.secretName names,"
        try:
            return context_of(self.read(namespace, name))
        except Forbidden:
            raise Barred(
                f"{secret} may not be read; let the reconciler get it as deploy/tls does, or take spec.scheduler.tls "
                "out."
            ) from None
        except ApiError as error:
            raise Unreachable(
                f"{secret} cannot be read: {error.message.rstrip('.')}; see whether it is there."
            ) from None
        except ValueError as error:  # without its origin, which may hold what is in the Secret
            raise Unreachable(f"{secret} cannot be used: {error}; put it right.") from None


def data_of(secret: Body) -> Mapping[str, bytes]:
    """What is in a Secret, as the API server has it.

    Raises:
        ValueError: it has another shape.
    """
    data = secret.get("data") or {}
    try:
        return {key: b64decode(data[key], validate=True) for key in (CA, CERTIFICATE, PRIVATE_KEY) if key in data}
    except (TypeError, ValueError):
        raise ValueError("its data is not base64") from None


def context_of(data: Mapping[str, bytes]) -> ssl.SSLContext:
    """What TLS is spoken with.

    Args:
        data: What is in a Secret, by key.

    Raises:
        ValueError: a key is missing, or what it holds is none of what it should be. It names no values.
    """
    for key in (CA, CERTIFICATE, PRIVATE_KEY):
        if not data.get(key):
            raise ValueError(f"it has no {key}")
    if sum(len(data[key]) for key in (CA, CERTIFICATE, PRIVATE_KEY)) > LONGEST_BYTES:
        raise ValueError(f"{CA}, {CERTIFICATE} and {PRIVATE_KEY} have more than {LONGEST_BYTES:,} bytes")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    try:
        context.load_verify_locations(cadata=data[CA].decode())
    except (ssl.SSLError, ValueError):
        raise ValueError(f"{CA} holds no certificates in PEM") from None
    try:
        with _as_file(data[CERTIFICATE] + b"\n" + data[PRIVATE_KEY]) as path:
            context.load_cert_chain(path, password=_encrypted)
    except ssl.SSLError:
        raise ValueError(f"{CERTIFICATE} and {PRIVATE_KEY} are not a certificate and its key in PEM") from None
    return context


def _encrypted() -> str:
    """OpenSSL would ask whoever sits at the terminal."""
    raise ValueError(f"{PRIVATE_KEY} is encrypted, and its password is not known")


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A path at which OpenSSL can read it: of a file that has no name, where the system has such."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - it has no path
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
        return
    with tempfile.NamedTemporaryFile() as file:  # readable by ourselves alone
        file.write(content)
        file.flush()
        yield file.name
