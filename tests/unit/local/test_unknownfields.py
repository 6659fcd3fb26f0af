"""Warnings of unknown fields, in words."""

import pytest

from reconciler.local.display.unknownfields import told

LIVENESS = "spec.containers[0].livenessProbe.tcpSocket"
READINESS = "spec.containers[0].readinessProbe.tcpSocket"


def warned(*fields: str) -> str:
    """What the API server says of those."""
    return "; ".join(f'unknown field "{field}"' for field in fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            ["spec.nodeSelectr"],
            "A field that Kubernetes does not know there is left out, and does no harm: nodeSelectr in spec.",
        ),
        (
            [f"{LIVENESS}.a", f"{LIVENESS}.b", f"{READINESS}.a", f"{READINESS}.b"],
            (
                "4 fields that Kubernetes does not know there are left out, and do no harm: a and b in "
                "containers[0].livenessProbe.tcpSocket and containers[0].readinessProbe.tcpSocket."
            ),
        ),
        (
            ["metadata.x", f"{LIVENESS}.a", "spec.affinity.y"],
            (
                "3 fields that Kubernetes does not know there are left out, and do no harm: x in metadata; a in "
                "containers[0].livenessProbe.tcpSocket; y in affinity."
            ),
        ),
    ],
)
def test_each_field_is_named_once_with_its_places(fields: list[str], words: str) -> None:
    """Those that stand wrongly in the same way in several places are told together."""
    assert told(warned(*fields)) == words
    assert told(f"{warned(*fields)}.") == words


@pytest.mark.parametrize("message", ["", "No.", f"{warned('a')}; and something else"])
def test_another_warning_is_not_reworded(message: str) -> None:
    """It may be one that matters."""
    assert told(message) is None
