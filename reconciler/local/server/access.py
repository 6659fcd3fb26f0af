"""What `kubectl auth` asks: who somebody is, and what they may. Whoever has the token may do all that can be done."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.kinds import VERSION
from reconciler.local.server.catalogue import Catalogue
from reconciler.wire.protocol import Body

USER = "local"
AUTHORIZATION, AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"
PATHS = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", "/version", "/healthz", "/livez", "/readyz"]


@dataclass(frozen=True, slots=True)
class Review:
    """A question that is asked by creating an object.

    Args:
        group: Its group.
        plural: Its resource.
        kind: Its kind.
    """

    group: str
    plural: str
    kind: str


ACCESS = Review(AUTHORIZATION, "selfsubjectaccessreviews", "SelfSubjectAccessReview")
RULES = Review(AUTHORIZATION, "selfsubjectrulesreviews", "SelfSubjectRulesReview")
IDENTITY = Review(AUTHENTICATION, "selfsubjectreviews", "SelfSubjectReview")
REVIEWS = (ACCESS, RULES, IDENTITY)


def review_at(path: str) -> Review | None:
    """The question that is asked at a path."""
    return next((one for one in REVIEWS if path == f"/apis/{one.group}/{VERSION}/{one.plural}"), None)


def reviewed(catalogue: Catalogue, review: Review, sent: Body) -> Body:
    """The answer to a question.

    Args:
        catalogue: What can be done.
        review: The question.
        sent: What it is about.
    """
    spec = sent.get("spec") or {}
    status: Body = {"userInfo": {"username": USER, "groups": ["system:masters", "system:authenticated"]}}
    if review == ACCESS:
        status = _access(catalogue, spec)
    elif review == RULES:
        paths = {"verbs": ["get"], "nonResourceURLs": PATHS}
        status = {"resourceRules": [*_rules(catalogue)], "nonResourceRules": [paths], "incomplete": False}
    head = {"kind": review.kind, "apiVersion": f"{review.group}/{VERSION}", "metadata": {}}
    return {**head, **({"spec": spec} if spec else {}), "status": status}


def _access(catalogue: Catalogue, spec: Body) -> Body:
    if path := spec.get("nonResourceAttributes"):
        return {"allowed": path.get("verb") == "get"}
    asked = spec.get("resourceAttributes") or {}
    group, plural = asked.get("group", ""), asked.get("resource", "")
    if catalogue.allows(group, plural, asked.get("subresource", ""), asked.get("verb", "")):
        return {"allowed": True}
    return {"allowed": False, "reason": "there is no such thing on this machine's Kubernetes"}


def _rules(catalogue: Catalogue) -> Iterator[Body]:
    for one in catalogue.resources:
        yield _rule(one.kind.group, one.kind.plural, one.verbs)
        for name, part in one.subresources.items():
            yield _rule(one.kind.group, f"{one.kind.plural}/{name}", part.verbs)
    for review in REVIEWS:
        yield _rule(review.group, review.plural, ("create",))


def _rule(group: str, resource: str, verbs: Sequence[str]) -> Body:
    return {"verbs": [*verbs], "apiGroups": [group], "resources": [resource]}
