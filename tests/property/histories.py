"""Histories of a world, for Hypothesis to invent."""

from collections.abc import Sequence

from hypothesis import strategies as st

from models.kinds import POD, SERVICE, Kind
from reconciler.wire.protocol import Body
from tests.builders import NAMESPACE, pod_spec
from tests.simulation.happenings import HAPPENINGS, Happening
from tests.simulation.world import World, key_of

OFTEN = (
    "newcomer",
    "tick",
    "tick",
    "tick",
    "pass",
    "child deleted",
    "worker edited",
    "scaled",
    "job ended",
    "job ended",
)

_happenings = st.builds(Happening, st.sampled_from([*HAPPENINGS, *OFTEN]), st.integers(0, 11), st.integers(0, 11))
beginnings = st.lists(
    st.builds(Happening, st.just("newcomer"), st.integers(0, 7), st.integers(1, 3)), min_size=1, max_size=3
)
# Long, since Hypothesis likes lists short; what does not matter shrinks to nothing happening.
histories = st.lists(_happenings, min_size=12, max_size=30)
short_histories = st.lists(_happenings, min_size=6, max_size=18)


def live_through(world: World, history: Sequence[Happening]) -> None:
    """Let a history happen, then let everything come to rest; bystanders stay as they are."""
    before = [world.api.create(kind, body).body for kind, body in _BYSTANDERS]
    for happening in history:
        happening.befall(world)
    Happening("nodes back").befall(world)
    world.settle()
    after = [world.get(key_of(body)) for body in before]
    assert list(map(_own, after)) == list(map(_own, before))


def _own(body: Body) -> Body:
    """What of an object only its owner, and no kubelet, may change."""
    spec = {name: value for name, value in body["spec"].items() if name != "nodeName"}
    return {"spec": spec, **{name: body["metadata"].get(name) for name in ("uid", "labels", "annotations")}}


_LABELS = {"dask.org/cluster-name": "a", "dask.org/component": "scheduler"}
_META = {"name": "bystander", "namespace": NAMESPACE, "labels": _LABELS}
_BYSTANDERS: Sequence[tuple[Kind, Body]] = (
    (POD, {"metadata": _META, "spec": pod_spec()}),
    (SERVICE, {"metadata": _META, "spec": {"ports": [{"port": 1}], "selector": {"app": "x"}}}),
)
"""Objects of someone else's that carry the labels by which the reconciler finds its own."""
