"""Manifests from texts, and all that is wrong with them.

Each problem names the file, the document, the object, the field and the remedy. A wrong manifest does not hide the
others. What the API server would take with a warning, or drop, is taken, with a warning.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, TextIO

from models.base import without_nulls
from models.kinds import CHILD_KINDS, CUSTOM_KINDS, POD_DISRUPTION_BUDGET, Key, Kind, kind_of
from reconciler.manifests.documents import documents
from reconciler.manifests.files import Text, texts
from reconciler.manifests.headers import named, opened, printable, wrong_header
from reconciler.manifests.object_errors import wrong_kind, wrong_values
from reconciler.manifests.unknown_fields import is_holder, omissions, refusals, unknown_fields
from reconciler.memory.strategy import LETTERS, LONGEST_PREFIX, SUFFIX_LENGTH
from reconciler.wire.wording import shown

CLUSTER_SCOPED = (
    *("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace", "Node", "PersistentVolume"),
    *("PriorityClass", "RuntimeClass", "StorageClass"),
)
"""Kinds without a namespace, which people keep beside their clusters."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """An object that may be loaded.

    Args:
        key: Which it is.
        body: The object, with its namespace, without nulls; with its status only if it was read from a Kubernetes.
        place: Where it was read, such as `cluster.yaml, document 2`.
        prefix: What its name begins with, if Kubernetes is to make the rest of it up.
    """

    key: Key
    body: dict[str, Any]
    place: str
    prefix: str = ""

    @property
    def uid(self) -> str:
        """Its uid, if it was read from a Kubernetes, where others refer to it; else empty."""
        return self.body["metadata"].get("uid") or ""


@dataclass(frozen=True, slots=True)
class Other:
    """An object that means nothing to the reconciler.

    Args:
        body: The object, with its namespace; of its fields, apiVersion and kind are text.
        namespace: Its namespace.
        place: Where it was read.
    """

    body: dict[str, Any]
    namespace: str
    place: str

    def __str__(self) -> str:
        kind, name = self.body["kind"], named(self.body["metadata"].get("name"))
        return printable(f"{kind} {name}" if kind in CLUSTER_SCOPED else f"{kind} {self.namespace}/{name}")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong or odd, as a sentence after the place where it stands."""

    place: str
    words: str

    def __str__(self) -> str:
        return printable(f"{self.place}: {self.words}")


