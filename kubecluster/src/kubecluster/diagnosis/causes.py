"""What texts of Kubernetes mean: which exception they become if they last, and what to do about them.

The texts are those of the API server, its admission, kube-scheduler and the kubelet with containerd or CRI-O, as of
Kubernetes 1.28 to 1.34. One that is not known gets the exception of its kind and the remedy that always fits.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kubecluster.errors import CrashLoop, ImagePullFailed, NotReady, PodRefused, QuotaExceeded, TimedOut, Unschedulable

PATIENCE = "Give it more time (resource_timeout)."


@dataclass(frozen=True, slots=True)
class Cause:
    """What a text means.

    Args:
        failure: The exception that it becomes if it lasts.
        remedy: What to do about it.
        is_final: Whether waiting longer is of no use.
    """

    failure: type[NotReady]
    remedy: str
    is_final: bool = False

    @property
    def passes(self) -> bool:
        """Whether it only takes its time, rather than being wrong."""
        return self.failure is TimedOut


STARTING = Cause(TimedOut, PATIENCE)
"""What passes by itself."""

UNJOINED = Cause(
    TimedOut,
    f"{PATIENCE} If it lasts, see their logs: the address at which they look, a network policy, TLS or another version "
    "of Dask may keep them away.",
)
"""Workers run, and their scheduler does not have them."""

_REFUSALS: Sequence[tuple[str, Cause]] = (
    (
        r"exceeded quota",
        Cause(QuotaExceeded, "Ask for less, delete what is not needed any more, or have the quota raised."),
    ),
    (
        r"failed quota: .*must specify",
        Cause(PodRefused, "The quota wants every container to name them: set them in `resources`.", is_final=True),
    ),
    (
        r"(minimum|maximum) \S+ usage per|limit to request ratio per",
        Cause(PodRefused, "Set `resources` to what the namespace's LimitRange allows.", is_final=True),
    ),
    (
        r"violates PodSecurity",
        Cause(
            PodRefused,
            "Set what it names in the Pod template's securityContext (security_context), or use a namespace with a "
            "weaker Pod security level.",
            is_final=True,
        ),
    ),
    (
        r"admission webhook .* denied the request|ValidatingAdmissionPolicy",
        Cause(PodRefused, "Do what the policy asks for in the Pod template, or ask who runs the policy."),
    ),
    (
        r"failed calling webhook",
        Cause(PodRefused, "The webhook's own server does not answer: ask who runs it."),
    ),
    (
        r"error looking up service account|serviceaccount \S+ not found",
        Cause(PodRefused, "Create the service account, or name one that exists in the Pod template."),
    ),
    (
        r"cannot (create|patch|update) resource",
        Cause(PodRefused, "The reconciler lacks this right: install its Role or ClusterRole anew."),
    ),
    (r"is new to Kubernetes|cannot find RESTMapping", STARTING),
    (
        r"is being terminated",
        Cause(PodRefused, "The namespace is being deleted: use another.", is_final=True),
    ),
    (
        r"is invalid",
        Cause(PodRefused, "Correct this field of the Pod template.", is_final=True),
    ),
)
_ANY_REFUSAL = Cause(PodRefused, "Do what the message asks for.")

_NO_IMAGE = re.compile(r": not found|manifest unknown|repository does not exist|name unknown", re.IGNORECASE)
_IMAGES: Sequence[tuple[str, str]] = (
    (
        r"toomanyrequests|429 Too Many Requests",
        "The registry lets nobody pull more for now: wait, log in with imagePullSecrets, or use a mirror.",
    ),
    (
        r"dial tcp|i/o timeout|\btls:|x509:|: EOF|deadline exceeded",
        "The node does not reach the image's registry: correct the registry's name, or see to the node's network.",
    ),
    (
        r"unauthorized|authoriz|forbidden|denied|no basic auth",
        "Correct the image's name, or give the Pods imagePullSecrets for its registry.",
    ),
    (_NO_IMAGE.pattern, "Correct the image's name and tag, or push it."),
    (r"no space left", "The node's disk is full: free it, or use another node."),
    (r"no match for platform", "Use an image that is made for the nodes' processors."),
)

_SCHEDULING: Sequence[tuple[str, str]] = (
    (
        r"Insufficient (\S+/[^\s,]*[^\s,.])",
        "No node has that many {0} free: ask for fewer, wait for others to give theirs back, or add nodes with them.",
    ),
    (
        r"Insufficient (?:cpu|memory|ephemeral-storage|hugepages)|Too many pods",
        "No node has that much free: ask for less in `resources`, wait until others give theirs back, or add nodes.",
    ),
    (
        r"untolerated taint[^\s,.]*(?: \{([^}]*)\})?",
        "If the nodes with the taint {0} are meant for this, tolerate it in the Pod template (tolerations).",
    ),
    (
        r"Pod's node affinity|node selector",
        "Correct nodeSelector or affinity in the Pod template, or label nodes accordingly.",
    ),
    (r"pod affinity|pod anti-affinity|anti-affinity rules|topology spread", "Relax these rules in the Pod template."),
    (r"were unschedulable", "Let Pods onto the nodes again (kubectl uncordon)."),
    (r'persistentvolumeclaim "([^"]*)" not found', "Create the PersistentVolumeClaim {0}, or name one that exists."),
    (
        r"unbound immediate|persistent volumes|volume node affinity|max volume count",
        "See why the volume is not there (kubectl describe persistentvolumeclaim).",
    ),
    (r"no nodes available", "There are no nodes: add some."),
)

_MISSING = re.compile(r'(configmap|secret)s? "([^"]*)"|in (ConfigMap|Secret) (\S+)', re.IGNORECASE)


def refusal(message: str) -> Cause:
    """What it means that Kubernetes refuses to create something."""
    return next((cause for pattern, cause in _REFUSALS if re.search(pattern, message)), _ANY_REFUSAL)


def is_refusal(message: str) -> bool:
    """Whether the text is known as that of a refusal."""
    return refusal(message) is not _ANY_REFUSAL


def image(reason: str, message: str) -> Cause:
    """What it means that an image cannot be had.

    Args:
        reason: The kubelet's reason.
        message: Its message, or that of the last attempt.
    """
    if reason == "InvalidImageName":
        return Cause(ImagePullFailed, "Correct the image's name.", is_final=True)
    if reason == "ErrImageNeverPull":
        return Cause(ImagePullFailed, "Put the image on the node, or let it be pulled (imagePullPolicy).")
    remedy = next(_remedies(_IMAGES, message), "Correct the image's name, or see to the node's way to its registry.")
    # The first attempt may have come before a push, or a registry's bad moment; then the kubelet backs off.
    is_final = reason == "ImagePullBackOff" and _NO_IMAGE.search(message) is not None
    return Cause(ImagePullFailed, remedy, is_final)


def scheduling(message: str, *, is_adding_nodes: bool) -> Cause:
    """What it means that no node takes a Pod.

    Args:
        message: The scheduler's message.
        is_adding_nodes: Whether nodes are being added for it.
    """
    if is_adding_nodes:
        return Cause(Unschedulable, f"Nodes are being added for it. {PATIENCE}")
    remedies = dict.fromkeys(_remedies(_SCHEDULING, message))
    return Cause(
        Unschedulable, " ".join(remedies) or "Correct what the message names in the Pod template, or add nodes."
    )


def configuration(message: str) -> Cause:
    """What it means that the kubelet cannot make a container, or its volumes, as its template asks."""
    missing = _MISSING.search(message)
    if missing is not None:
        kind, name = (missing[1], missing[2]) if missing[1] else (missing[3], missing[4])
        kind = {"configmap": "ConfigMap", "secret": "Secret"}[kind.lower()]
        return Cause(PodRefused, f"Create the {kind} {name} with what the Pod template asks of it, or name another.")
    if "runAsNonRoot" in message or "non-root" in message:
        return Cause(PodRefused, "Use an image with another user than root, or set runAsUser in the Pod template.")
    return Cause(PodRefused, "Correct what the message names in the Pod template.")


def crash(exit_code: int, reason: str, log: str) -> Cause:
    """What it means that a container ended.

    Args:
        exit_code: Its exit code.
        reason: The kubelet's reason.
        log: How to see its last log lines.
    """
    if reason == "OOMKilled":
        return Cause(CrashLoop, "Raise the memory limit in `resources`, or let the container use less.")
    if reason == "StartError" or exit_code in (126, 127, 128):
        since = "since 2026.6, Dask has `dask worker` in place of `dask-worker`"
        return Cause(CrashLoop, f"Correct the command, or use an image that has it ({since}). Its log: {log}.")
    if exit_code == 0:
        return Cause(CrashLoop, f"Its command must keep running; correct it. Its log: {log}.")
    return Cause(CrashLoop, f"See its last log lines: {log}.")


def _remedies(table: Iterable[tuple[str, str]], message: str) -> Iterator[str]:
    for pattern, remedy in table:
        for found in re.finditer(pattern, message, re.IGNORECASE):
            yield remedy.format(*found.groups(default="on them"))
