"""Why a scheduler does not exist, whoever tells of it."""

import json

import pytest

from kubecluster.diagnosis import About, Body, diagnose
from kubecluster.errors import NotReady, PodRefused, QuotaExceeded, TimedOut
from tests.kubecluster.sights import NOON, cluster, condition, event, sight

QUOTA = 'pods "simple-scheduler" is forbidden: exceeded quota: q, requested: pods=1, used: pods=9, limited: pods=9'
SECURITY = 'pods "simple-scheduler" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'
REFUSALS: list[tuple[str, type[NotReady], str, bool]] = [
    (QUOTA, QuotaExceeded, "have the quota raised", False),
    (SECURITY, PodRefused, "securityContext", True),
    ('pods "x" is forbidden: failed quota: q: must specify limits.cpu for: main', PodRefused, "`resources`", True),
    ('pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2', PodRefused, "LimitRange", True),
    ('admission webhook "validate.kyverno.svc-fail" denied the request: no latest', PodRefused, "policy", False),
    ("ValidatingAdmissionPolicy 'i' with binding 'b' denied request: only trusted images", PodRefused, "policy", False),
    ('Internal error occurred: failed calling webhook "w": connection refused', PodRefused, "webhook's own", False),
    (
        'pods "x" is forbidden: error looking up service account ml/dask: serviceaccount "dask" not found',
        PodRefused,
        "Create the service account",
        False,
    ),
    ('Pod "x" is invalid: spec.containers[0].image: Required value', PodRefused, "Correct this field", True),
    (
        'pods is forbidden: User "system:serviceaccount:d:r" cannot create resource "pods" in API group ""',
        PodRefused,
        "Role",
        False,
    ),
    ('pods "x" is forbidden: something new', PodRefused, "what the message asks", False),
]
HANDLER = "kopf.zalando.org/daskcluster_create_components.status.phase"


def noted(message: str, **more: object) -> Body:
    """What dask-kubernetes notes of a step that failed."""
    return {"annotations": {HANDLER: json.dumps({"success": False, "retries": 1, "message": message, **more})}}


@pytest.mark.parametrize(("message", "failure", "remedy", "is_final"), REFUSALS, ids=[one[0][:40] for one in REFUSALS])
def test_a_scheduler_that_is_refused_is_explained_whoever_tells_of_it(
    message: str, failure: type[NotReady], remedy: str, *, is_final: bool
) -> None:
    """The reconciler in a condition, Kubernetes in an Event of a ReplicaSet, dask-kubernetes in a note."""
    maker = "ReplicaSet/simple-scheduler-84d9d987f5"
    older = event(maker, "FailedCreate", "Error creating: an old reason", after=0)
    combined = f"(combined from similar events): Error creating: {message}"
    looks = [
        sight(cluster=cluster(condition("Accepted", "False", "Forbidden", message), condition("Ready", "False"))),
        sight(events=(event(maker, "FailedCreate", combined), older)),
        sight(cluster=cluster(**noted(message))),
    ]
    for look in looks if failure is not PodRefused or "what the message" not in remedy else looks[:2]:
        verdict = diagnose(NOON, look)
        assert verdict.sentence == f"There is no scheduler Pod, since the API server refused it: {message}."
        assert (verdict.failure, verdict.is_final, verdict.about) == (failure, is_final, About.SCHEDULER)
        assert remedy in verdict.remedy


def test_refusals_of_another_cluster_of_the_name_do_not_count() -> None:
    """From before this one was created, or of a cluster whose name is alike; nor do those of an earlier edit."""
    maker = "ReplicaSet/simple-scheduler-84d9d987f5"
    stale = condition("Accepted", "False", "Forbidden", QUOTA, generation=0)
    for look in (
        sight(events=(event(maker, "FailedCreate", QUOTA, after=-60),)),
        sight(events=(event("ReplicaSet/simple-scheduler2-84d9d987f5", "FailedCreate", QUOTA),)),
        sight(cluster=cluster(stale, condition("Ready", "False", generation=0))),
    ):
        assert diagnose(NOON, look).sentence == "The scheduler Pod has not been created yet."


def test_a_step_that_dask_kubernetes_tries_again_is_quoted() -> None:
    """From its notes, or from its Events where it writes them; what succeeded is not."""
    told = "The scheduler Pod has not been created yet: The server is on fire."
    posted = event("DaskCluster/simple", "Logging", "The server is on fire", "Error")
    for look in (sight(cluster=cluster(**noted("The server is on fire"))), sight(events=(posted,))):
        verdict = diagnose(NOON, look)
        assert (verdict.sentence, verdict.failure) == (told, TimedOut)
        assert "operator" in verdict.remedy
    verdict = diagnose(NOON, sight(cluster=cluster(**noted("The server is on fire", success=True))))
    assert verdict.sentence == "The scheduler Pod has not been created yet."