@dataclass(slots=True)
class Reading:
    """What was read.

    Args:
        manifests: The good ones.
        problems: What is wrong with the others.
        others: Objects of other kinds.
        warnings: What is odd in good manifests, and left out or read otherwise than it may be meant.
    """

    manifests: list[Manifest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def ignored(self) -> list[str]:
        """The objects that mean nothing to the reconciler, such as `ConfigMap default/x`."""
        return [str(other) for other in self.others]


def read(paths: Iterable[str], namespace: str, standard_input: TextIO | None) -> Reading:
    """Read manifests.

    Args:
        paths: Files, folders with everything below them, and `-` for standard input.
        namespace: The namespace of manifests that name none.
        standard_input: What `-` stands for.
    """
    return Reader(namespace).read(texts(paths, standard_input))


class Reader:
    """Reads texts again and again; of those that it read the last time it knows what is in them.

    Args:
        namespace: The namespace of manifests that name none.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._known: dict[Text, Reading] = {}

    def read(self, found: Iterable[Text]) -> Reading:
        """All that is in the texts.

        Args:
            found: The texts, and what could not be read.
        """
        known, self._known = self._known, {}
        whole = Reading()
        for text in found:
            part = self._known[text] = known.get(text) or _read(text, self._namespace)
            whole.manifests += part.manifests
            whole.problems += part.problems
            whole.others += part.others
            whole.warnings += part.warnings
        return _without_duplicates(_with_names(whole))


def _read(text: Text, namespace: str) -> Reading:
    """What is in one text."""
    reading = Reading()
    if text.error:
        reading.problems.append(Problem(text.place, text.error))
    for document in documents(text.content):
        place = f"{text.place}, document {document.number}"
        if document.error:
            reading.problems.append(Problem(place, f"{document.error}."))
            continue
        reading.warnings += [Problem(place, f"{warning}.") for warning in document.warnings]
        for where, value in opened(document.value, place):
            _take(value, where, namespace, reading)
    return reading


def _take(value: Any, place: str, namespace: str, reading: Reading) -> None:
    """Sort one object into what was read."""
    if words := wrong_header(value, place):
        reading.problems.append(Problem(place, f"{words}."))
        return
    api_version, name = value["apiVersion"], value["kind"]
    given = value.get("metadata")
    metadata = given if isinstance(given, dict) else {}
    prefix = _prefix(metadata)
    metadata = {**metadata, "name": generated_name(prefix, 0)} if prefix else metadata
    where = metadata.get("namespace") or namespace
    subject = f"{name} {named(where)}/{named(metadata.get('name'))}"
    body = {**value, "metadata": {**metadata, "namespace": where}}
    kind = kind_of(api_version, name)
    wrong: list[str] = []
    if not isinstance(where, str):
        wrong = [f"metadata.namespace is {shown(where)}; it must be text; put it in quotes"]
    elif kind in (*CUSTOM_KINDS, *CHILD_KINDS, POD_DISRUPTION_BUDGET):
        wrong = [f"metadata is {shown(given)}; it must be a mapping with a name"]
        if given is None or isinstance(given, dict):
            wrong = _take_known(Manifest(Key(kind, where, ""), body, place, prefix), reading)
    elif words := wrong_kind(api_version, name):
        wrong = [words]
    else:
        reading.others.append(Other(body, where, place))
    reading.problems += [Problem(place, f"{subject}: {each}.") for each in wrong]


def _take_known(found: Manifest, reading: Reading) -> list[str]:
    """Take an object of a known kind, as it was written; gives back what is wrong with it, and then it is not taken."""
    body, kind = _as_stored(found.body), found.key.kind
    held = [name for name in body if is_holder(name, body[name])] if kind in CUSTOM_KINDS else []
    for name in held:
        del body[name]
    unknown = unknown_fields(kind, body) if kind in CUSTOM_KINDS else []
    wrong = [*refusals(unknown), *wrong_values(kind, body)]
    key = Key(kind, found.key.namespace, named(body["metadata"].get("name")))
    remedy = "give kubectl apply --validate=warn, or it refuses this"
    odd = [f"{name} is no field of a {kind} and is left out; {remedy}" for name in held]
    reading.warnings += [Problem(found.place, f"{key}: {each}.") for each in (*odd, *omissions(unknown))]
    if not wrong:
        reading.manifests.append(replace(found, key=key, body=body))
    return wrong


def _prefix(metadata: Mapping[str, Any]) -> str:
    """What Kubernetes begins a name with; empty if there is a name, or nothing to begin it with."""
    prefix = metadata.get("generateName")
    return prefix if isinstance(prefix, str) and not metadata.get("name") else ""


def _as_stored(given: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what a write does not touch: nulls, and the status unless a Kubernetes has given it."""
    body: dict[str, Any] = without_nulls(given)
    return body if body["metadata"].get("uid") else {name: value for name, value in body.items() if name != "status"}


def generated_name(prefix: str, number: int) -> str:
    """A name as Kubernetes makes it from `generateName`, but always the same for the same number."""
    digest = sha256(f"{prefix} {number}".encode()).digest()
    return prefix[:LONGEST_PREFIX] + "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:SUFFIX_LENGTH])


def _with_names(reading: Reading) -> Reading:
    """What was read, with another name for each manifest of one `generateName`."""
    seen: Counter[tuple[Kind, str, str]] = Counter()
    named_ones = [_with_name(each, seen) if each.prefix else each for each in reading.manifests]
    words = "Kubernetes makes up the end of its name; here it is this one"
    warnings = [Problem(each.place, f"{each.key}: {words}.") for each in named_ones if each.prefix]
    return replace(reading, manifests=named_ones, warnings=[*reading.warnings, *warnings])


def _with_name(manifest: Manifest, seen: Counter[tuple[Kind, str, str]]) -> Manifest:
    kind, namespace, prefix = same = (manifest.key.kind, manifest.key.namespace, manifest.prefix)
    name = generated_name(prefix, seen[same])
    seen[same] += 1
    body = {**manifest.body, "metadata": {**manifest.body["metadata"], "name": name}}
    return replace(manifest, key=Key(kind, namespace, name), body=body)


def _without_duplicates(reading: Reading) -> Reading:
    first: dict[Key, Manifest] = {}
    for manifest in reading.manifests:
        if manifest.key in first:
            words = f"{manifest.key}: is there twice, first in {first[manifest.key].place}; remove one."
            reading.problems.append(Problem(manifest.place, words))
        else:
            first[manifest.key] = manifest
    return replace(reading, manifests=list(first.values()))
