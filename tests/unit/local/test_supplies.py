"""ConfigMaps and Secrets of the user's files: what they hold, and what is wrong with them."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.files.supplies import Supply, Unavailable, WrongSupply, found, supply

KEYS = st.from_regex(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,20}", fullmatch=True)


def body(kind: str, name: str | None = "x", **fields: Any) -> dict[str, Any]:
    named = {"name": name} if name else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {**named, "namespace": "here"}, **fields}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("manifest", "data"),
    [
        (body("ConfigMap"), {}),
        (body("ConfigMap", data=None), {}),
        (body("ConfigMap", data={"a": "1", "b": ""}), {"a": b"1", "b": b""}),
        (body("ConfigMap", data={"a": None}), {"a": b""}),
        (body("ConfigMap", data={"a": "ä"}), {"a": "ä".encode()}),
        (body("ConfigMap", data={"a": "1"}, binaryData={"b": "AP8="}), {"a": b"1", "b": b"\0\xff"}),
        (body("ConfigMap", data={"a": "1"}, immutable=True), {"a": b"1"}),
        (body("Secret", type="Opaque", data={"a": "c2VjcmV0"}), {"a": b"secret"}),
        (body("Secret", data={"a": "c2Vj\ncmV0\n"}), {"a": b"secret"}),
        (body("Secret", stringData={"a": "secret"}), {"a": b"secret"}),
        (body("Secret", data={"a": "b2xk", "b": "Yg=="}, stringData={"a": "new"}), {"a": b"new", "b": b"b"}),
    ],
)
def test_what_they_hold_is_decoded(manifest: dict[str, Any], data: dict[str, bytes]) -> None:
    """Plain text as UTF-8, the rest from base64; in a Secret stringData wins."""
    read = supply(manifest)
    assert (read.kind, read.namespace, read.name, read.data) == (manifest["kind"], "here", "x", data)


def test_without_a_namespace_it_is_in_the_default_one() -> None:
    """As kubectl has it."""
    assert supply({"kind": "ConfigMap", "metadata": {"name": "x"}}).namespace == "default"


def test_binary_data_is_told_from_text() -> None:
    """Kubernetes makes files of it, but no variables."""
    assert supply(body("ConfigMap", data={"a": "1"}, binaryData={"b": "AP8="})).binary == {"b"}
    assert supply(body("Secret", data={"a": "AP8="})).binary == set()


@given(st.dictionaries(KEYS, st.binary(max_size=50)))
def test_whatever_is_encoded_comes_out_as_it_was(data: dict[str, bytes]) -> None:
    """Any bytes survive both ways in."""
    texts = {key: encoded(value) for key, value in data.items()}
    assert supply(body("Secret", data=texts)).data == data
    assert supply(body("ConfigMap", binaryData=texts)).data == data


WRONG = {
    "a number": (body("ConfigMap", data={"PORT": 8786}), "data.PORT is 8786; it must be text: quote it"),
    "a truth": (body("ConfigMap", data={"ON": True}), "data.ON is true; it must be text: quote it"),
    "a mapping": (body("ConfigMap", data={"a": {"b": "c"}}), "data.a is a mapping; it must be text: quote it"),
    "a plain number of a Secret": (body("Secret", stringData={"pin": 1234}), "stringData.pin is not text;"),
    "an encoded number": (body("Secret", data={"pin": 1234}), "data.pin is not text; it must be text: quote it"),
    "plain text in data": (
        body("Secret", data={"p": "hunter2!"}),
        "data.p is not base64; encode it, or put it under stringData as it is",
    ),
    "too little base64": (body("Secret", data={"p": "YQ"}), "data.p is not base64"),
    "base64 with letters of another language": (body("Secret", data={"p": "äöüß"}), "data.p is not base64"),
    "plain text in binaryData": (
        body("ConfigMap", binaryData={"p": "a b"}),
        "binaryData.p is not base64; encode it, or put it under data as it is",
    ),
    "a key with a slash": (body("ConfigMap", data={"a/b": "1"}), 'data has the key "a/b"; a key must be made of'),
    "an empty key": (body("ConfigMap", data={"": "1"}), 'data has the key "";'),
    "a key that leads upwards": (body("ConfigMap", data={"..": "1"}), 'data has the key "..";'),
    "a long key": (body("ConfigMap", data={"a" * 254: "1"}), "253 characters at most"),
    "a list": (body("ConfigMap", data=["a"]), "data is a list; it must be a mapping of names to values"),
    "a text": (body("Secret", stringData="a"), "stringData is no mapping; it must be a mapping of names to values"),
    "twice the same key": (
        body("ConfigMap", data={"a": "1"}, binaryData={"a": "MQ=="}),
        "a is in data and in binaryData; remove one",
    ),
    "another's field": (body("ConfigMap", stringData={"a": "1"}), "stringData is unknown"),
    "a slip": (body("Secret", stringdata={"a": "1"}), "stringdata is unknown (did you mean stringData?); remove it or"),
    "no name": (body("Secret", None), "metadata.name is missing; add it"),
}


@pytest.mark.parametrize(("manifest", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_remedy(manifest: dict[str, Any], words: str) -> None:
    """The object, the field and what to do."""
    with pytest.raises(WrongSupply) as caught:
        supply(manifest)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{manifest['kind']} here/{manifest['metadata'].get('name', '?')}: ")


def test_a_secrets_value_is_never_shown() -> None:
    """Messages end up on screens and in logs."""
    wrong: list[tuple[str, Any]] = [
        ("data", "hunter2!"),
        ("data", 4711),
        ("stringData", 4711),
        ("stringData", ["hunter2!"]),
    ]
    for field, value in wrong:
        with pytest.raises(WrongSupply) as caught:
            supply({**body("Secret"), field: {"p": value}})
        assert "hunter2!" not in str(caught.value)
        assert "4711" not in str(caught.value)


def test_one_is_found_by_kind_namespace_and_name() -> None:
    """A Secret is no ConfigMap, and another namespace's is not there."""
    there = Supply("Secret", "here", "x", {})
    supplies = {("Secret", "here", "x"): there}
    assert found(supplies, "Secret", "here", {"name": "x"}) is there
    assert found(supplies, "Secret", "here", {"secretName": "x"}, "secretName") is there
    for kind, namespace in (("ConfigMap", "here"), ("Secret", "elsewhere")):
        with pytest.raises(
            Unavailable, match=f'{kind.lower()} "x" not found in namespace {namespace}; add it'
        ) as caught:
            found(supplies, kind, namespace, {"name": "x"})
        assert caught.value.reason == "CreateContainerConfigError"
        assert found(supplies, kind, namespace, {"name": "x", "optional": True}) is None
