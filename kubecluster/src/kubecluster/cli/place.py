"""Which Kubernetes, which namespace, and which cluster in it.

The namespace, the context and the kubeconfig can be set in Dask's configuration too, below `kubernetes.`.
"""

import functools
import shlex
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from kubecluster import checks
from kubecluster.cli.ending import checked
from kubecluster.cli.words import WARNING, program, remark

if TYPE_CHECKING:
    from kubecluster.api import Kubernetes
    from kubecluster.cli.job import Job
    from kubecluster.options import Options
    from kubecluster.resource import ClusterResource

Function = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look, as it was given.

    Args:
        namespace: The namespace.
        context: The kubeconfig's context.
        kubeconfig: The kubeconfig file.
    """

    namespace: str | None
    context: str | None
    kubeconfig: str | None

    def split(self, name: str) -> tuple[str | None, str]:
        """The namespace and the name in it of `analysis/simple`, or of `simple`.

        Raises:
            UsageError: it has another namespace than `--namespace`, or none that can be.
        """
        namespace, slash, short = name.rpartition("/")
        if not name:
            raise click.UsageError("The name is empty. Was it in a variable that is not set?")
        if not slash:
            return self.namespace, name
        if not short or not namespace or "/" in namespace:
            raise click.UsageError(f"The name is {name!r}; it must be as in simple, or as in analysis/simple.")
        with checked():
            checks.namespace(namespace, f"the namespace of {name!r}")
        if self.namespace not in (None, namespace):
            raise click.UsageError(f"--namespace is {self.namespace!r}, but the name is {name!r}; leave one out.")
        return namespace, short

    def options(self, name: str | None = None, **given: Any) -> "Options":
        """The arguments of KubeCluster that this stands for, resolved; what there is to warn of is told.

        Args:
            name: The cluster's name; by default one that nobody looks at.
            **given: More of them.

        Raises:
            UsageError: they make no sense.
        """
        from kubecluster import options  # noqa: PLC0415  # takes long to import

        where = {"namespace": self.namespace, "context": self.context, "kubeconfig": self.kubeconfig}
        with checked(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            resolved = options.resolve(**{"name": name, **where, **given})
        for warning in caught:
            remark(f"Warning: {warning.message}", WARNING)
        return resolved


@dataclass(frozen=True, slots=True)
class Here:
    """A Kubernetes, and a namespace of it.

    Args:
        kubernetes: The Kubernetes.
        namespace: The namespace where nothing else is said.
        place: How people have named them.
        options: What Dask's configuration says besides.
    """

    kubernetes: "Kubernetes"
    namespace: str
    place: Place
    options: "Options"

    def find(self, name: str) -> "ClusterResource":
        """The cluster that somebody means by a name.

        Raises:
            ClusterNotFound: there is none.
            UsageError: it is no name.
        """
        from kubecluster import names, resource  # noqa: PLC0415  # takes long to import
        from kubecluster.errors import ClusterNotFound  # noqa: PLC0415

        namespace, short = self.place.split(name)
        for candidate in names.candidates(short, self.options.naming):
            found = resource.ClusterResource(self.kubernetes, namespace or self.namespace, candidate)
            if found.find() is not None:
                return found
        self.kubernetes.refuse_absent(namespace or self.namespace)
        raise ClusterNotFound(self._absence(namespace or self.namespace, short))

    def job(self, name: str) -> "Job":
        """The job that somebody means by a name.

        Raises:
            ClusterNotFound: there is none.
            UsageError: it is no name.
        """
        from kubecluster.cli.job import Job  # noqa: PLC0415  # takes long to import
        from kubecluster.errors import ClusterNotFound  # noqa: PLC0415

        namespace, short = self.place.split(name)
        job = Job(self.kubernetes, namespace or self.namespace, short)
        try:
            job.read()
        except ClusterNotFound:
            self.kubernetes.refuse_absent(job.namespace)
            raise
        return job

    def _absence(self, namespace: str, name: str) -> str:
        """That there is no cluster of that name, and what there is."""
        from kubecluster import resource  # noqa: PLC0415
        from kubecluster.api import path  # noqa: PLC0415
        from kubecluster.diagnosis.sight import name_of  # noqa: PLC0415
        from kubecluster.names import DASK_JOB  # noqa: PLC0415

        known = ", ".join(one.name for one in resource.listed(self.kubernetes, namespace)) or "none"
        jobs = [name_of(job) for job in self.kubernetes.list(path(DASK_JOB.plural, namespace))]
        hint = f"`{self.hint('list --all-namespaces')}` lists those of all namespaces."
        if name in jobs:
            has_option = any("--job" in each.opts for each in click.get_current_context().command.params)
            explain = f"`{self.hint('explain', f'--job {namespace}/{name}')}` tells of it"
            hint = f"There is a DaskJob of that name: {'for that, add --job' if has_option else explain}."
        return f"There is no Dask cluster {name} in namespace {namespace!r}; there are: {known}. {hint}"

    def shown(self, resource: "ClusterResource") -> str:
        """A cluster's name as one can give it to another command from here."""
        return resource.name if resource.namespace == self.kubernetes.namespace else str(resource)

    def hint(self, command: str, name: str = "") -> str:
        """A command to type from here."""
        more = (("--context", self.place.context), ("--kubeconfig", self.place.kubeconfig))
        flags = [word for flag, value in more if value for word in (flag, shlex.quote(value))]
        return " ".join(filter(None, (program(), command, name, *flags)))


@contextmanager
def connected(place: Place, options: "Options | None" = None) -> Iterator[Here]:
    """A connection to what people have named.

    Raises:
        KubeClusterError: it cannot be had.
    """
    from kubecluster import starting  # noqa: PLC0415

    chosen = place.options("none", create_mode="CONNECT_ONLY") if options is None else options
    kubernetes = starting.connected(chosen)
    try:
        yield Here(kubernetes, chosen.namespace or kubernetes.namespace, place, chosen)
    finally:
        kubernetes.close()


def placed(function: Function) -> Function:
    """A command with `--namespace`, `--context` and `--kubeconfig`, which gets them as `place`."""

    @click.option("-n", "--namespace", metavar="NAMESPACE", help="The namespace; by default the context's.")
    @click.option("--context", metavar="CONTEXT", help="The kubeconfig's context; by default its current one.")
    @click.option("--kubeconfig", metavar="FILE", help="The kubeconfig; by default as kubectl finds it.")
    @functools.wraps(function)
    def with_place(namespace: str | None, context: str | None, kubeconfig: str | None, **given: Any) -> None:
        function(place=Place(namespace, context, kubeconfig), **given)

    return with_place
