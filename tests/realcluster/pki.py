"""Certificates (by openssl) and tokens of one cluster, and the kubeconfig files made of them."""

import csv
import json
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.realcluster.errors import ClusterError

DAYS = "30"


@dataclass(frozen=True)
class User:
    """Somebody whom the API server knows by a token."""

    name: str
    groups: tuple[str, ...] = ()


USERS: Mapping[str, User] = {
    "admin": User("admin", ("system:masters",)),
    "controller-manager": User("system:kube-controller-manager"),
    "scheduler": User("system:kube-scheduler"),
    "kwok": User("kwok", ("system:masters",)),
    "kubelet": User("system:node:node", ("system:nodes",)),
    "kube-proxy": User("system:kube-proxy"),
    "coredns": User("system:coredns"),
}


def create(folder: Path, addresses: Sequence[str]) -> None:
    """Make an authority, the API server's certificates, the key of service accounts, and a token for each user.

    Args:
        folder: gets ca.crt, apiserver.crt, apiserver-kubelet-client.crt, their .key, sa.key, sa.pub, tokens.csv.
        addresses: of the API server.
    """
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names.append("kubernetes.default.svc.cluster.local")
    alternatives = ",".join([*(f"DNS:{name}" for name in names), *(f"IP:{address}" for address in addresses)])
    authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
    _certificate(folder, "ca", "/CN=realcluster", authority, signer=None)
    leaf = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"]
    server = [*leaf, "extendedKeyUsage=serverAuth", f"subjectAltName={alternatives}"]
    _certificate(folder, "apiserver", "/CN=kube-apiserver", server, signer="ca")
    client = [*leaf, "extendedKeyUsage=clientAuth"]
    subject = "/O=system:masters/CN=apiserver-kubelet-client"
    _certificate(folder, "apiserver-kubelet-client", subject, client, signer="ca")
    _openssl(folder, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "sa.key")
    _openssl(folder, "pkey", "-in", "sa.key", "-pubout", "-out", "sa.pub")
    with (folder / "tokens.csv").open("w", newline="") as file:
        for user in USERS.values():
            csv.writer(file).writerow([secrets.token_hex(16), user.name, user.name, ",".join(user.groups)])


def token(folder: Path, user: str) -> str:
    """The token of one of USERS."""
    with (folder / "tokens.csv").open(newline="") as file:
        return next(row[0] for row in csv.reader(file) if row[1] == USERS[user].name)


def write_kubeconfig(path: Path, *, server: str, authority: str, token: str, namespace: str = "default") -> Path:
    """Write a kubeconfig (JSON is YAML) that needs no other file.

    Args:
        path: of the new file.
        server: the API server's URL.
        authority: the certificate that its certificate is signed with, in base64.
        token: says who calls.
        namespace: of requests that name none.
    """
    context = {"cluster": "realcluster", "user": "realcluster", "namespace": namespace}
    cluster = {"server": server, "certificate-authority-data": authority}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "realcluster", "cluster": cluster}],
        "users": [{"name": "realcluster", "user": {"token": token}}],
        "contexts": [{"name": "realcluster", "context": context}],
        "current-context": "realcluster",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1))
    return path


def _certificate(folder: Path, name: str, subject: str, extensions: Sequence[str], signer: str | None) -> None:
    command = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", DAYS]
    command += ["-config", "openssl.cnf", "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.crt"]
    for extension in extensions:
        command += ["-addext", extension]
    if signer is not None:
        command += ["-CA", f"{signer}.crt", "-CAkey", f"{signer}.key"]
    # The system's configuration would add extensions of its own.
    (folder / "openssl.cnf").write_text("[req]\ndistinguished_name = dn\n[dn]\n")
    _openssl(folder, *command)


def _openssl(folder: Path, *arguments: str) -> None:
    try:
        done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ClusterError("There is no `openssl` in PATH; it makes the cluster's certificates. Install it.") from None
    if done.returncode != 0:
        raise ClusterError(f"openssl {arguments[0]} failed:\n{done.stderr}")
