"""What kubectl sends in protobuf, read as the objects that it means."""

import pytest

from reconciler.local.server.protobuf import decoded
from reconciler.wire.errors import Invalid, Refused


def field(number: int, value: bytes | int) -> bytes:
    """A field of a message: a number, or bytes."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def sent(api_version: str, kind: str, raw: bytes) -> bytes:
    """An object as kubectl sends it."""
    type_ = field(1, api_version.encode()) + field(2, kind.encode())
    return b"k8s\0" + field(1, type_) + field(2, raw) + field(3, b"") + field(4, b"")


def entry(key: bytes, value: bytes) -> bytes:
    return field(1, key) + field(2, value)


def test_a_config_map_is_read() -> None:
    """Texts, bytes, truths, maps and lists, each under its name; what is empty is not there."""
    owner = field(1, b"DaskJob") + field(3, b"j") + field(4, b"u") + field(5, b"kubernetes.dask.org/v1") + field(6, 1)
    metadata = field(1, b"m") + field(2, b"") + field(11, entry(b"app", b"x")) + field(13, owner) + field(14, b"a/b")
    raw = field(1, metadata) + field(2, entry(b"a", b"1")) + field(2, entry(b"b", b"")) + field(3, entry(b"c", b"\0"))
    assert decoded(sent("v1", "ConfigMap", raw + field(4, 1))) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "m",
            "labels": {"app": "x"},
            "ownerReferences": [
                {"kind": "DaskJob", "name": "j", "uid": "u", "apiVersion": "kubernetes.dask.org/v1", "controller": True}
            ],
            "finalizers": ["a/b"],
        },
        "data": {"a": "1", "b": ""},
        "binaryData": {"c": "AA=="},
        "immutable": True,
    }


def test_a_question_about_rights_is_read() -> None:
    """What `kubectl auth can-i` asks; fields that nobody knows are skipped, however they are packed."""
    attributes = field(2, b"list") + field(5, b"pods") + field(9, b"later") + bytes([13 << 3 | 5, 0, 0, 0, 0])
    question = sent("authorization.k8s.io/v1", "SelfSubjectAccessReview", field(2, field(1, attributes)))
    assert decoded(question)["spec"] == {"resourceAttributes": {"verb": "list", "resource": "pods"}}


def test_other_kinds_are_asked_for_in_json() -> None:
    """The refusal names the kind and the remedy."""
    with pytest.raises(Refused, match=r"a Service is taken in JSON or YAML alone; .* kubectl apply") as caught:
        decoded(sent("v1", "Service", b""))
    assert caught.value.status == 415


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"k8s\0", b"k8s\0\x0a", b"k8s\0\xff\xff", sent("v1", "Secret", b"\x0a\xff")]
)
def test_what_is_no_protobuf_is_refused(data: bytes) -> None:
    """Whatever comes, the answer is a refusal."""
    with pytest.raises((Invalid, Refused)):
        decoded(data)
