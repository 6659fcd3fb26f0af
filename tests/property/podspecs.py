"""Pods of all sorts, as far as their lives go."""

from hypothesis import strategies as st

from reconciler.local.pods.life import Probe
from reconciler.wire.protocol import Body

POLICIES = ("Always", "OnFailure", "Never")

probes = st.fixed_dictionaries(
    {"tcpSocket": st.just({"port": 8786})},
    optional={
        "initialDelaySeconds": st.integers(0, 20),
        "periodSeconds": st.integers(1, 20),
        "successThreshold": st.integers(1, 2),
        "failureThreshold": st.integers(1, 3),
        "terminationGracePeriodSeconds": st.integers(1, 10),
    },
)
handlers = st.fixed_dictionaries({}, optional={f"{probe}Probe": probes for probe in Probe})
simple: st.SearchStrategy[Body] = st.just({})
sidecars = handlers.map(lambda fields: {"restartPolicy": "Always", **fields})
specs = st.fixed_dictionaries(
    {
        "restartPolicy": st.sampled_from(POLICIES),
        "initContainers": st.lists(st.one_of(simple, sidecars), max_size=2),
        "containers": st.lists(st.one_of(simple, handlers), min_size=1, max_size=2),
    },
    optional={"terminationGracePeriodSeconds": st.integers(0, 40), "activeDeadlineSeconds": st.integers(1, 900)},
)


def named(spec: Body) -> Body:
    """The spec with a name and an image for each container."""
    return spec | {
        kind: [{"name": f"{kind[0]}{number}", "image": "dask", **body} for number, body in enumerate(spec[kind])]
        for kind in ("initContainers", "containers")
    }
