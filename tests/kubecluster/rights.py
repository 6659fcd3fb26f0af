"""What somebody may do, as the API server says."""

from kubecluster.api import Kubernetes

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def may(kubernetes: Kubernetes, verb: str, group: str, resource: str, namespace: str) -> bool:
    """Whether the connection's user has a right, to `daskclusters` or `pods/log` and the like."""
    plural, _, subresource = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": plural, "subresource": subresource, "namespace": namespace}
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    answer = kubernetes.create(REVIEWS, {**kind, "spec": {"resourceAttributes": attributes}})
    return bool(answer["status"]["allowed"])
