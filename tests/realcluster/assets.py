"""The programs of controller-runtime's envtest, where KUBEBUILDER_ASSETS names their folder."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.realcluster.errors import ClusterError
from tests.realcluster.working import trouble

VARIABLE = "KUBEBUILDER_ASSETS"
PROGRAMS = (("etcd", "--version"), ("kube-apiserver", "--version"), ("kubectl", "version", "--client"))
LACKING = (
    f"etcd, kube-apiserver and kubectl are those of {VARIABLE}. There is no kube-controller-manager among them: "
    "nothing is garbage-collected, and namespaces do not end."
)


def find(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder, if the variable is set.

    Raises:
        ClusterError: a program is not in it, or does not work.
    """
    if not environment.get(VARIABLE):
        return None
    folder = Path(environment[VARIABLE]).expanduser().resolve()
    if broken := [words for name, *proof in PROGRAMS if (words := trouble(str(folder / name), *proof))]:
        raise ClusterError(
            f"{VARIABLE} is {folder}. Unset it to have its programs built, or let `setup-envtest use` fill the folder, "
            "since these do not work:\n" + "\n".join(broken)
        )
    return folder
