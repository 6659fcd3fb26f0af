"""What is in Secrets: certificates as users make them, by openssl."""

import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


@cache
def secret(name: str = "dask", *, days: int = 30, password: str = "") -> dict[str, bytes]:
    """A certificate that is everyone's, and its own authority. The same name gives the same."""
    encrypted = ("-passout", f"pass:{password}") if password else ("-nodes",)
    with TemporaryDirectory() as folder:
        _openssl(folder, "req", "-new", *NEW_KEY, *encrypted, "-subj", f"/CN={name}", "-keyout", "key", "-out", "asked")
        given = ("-passin", f"pass:{password}") if password else ()
        _openssl(folder, "x509", "-req", "-in", "asked", "-signkey", "key", *given, "-days", str(days), "-out", "crt")
        certificate, key = ((Path(folder) / file).read_bytes() for file in ("crt", "key"))
    return {"ca.crt": certificate, "tls.crt": certificate, "tls.key": key}


def _openssl(folder: str, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
