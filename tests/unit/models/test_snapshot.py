"""A snapshot: whose children objects are."""

from models.observed import Pod
from tests.builders import cluster, scheduler, world


def test_a_pod_of_another_namespace_is_nobodys_here() -> None:
    """An owner reference out of another namespace means nothing in Kubernetes, whoever writes it."""
    one = cluster()
    ours, foreign = scheduler(one), scheduler(one, name="aaa", namespace="elsewhere")
    assert world(one, ours, foreign).children(one.metadata.uid, Pod) == (ours,)
