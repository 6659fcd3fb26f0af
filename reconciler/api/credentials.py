"""Where the API server is and how to say who we are: from kubeconfig files, or from inside a Pod."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kubernetes.client import ApiException, Configuration
from kubernetes.config import ConfigException
from kubernetes.config import kube_config as untyped
from urllib3.exceptions import HTTPError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
BEARER = "BearerToken"  # the one way to authenticate that the client knows by name

# The client's loader has no annotations.
kube_config: Any = untyped
# What comes out of it if a file has another shape than it trusts in, or if a token cannot be had.
TROUBLE: tuple[type[Exception], ...] = (
    ConfigException,
    ApiException,
    HTTPError,
    kube_config.oauthlib.oauth2.OAuth2Error,
    OSError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


class NoCluster(Exception):
    """There is no usable configuration of a cluster. The message names the file, the context and the remedy."""


@dataclass(slots=True)
class TokenFile:
    """Keeps a configuration's token equal to that in a file, which is replaced now and then (a Pod's about hourly).

    Args:
        path: The file.
    """

    path: Path
    _seen: tuple[int, int, int] | None = field(default=None, init=False)

    def follow(self, configuration: Any) -> None:
        """Read the file now and, if it has changed, before each request.

        Args:
            configuration: A `Configuration`, whose type says that it has no hook for this.
        """
        self(configuration)
        configuration.refresh_api_key_hook = self

    def __call__(self, configuration: Configuration) -> None:
        """Read the file if it is another one than last time; an empty one is about to be written."""
        stat = self.path.stat()
        current = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if current != self._seen and (token := self.path.read_text().strip()):
            configuration.api_key[BEARER] = f"Bearer {token}"
            self._seen = current


def configuration(
    context: str | None = None,
    kubeconfig: str | None = None,
    environ: Mapping[str, str] = os.environ,
    service_account: Path = SERVICE_ACCOUNT,
) -> Configuration:
    """The client's configuration, from the first that is there.

    1. `kubeconfig`, if it is given
    2. the files of `$KUBECONFIG`
    3. the service account of the Pod we run in, unless a context is asked for
    4. `~/.kube/config`

    Args:
        context: The context to use rather than the files' current one.
        kubeconfig: A file, or several, separated as in `$KUBECONFIG`.
        environ: The environment.
        service_account: The directory with the Pod's token and the cluster's certificate.

    Raises:
        NoCluster: none is there, or the one that is there is wrong.
    """
    if is_in_pod(context, kubeconfig, environ):
        return _in_pod(environ, service_account)
    return _from_files(_files(kubeconfig or environ.get("KUBECONFIG") or "~/.kube/config"), context)


def is_in_pod(
    context: str | None = None, kubeconfig: str | None = None, environ: Mapping[str, str] = os.environ
) -> bool:
    """Whether the cluster is the one in whose Pod we run, and we are its service account."""
    is_told = kubeconfig or environ.get("KUBECONFIG") or context
    return not is_told and bool(environ.get("KUBERNETES_SERVICE_HOST"))


def _in_pod(environ: Mapping[str, str], service_account: Path) -> Configuration:
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    certificate = service_account / "ca.crt"
    token = TokenFile(service_account / "token")
    result = Configuration(host=f"https://{f'[{host}]' if ':' in host else host}:{port}", ssl_ca_cert=str(certificate))
    try:
        certificate.read_bytes()
        token.follow(result)
    except OSError as error:
        raise NoCluster(
            f"In a Pod, but {error.filename} cannot be read ({error.strerror}): "
            "leave automountServiceAccountToken on, or set KUBECONFIG."
        ) from None
    return result


@dataclass(frozen=True, slots=True)
class _Files:
    """Kubeconfig files as one; of two entries of a name the first counts.

    Args:
        documents: What is in each.
    """

    documents: dict[Path, dict[str, Any]]

    def __str__(self) -> str:
        return os.pathsep.join(map(str, self.documents))

    def names(self, section: str) -> list[str]:
        return [item["name"] for document in self.documents.values() for item in document.get(section) or []]

    def entry(self, section: str, name: str) -> tuple[Path, dict[str, Any]]:
        """The entry of a name, and the file that it is in; an empty one if there is none."""
        for path, document in self.documents.items():
            for item in document.get(section) or []:
                if item["name"] == name:
                    return path, item.get(section.removesuffix("s")) or {}
        return Path(), {}

    def context(self, wanted: str | None) -> str:
        current = (document.get("current-context") for document in self.documents.values())
        name = wanted or next(filter(None, current), None)
        known = ", ".join(self.names("contexts")) or "none"
        if not name:
            raise NoCluster(f"{self}: no current-context is set; name one of the contexts: {known}.")
        if name not in self.names("contexts"):
            raise NoCluster(f"{self}: there is no context {name!r}; name one of the contexts: {known}.")
        return str(name)


def _files(paths: str) -> _Files:
    named = [Path(path).expanduser() for path in paths.split(os.pathsep) if path]
    found = [path for path in named if path.exists()]
    if not found:
        raise NoCluster(
            f"No Kubernetes cluster is configured: {', '.join(map(str, named))} does not exist. "
            "Name a kubeconfig file with --kubeconfig or KUBECONFIG, or run inside the cluster."
        )
    return _Files({path: _document(path) for path in found})


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
        if not isinstance(document, dict):
            raise NoCluster(f"{path} is no kubeconfig file: it holds no mapping.")
        for section in ("clusters", "contexts", "users"):
            entries = document.get(section) or []
            if not isinstance(entries, list) or not all(isinstance(one, dict) and "name" in one for one in entries):
                raise NoCluster(f"{path} is no kubeconfig file: {section} is no list of entries with names.")
    except OSError as error:
        raise NoCluster(f"{path} cannot be read: {error.strerror}; check its permissions.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise NoCluster(f"{path} is not YAML: {error.problem} in line {line}.") from None
    except (yaml.YAMLError, ValueError):
        raise NoCluster(f"{path} is no kubeconfig file: it is no text in UTF-8.") from None
    return document


def _from_files(files: _Files, wanted: str | None) -> Configuration:
    context = files.context(wanted)
    result = Configuration()
    # Errors are shown without their origin: the loader's name whole entries, with their secrets.
    try:
        merger = kube_config.KubeConfigMerger(str(files))
        loader = kube_config.KubeConfigLoader(
            merger.config,
            active_context=context,
            config_base_path=None,  # relative paths start at the file they stand in
            config_persister=merger.save_changes,
        )
        loader.load_and_set(result)
        if not hasattr(loader, "expiry"):
            # There is nothing to renew, and the client's hook is dear: it sets everything anew for each request.
            result.refresh_api_key_hook = None
        _follow_token_file(result, files, context)
    except TROUBLE as error:
        raise NoCluster(f"{files}: context {context!r} cannot be used: {without_values(error)}.") from None
    _check(result, files, context)
    return result


def _user(files: _Files, context: str) -> tuple[Path, dict[str, Any]]:
    return files.entry("users", files.entry("contexts", context)[1].get("user") or "")


def _follow_token_file(result: Configuration, files: _Files, context: str) -> None:
    """The client reads a user's `tokenFile` only once."""
    path, user = _user(files, context)
    if "tokenFile" in user and "token" not in user:
        TokenFile(path.parent / user["tokenFile"]).follow(result)


def _check(result: Configuration, files: _Files, context: str) -> None:
    if not result.host.startswith(("http://", "https://")):
        cluster = files.entry("contexts", context)[1].get("cluster")
        raise NoCluster(f"{files}: cluster {cluster!r} of context {context!r} has no server that is an http(s) URL.")
    # Where a login fails, the client logs it at most, and goes on without.
    _, user = _user(files, context)
    if user.keys() & {"exec", "auth-provider"} and BEARER not in result.api_key and not result.cert_file:
        how = "auth-provider" if "auth-provider" in user else f"the command {user['exec'].get('command')!r}"
        raise NoCluster(
            f"{files}: context {context!r} cannot be used: {how} of its user gave no credentials; "
            "try `kubectl get namespaces` with the same context to see why."
        )


def without_values(error: Exception) -> str:
    """The part of an error that names no values, which may be secrets."""
    text = (str(error).splitlines() or [""])[0].partition(" in ")[0]
    return f"{text} is missing" if isinstance(error, LookupError) else text or "it is of another form"
