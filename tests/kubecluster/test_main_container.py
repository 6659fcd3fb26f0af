"""The container of a Pod that its log is read from, and that a new group's image and resources are for."""

from hypothesis import given
from hypothesis import strategies as st

from kubecluster.main_container import main_container
from reconciler.rules.labels import DEFAULT_CONTAINER
from reconciler.rules.main_container import working_containers
from reconciler.wire.protocol import Body

NAMES = ("main", "proxy", "vault-agent", "my-sidecar-2", "dask-worker", "worker", "job-runner", "job", "fluentbit", "x")


@given(st.lists(st.sampled_from(NAMES), unique=True, max_size=4), st.none() | st.sampled_from(NAMES))
def test_it_is_the_one_that_the_reconciler_goes_by(names: list[str], chosen: str | None) -> None:
    """Else people would be shown the log of a sidecar, and a job's end would be another container's."""
    annotations = {} if chosen is None else {DEFAULT_CONTAINER: chosen}
    body: Body = {"metadata": {"annotations": annotations}, "spec": {"containers": [{"name": name} for name in names]}}
    assert [main_container(body)] == (working_containers(names, annotations)[:1] or [""])


def test_what_has_no_containers_has_none() -> None:
    """Whatever else it lacks."""
    assert main_container({}) == main_container({"spec": {"containers": None}}) == ""
