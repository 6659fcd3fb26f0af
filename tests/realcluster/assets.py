"""The programs of controller-runtime's envtest, where KUBEBUILDER_ASSETS names their folder."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.realcluster.errors import ClusterError

VARIABLE = "KUBEBUILDER_ASSETS"
PROGRAMS = ("etcd", "kube-apiserver", "kubectl")
LACKING = (
    f"etcd, kube-apiserver and kubectl are those of {VARIABLE}. There is no kube-controller-manager among them: "
    "nothing is garbage-collected, and namespaces do not end."
)


def find(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder, if the variable is set.

    Raises:
        ClusterError: a program is not in it.
    """
    if not environment.get(VARIABLE):
        return None
    folder = Path(environment[VARIABLE]).expanduser().resolve()
    if missing := [name for name in PROGRAMS if not (folder / name).is_file()]:
        raise ClusterError(
            f"{VARIABLE} is {folder}, which lacks {' and '.join(missing)}. Unset it to have them built, or let "
            "`setup-envtest use` fill the folder."
        )
    return folder
