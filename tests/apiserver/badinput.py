"""What people and clusters get wrong: each kind once, what must be said of it, and how it is put right."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from models.kinds import DASK_CLUSTER
from tests.apiserver.site import Site
from tests.manifests import Manifest, cluster, cluster_spec, group, job, manifest, pod_spec
from tests.realcluster import ClusterError
from tests.realcluster.eventually import eventually

GOOD = "good"
CONTAINERS = [{"name": "main", "image": "dask"}]


@dataclass(frozen=True)
class Bad:
    """Something that cannot be made, in a namespace of its own.

    Attributes:
        name: of the test.
        bodies: what is applied.
        about: the resource that tells of it.
        words: what its condition says: the API server's own words.
        reason: of its condition.
        event: the reason of its warning Event.
        remedy: puts it right.
        condition: the condition's type.
        before: prepares the namespace.
        metric: is above zero meanwhile.
        neighbour: whether a good cluster beside it in the namespace must come up.
    """

    name: str
    bodies: tuple[Manifest, ...]
    about: str
    words: str
    reason: str
    event: str
    remedy: Callable[[Site], None]
    condition: str = "Accepted"
    before: Callable[[Site], None] = field(default=lambda _site: None)
    metric: str = ""
    neighbour: bool = True


def _core(kind: str, name: str, spec: Any, api: str = "v1") -> Manifest:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _workers(**spec: Any) -> Manifest:
    return cluster("bad", spec={"containers": CONTAINERS, **spec})


def _apply(*bodies: Manifest) -> Callable[[Site], None]:
    return lambda site: site.apply(*bodies)


def _delete(what: str) -> Callable[[Site], None]:
    return lambda site: void(site.kubectl("delete", what))


def _label(label: str) -> Callable[[Site], None]:
    return lambda site: void(site.cluster.kubectl("label", "namespace", site.namespace, label))


def void(_: object) -> None:
    """Nothing of it."""


def _quota(pods: int) -> Callable[[Site], None]:
    return _apply(_core("ResourceQuota", "quota", {"hard": {"pods": str(pods)}}))


def _with_quota(site: Site) -> None:
    _quota(2)(site)
    eventually(lambda: "hard" in (site.get("resourcequota/quota").get("status") or {}), "a quota that counts")


def _with_policy(site: Site) -> None:
    """An admission policy that wants a label on Pods, and answers as a webhook would."""
    api, name = "admissionregistration.k8s.io/v1", f"team-{site.namespace}"
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
    here = {"matchLabels": {"kubernetes.io/metadata.name": site.namespace}}
    validation = {
        "expression": "has(object.metadata.labels) && 'team' in object.metadata.labels",
        "message": "say whose it is: label it team=...",
    }
    constraints = {"namespaceSelector": here, "resourceRules": rules}
    binding = {"policyName": name, "validationActions": ["Deny"]}
    site.apply(
        _core("ValidatingAdmissionPolicy", name, {"matchConstraints": constraints, "validations": [validation]}, api),
        _core("ValidatingAdmissionPolicyBinding", name, binding, api),
    )
    probe = json.dumps(_core("Pod", "probe", pod_spec()))
    eventually(lambda: "say whose" in _refusal(site, probe), "the policy")


def _refusal(site: Site, body: str) -> str:
    try:
        site.kubectl("create", "--dry-run=server", "--filename=-", stdin=body)
    except ClusterError as error:
        return str(error)
    return ""


def _without_policy(site: Site) -> None:
    name = f"team-{site.namespace}"
    both = (f"validatingadmissionpolicybinding/{name}", f"validatingadmissionpolicy/{name}")
    site.cluster.kubectl("delete", *both)


def _with_service(spec: Manifest) -> Manifest:
    return manifest(DASK_CLUSTER, "bad", {**cluster_spec(), "scheduler": {"spec": pod_spec(), "service": spec}})


def _job(**runner: Any) -> Manifest:
    body = job("bad")
    body["spec"]["job"] = {"spec": {"containers": CONTAINERS, **runner}}
    return body


GROUP = "daskworkergroup/bad-default-worker-group"
CLUSTER = "daskcluster/bad"
REFUSED = 'dask_reconciler_refused_writes_total{{kind="{}",reason="{}"}}'
FINDING = 'dask_reconciler_findings{{reason="{}"}}'
POD_INVALID, POD_FORBIDDEN = REFUSED.format("Pod", "Invalid"), REFUSED.format("Pod", "Forbidden")
RIGHT = _apply(cluster("bad"))


def _invalid(name: str, bad: Manifest, words: str, **more: Any) -> Bad:
    """A Pod template of the workers that no API server takes."""
    common = {"about": GROUP, "reason": "Invalid", "event": "FailedCreate", "metric": POD_INVALID, "remedy": RIGHT}
    return Bad(name, (bad,), words=words, **{**common, **more})


def _forbidden(name: str, bad: Manifest, words: str, remedy: Callable[[Site], None], **more: Any) -> Bad:
    """Pods that are right in themselves, and that the namespace does not want."""
    common = {"about": GROUP, "reason": "Forbidden", "event": "FailedCreate", "metric": POD_FORBIDDEN}
    return Bad(name, (bad,), words=words, remedy=remedy, **{**common, **more})


BIG = {"resources": {"limits": {"memory": "64Gi"}}}
LIMITS = {"limits": [{"type": "Container", "max": {"memory": "1Gi"}, "default": {"memory": "1Gi"}}]}
FOREIGN = {"selector": {"app": "theirs"}, "ports": [{"port": 80}]}
SECURE = "pod-security.kubernetes.io/enforce"

BAD = (
    _invalid(
        "a quantity that is none",
        _workers(containers=[{**CONTAINERS[0], "resources": {"requests": {"cpu": "two"}}}]),
        "quantities must match the regular expression",
        reason="BadRequest",
        metric=REFUSED.format("Pod", "BadRequest"),
    ),
    _invalid("two containers of one name", _workers(containers=CONTAINERS * 2), 'Duplicate value: "main"'),
    _invalid(
        "an image pull policy that is none",
        _workers(containers=[{**CONTAINERS[0], "imagePullPolicy": "Sometimes"}]),
        'Unsupported value: "Sometimes"',
    ),
    _invalid(
        "a label that is none",
        cluster("bad", metadata={"labels": {"team": "not valid!"}}),
        "metadata.labels",
        about=CLUSTER,
        metric=REFUSED.format("DaskWorkerGroup", "Invalid"),
    ),
    _invalid(
        "a restart policy that is none",
        _job(restartPolicy="Maybe"),
        '"Maybe"',
        about="daskjob/bad",
        remedy=_apply(_job()),
    ),
    _invalid(
        "a port that is none",
        _with_service({"ports": [{"name": "tcp-comm", "port": 98786}]}),
        "must be between 1 and 65535",
        about=CLUSTER,
        metric=REFUSED.format("Service", "Invalid"),
        remedy=_apply(_with_service({"ports": [{"name": "tcp-comm", "port": 8786}]})),
    ),
    Bad(
        "a field that is none",
        (_workers(containers=[{**CONTAINERS[0], "imagePullPolice": "Always"}]),),
        GROUP,
        'unknown field "spec.worker.spec.containers[0].imagePullPolice"',
        reason="UnknownField",
        event="UnknownField",
        remedy=_apply(_workers(containers=[{**CONTAINERS[0], "imagePullPolicy": "Always"}])),
    ),
    _forbidden(
        "a quota", cluster("bad", replicas=4), "exceeded quota: quota", _quota(9), before=_with_quota, neighbour=False
    ),
    _forbidden(
        "a limit range",
        _workers(containers=[{**CONTAINERS[0], **BIG}]),
        "maximum memory usage per Container is 1Gi",
        _delete("limitrange/limits"),
        before=_apply(_core("LimitRange", "limits", LIMITS)),
    ),
    _forbidden(
        "a service account that is not there",
        _workers(serviceAccountName="robot"),
        'serviceaccount "robot" not found',
        lambda site: void(site.kubectl("create", "serviceaccount", "robot")),
    ),
    _forbidden(
        "a policy of the namespace",
        cluster("bad"),
        "violates PodSecurity",
        _label(f"{SECURE}-"),
        before=_label(f"{SECURE}=restricted"),
        about=CLUSTER,
        neighbour=False,
    ),
    _forbidden(
        "an admission policy",
        cluster("bad"),
        "say whose it is",
        _without_policy,
        before=_with_policy,
        about=CLUSTER,
        reason="Invalid",
        metric=POD_INVALID,
        neighbour=False,
    ),
    Bad(
        "a Service of someone else under our name",
        (_core("Service", "bad-scheduler", FOREIGN), cluster("bad")),
        CLUSTER,
        "bad-scheduler is needed, but an object of that name belongs to nobody",
        reason="NameConflict",
        event="NameConflict",
        remedy=_delete("service/bad-scheduler"),
        condition="Ready",
        metric=FINDING.format("NameConflict"),
    ),
    Bad(
        "a Pod of someone else under our name",
        (_core("Pod", "bad-scheduler", pod_spec()), cluster("bad")),
        CLUSTER,
        "bad-scheduler is needed, but an object of that name belongs to nobody",
        reason="NameConflict",
        event="NameConflict",
        remedy=_delete("pod/bad-scheduler"),
        condition="Ready",
        metric=FINDING.format("NameConflict"),
    ),
    Bad(
        "a group whose cluster is not there",
        (group("bad", of="nobody"),),
        "daskworkergroup/bad",
        "nobody, which spec.cluster names",
        reason="ClusterNotFound",
        event="ClusterNotFound",
        remedy=_apply(cluster("nobody")),
        condition="Ready",
        metric=FINDING.format("ClusterNotFound"),
    ),
)
