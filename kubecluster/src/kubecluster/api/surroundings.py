"""Where the API server is and who we are, as kubeconfig files or a Pod's service account say."""

import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kubecluster.api import kubeconfig as kubeconfigs
from kubecluster.api.proxies import proxy_for
from kubecluster.errors import NoKubernetes

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
HOST = "KUBERNETES_SERVICE_HOST"
PORT = "KUBERNETES_SERVICE_PORT"
INTERNAL = {"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
CERTIFICATE_END = "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Found:
    """The way to an API server.

    Attributes:
        server: its URL.
        origin: what says so, for people.
        namespace: where one is without saying so.
        is_inside: whether we are in a Pod of that cluster.
        own_namespace: that Pod's namespace; empty if there is none, or it is not known.
        tls: how to trust it and, with a certificate, who we are; `None` for plain HTTP.
        server_name: whose certificate it has, if that is not the URL's host.
        proxy: the URL of the proxy to go through.
        headers: who we are.
        token_file: holds a token that is replaced now and then.
        expires_at: until when we are known.
        again: finds the same way with fresh credentials.
    """

    server: str
    origin: str
    namespace: str
    is_inside: bool
    own_namespace: str
    tls: ssl.SSLContext | None
    server_name: str | None
    proxy: str | None
    headers: tuple[tuple[str, str], ...]
    token_file: Path | None
    expires_at: datetime | None
    again: Callable[[], "Found"]

    def __str__(self) -> str:
        return f"{self.server} ({self.origin})"


def find(
    context: str | None = None,
    kubeconfig: str | None = None,
    environ: Mapping[str, str] = os.environ,
    service_account: Path = SERVICE_ACCOUNT,
) -> Found:
    """The way to the API server, by the first of these that is there.

    1. `kubeconfig`, if it is given
    2. the files of `$KUBECONFIG`
    3. the service account of the Pod we run in, unless a context is asked for
    4. `~/.kube/config`

    Args:
        context: the context to use rather than the files' current one.
        kubeconfig: a file, or several, separated as in `$KUBECONFIG`.
        environ: the environment.
        service_account: the folder with the Pod's token and the cluster's certificate.

    Raises:
        NoKubernetes: none is there, or the one that is there cannot be used.
        WrongContext: there is no such context.
    """
    paths = kubeconfig or environ.get("KUBECONFIG")
    if not paths and not context and environ.get(HOST) and (service_account / "token").exists():
        return _in_pod(environ, service_account)
    files = kubeconfigs.read(paths or kubeconfigs.DEFAULT)
    name = files.context(context).name

    def again() -> Found:
        # The files are read anew: logging in writes to them. The context stays, even if another is current by then.
        return _from_files(kubeconfigs.read(str(files)), name, environ, service_account, again)

    return again()


def _in_pod(environ: Mapping[str, str], folder: Path) -> Found:
    host, port = environ[HOST], environ.get(PORT, "443")
    server = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    own = _own_namespace(environ, folder)
    try:
        return Found(
            server=server,
            origin="the service account of this Pod",
            namespace=own or "default",
            is_inside=True,
            own_namespace=own,
            tls=_tls(authority=str(folder / "ca.crt")),
            server_name=None,
            proxy=proxy_for(server, environ),
            headers=(),
            token_file=folder / "token",
            expires_at=None,
            again=lambda: _in_pod(environ, folder),
        )
    except OSError as error:
        raise NoKubernetes(
            f"In a Pod, but {folder / 'ca.crt'} cannot be used ({error}): leave automountServiceAccountToken on, or "
            "set KUBECONFIG."
        ) from None


def _from_files(
    files: kubeconfigs.Files, name: str, environ: Mapping[str, str], service_account: Path, again: Callable[[], Found]
) -> Found:
    context = files.context(name)
    origin = f"context {name!r} of {files}"
    server = str(context.cluster.get("server") or "").rstrip("/")
    if not server.startswith(("http://", "https://")):
        raise NoKubernetes(f"The cluster of {origin} has no server that is an http(s) URL: set it.")
    loaded = _load(files, context, origin)
    configuration: Any = loaded.configuration
    token_file = context.user.get("tokenFile") if not context.user.get("token") else None
    authority = configuration.ssl_ca_cert
    try:
        tls = _tls(
            authority=authority,
            certificate=configuration.cert_file,
            key=configuration.key_file,
            verify=configuration.verify_ssl,
        )
    except OSError as error:
        raise NoKubernetes(f"A certificate of {origin} cannot be used: {error}. Log in again, or correct it.") from None
    is_inside = _is_inside(server, authority, environ, service_account)
    own = _own_namespace(environ, service_account) if is_inside else ""
    return Found(
        server=server,
        origin=origin,
        namespace=context.namespace or own or "default",
        is_inside=is_inside,
        own_namespace=own,
        tls=tls if server.startswith("https:") else None,
        server_name=configuration.tls_server_name,
        proxy=proxy_for(server, environ, context.cluster.get("proxy-url")),
        headers=_headers(loaded.authorization if not token_file else "", context.user),
        token_file=context.folder / token_file if token_file else None,
        expires_at=loaded.expires_at,
        again=again,
    )


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What the `kubernetes` package makes of a context: it knows exec plug-ins, identity providers and certificates."""

    configuration: Any
    authorization: str
    expires_at: datetime | None


def _load(files: kubeconfigs.Files, context: kubeconfigs.Context, origin: str) -> _Loaded:
    from kubernetes.client import Configuration  # noqa: PLC0415 -- imported when it is used
    from kubernetes.config import kube_config as untyped  # noqa: PLC0415

    kube_config: Any = untyped
    configuration: Any = Configuration()
    try:
        merger = kube_config.KubeConfigMerger(str(files))
        loader = kube_config.KubeConfigLoader(
            merger.config,
            active_context=context.name,
            config_base_path=None,  # relative paths start at the file they stand in
            config_persister=merger.save_changes,
        )
        loader.load_and_set(configuration)
    except Exception as error:  # noqa: BLE001 -- a file of another shape than it trusts in makes it fail in any way
        # Without its origin: the loader's name whole entries, with their secrets.
        raise NoKubernetes(
            f"{origin[0].upper()}{origin[1:]} cannot be used: {kubeconfigs.without_values(error)}. "
            "See whether `kubectl get namespaces` works with it."
        ) from None
    keys = configuration.api_key
    authorization = str(keys.get("BearerToken") or keys.get("authorization") or "")
    helper = context.user.keys() & {"exec", "auth-provider"}
    # Where a login fails, the loader logs it at most, and goes on without.
    if helper and not authorization and not configuration.cert_file:
        how = f"the command {context.user['exec'].get('command')!r}" if "exec" in helper else "auth-provider"
        raise NoKubernetes(
            f"{origin[0].upper()}{origin[1:]} cannot be used: {how} of its user gave no credentials. "
            "Log in again; `kubectl get namespaces` with the same context shows what it says."
        )
    return _Loaded(configuration, authorization, getattr(loader, "expiry", None))


def _headers(authorization: str, user: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Who we are, and in whose place we act, if the user says so."""
    acting = {"Impersonate-User": user.get("as"), "Impersonate-Uid": user.get("as-uid")}
    headers = {"Authorization": authorization, **acting}
    groups = (("Impersonate-Group", str(group)) for group in user.get("as-groups") or ())
    return (*((name, str(value)) for name, value in headers.items() if value), *groups)


def _tls(
    *, authority: str | None, certificate: str | None = None, key: str | None = None, verify: bool = True
) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority)
    # Python 3.13 asks more of certificates than kubectl does, and more than those of many clusters have.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def _is_inside(server: str, authority: str | None, environ: Mapping[str, str], service_account: Path) -> bool:
    """Whether this is a Pod of the cluster that a kubeconfig names: the cluster signs with the same certificate."""
    if not environ.get(HOST):
        return False
    if urlsplit(server).hostname in {environ[HOST], *INTERNAL}:
        return True
    try:
        ours, theirs = ((Path(file).read_text()) for file in (service_account / "ca.crt", authority or ""))
    except OSError:
        return False
    return bool(_certificates(ours) & _certificates(theirs))


def _own_namespace(environ: Mapping[str, str], service_account: Path) -> str:
    """The namespace of the Pod we are in, as its service account or the downward API says."""
    file = service_account / "namespace"
    return file.read_text().strip() if file.exists() else environ.get("POD_NAMESPACE", "")


def _certificates(text: str) -> set[str]:
    """The certificates of a file, however their lines are broken."""
    blocks = text.split(CERTIFICATE_END)[:-1]
    return {"".join(block.partition("-----BEGIN CERTIFICATE-----")[2].split()) for block in blocks}
