import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.kinds import DASK_CLUSTER, Key
from reconciler.manifests import Reading, read
from reconciler.manifests.documents import documents

POD: dict[str, Any] = {"containers": [{"name": "main", "image": "dask"}]}


def cluster(name: str = "big", **changes: Any) -> dict[str, Any]:
    """A good DaskCluster, with its spec's worker changed."""
    spec = {"scheduler": {"spec": POD}, "worker": {"replicas": 2, "spec": POD, **changes}}
    return {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskCluster", "metadata": {"name": name}, "spec": spec}


def autoscaler(minimum: int, maximum: int) -> dict[str, Any]:
    """A DaskAutoscaler with those bounds."""
    spec = {"cluster": "big", "minimum": minimum, "maximum": maximum}
    header = {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskAutoscaler"}
    return {**header, "metadata": {"name": "auto"}, "spec": spec}


def foreign(kind: str, api_version: str = "v1") -> dict[str, Any]:
    """A manifest of another kind."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}


def texts(*manifests: Any) -> str:
    return "---\n".join(yaml.safe_dump(manifest) for manifest in manifests)


def piped(*manifests: Any, namespace: str = "default") -> Reading:
    """What is read from standard input."""
    return read(["-"], namespace, io.StringIO(texts(*manifests)))


def problems(reading: Reading) -> list[str]:
    return [str(problem) for problem in reading.problems]


def test_a_good_manifest_is_taken_with_its_namespace() -> None:
    """A manifest without a namespace gets the default one; one that names its own keeps it."""
    mine = cluster("mine")
    mine["metadata"]["namespace"] = "ml"
    reading = piped(cluster(), mine, namespace="etl")
    assert problems(reading) == []
    assert [manifest.key for manifest in reading.manifests] == [
        Key(DASK_CLUSTER, "etl", "big"),
        Key(DASK_CLUSTER, "ml", "mine"),
    ]
    assert reading.manifests[0].body["metadata"] == {"name": "big", "namespace": "etl"}


BIG = "DaskCluster default/big:"
LONG = "b" * 54


@pytest.mark.parametrize(
    ("manifest", "subject", "words"),
    [
        (cluster(replicas=-1), BIG, "spec.worker.replicas is -1; it must be 0 or more"),
        (cluster(replicas="3"), BIG, 'spec.worker.replicas is "3"; it must be a whole number'),
        (cluster(spec=None), BIG, "spec.worker.spec is missing; add it"),
        (cluster(replcas=3), BIG, "spec.worker.replcas is unknown (did you mean replicas?); remove it or correct it"),
        (
            cluster(updateStrategy={"rollingUpdate": {"maxSurge": "x"}}),
            f"{BIG} spec.worker.updateStrategy.rollingUpdate.maxSurge is",
            '"x"; it must be a whole number or be a percentage such as 25%',
        ),
        (
            cluster(LONG),
            f"DaskCluster default/{LONG}: metadata.name: the name '{LONG}' has 54 characters; 53 is the most,",
            "since Services are named after it; choose a shorter one",
        ),
        (
            {**cluster(), "metadata": {"name": "big", "lables": {}}},
            BIG,
            "metadata.lables is unknown (did you mean labels?); remove it or correct it",
        ),
        ({**cluster(), "metadata": {}}, "DaskCluster default/?:", "metadata.name is missing; add it"),
        (
            {**cluster(), "metadata": {"generateName": "big-"}},
            "DaskCluster default/?: metadata.name is missing; add it:",
            "a name that the server makes from generateName cannot be foreseen",
        ),
        (
            {**cluster(), "metadata": "big"},
            "DaskCluster default/?:",
            'metadata is "big"; it must be a mapping with a name',
        ),
        (
            {**cluster(), "metadata": {"name": "big", "labels": {"size": 3}}},
            BIG,
            "metadata.labels.size is 3; it must be text; put it in quotes",
        ),
        (
            {**cluster(), "apiVersion": "kubernetes.dask.org/v2"},
            f'{BIG} apiVersion is "kubernetes.dask.org/v2";',
            "for a DaskCluster it must be kubernetes.dask.org/v1",
        ),
        (
            {**cluster(), "kind": "DaskClutser"},
            'DaskClutser default/big: kind is "DaskClutser" (did you mean DaskCluster?);',
            "it must be one of DaskJob, DaskCluster, DaskWorkerGroup, DaskAutoscaler",
        ),
        (
            autoscaler(5, 3),
            "DaskAutoscaler default/auto: spec is at odds with itself:",
            "minimum (5) must not be greater than maximum (3)",
        ),
        ({"kind": "DaskCluster"}, "", "apiVersion is missing; add it"),
        ({"apiVersion": "v1"}, "", "kind is missing; add it"),
        ({"apiVersion": 1, "kind": "DaskCluster"}, "", "apiVersion is 1; it must be text"),
        ("just words", "", 'is "just words"; it must be a manifest, with apiVersion, kind and metadata'),
    ],
)
def test_what_is_wrong_names_document_object_field_and_remedy(manifest: Any, subject: str, words: str) -> None:
    """A wrong manifest is told in a sentence that says where, what and what to do; it is not taken."""
    reading = piped(manifest)
    assert problems(reading) == [" ".join(filter(None, ["standard input, document 1:", subject, f"{words}."]))]
    assert reading.manifests == []


def test_everything_wrong_is_told_and_hides_nothing() -> None:
    """All problems of all manifests are told at once, and the good ones are taken."""
    reading = piped(cluster("one", replicas=-1, minReadySeconds=-2), cluster("two"), autoscaler(5, 3), cluster("three"))
    assert [problem.split(":")[0] for problem in problems(reading)] == [
        "standard input, document 1",
        "standard input, document 1",
        "standard input, document 3",
    ]
    assert [manifest.key.name for manifest in reading.manifests] == ["two", "three"]


def test_broken_yaml_names_the_line_and_hides_nothing() -> None:
    """A document that is not YAML is told with its line in the file; those around it are read."""
    text = f"{texts(cluster('one'))}---\na: [1,\nb\n---\n{texts(cluster('two'))}"
    line = text.splitlines().index("b") + 2
    reading = read(["-"], "default", io.StringIO(text))
    (problem,) = problems(reading)
    assert problem.startswith(f"standard input, document 2: is not YAML in line {line}, column 1: expected ',' or ']'")
    assert [manifest.key.name for manifest in reading.manifests] == ["one", "two"]


def test_an_object_that_is_there_twice_is_told_with_both_places() -> None:
    """The second of two manifests of one object is a problem, and the first is taken."""
    reading = piped(cluster(), foreign("ConfigMap"), cluster())
    assert problems(reading) == [
        (
            "standard input, document 3: DaskCluster default/big: is there twice, first in standard input, document 1; "
            "remove one."
        )
    ]
    assert len(reading.manifests) == 1


def test_other_kinds_are_ignored_and_listed() -> None:
    """Manifests that are no business of the reconciler's do not disturb it."""
    reading = piped(foreign("ConfigMap"), cluster(), foreign("Deployment", "apps/v1"))
    assert reading.ignored == ["ConfigMap default/x", "Deployment default/x"]
    assert problems(reading) == []


def test_lists_are_opened() -> None:
    """A List, as `kubectl get -o yaml` prints it, is as good as its items."""
    reading = piped({"apiVersion": "v1", "kind": "List", "items": [cluster("a"), cluster("b", replicas=-1)]})
    assert [manifest.key.name for manifest in reading.manifests] == ["a"]
    assert problems(reading)[0].startswith("standard input, document 1, item 2: DaskCluster default/b: ")


def test_what_kubernetes_adds_is_no_unknown_field() -> None:
    """A live object's metadata and status are not held against it."""
    live = cluster()
    live["metadata"] |= {"uid": "u", "resourceVersion": "3", "managedFields": [], "creationTimestamp": None}
    live["status"] = {"phase": "Running", "formerField": 1}
    assert problems(piped(live)) == []


def test_pod_and_service_specs_are_the_users() -> None:
    """Fields inside Pod and Service specs are Kubernetes' business, not the models'."""
    manifest = cluster(spec={**POD, "brandNewField": 1})
    manifest["spec"]["scheduler"]["service"] = {"another": 2}
    assert problems(piped(manifest)) == []


def test_a_folder_is_read_with_everything_below_it(tmp_path: Path) -> None:
    """YAML and JSON files of a folder are read in order; hidden ones, other files and kustomizations are not."""
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.yaml").write_text(texts(cluster("one")))
    (tmp_path / "b" / "c.yml").write_text(texts(cluster("two")))
    (tmp_path / "d.json").write_text(json.dumps(cluster("three"), indent="\t"))
    (tmp_path / ".git" / "e.yaml").write_text("]")
    (tmp_path / "notes.txt").write_text("]")
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]")
    reading = read([str(tmp_path)], "default", io.StringIO())
    assert problems(reading) == []
    assert [manifest.key.name for manifest in reading.manifests] == ["one", "two", "three"]


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """A file that is missing, no text, or a folder without manifests is a problem with its path."""
    missing, binary, empty = tmp_path / "missing.yaml", tmp_path / "binary.yaml", tmp_path / "empty"
    binary.write_bytes(b"\xff\xfe\x00")
    empty.mkdir()
    assert problems(read([str(missing), str(binary), str(empty)], "default", io.StringIO())) == [
        f"{missing}: cannot be read: No such file or directory.",
        f"{binary}: is not text in UTF-8; save it so.",
        f"{empty}: holds no manifests: no file ends in .yaml, .yml, .json.",
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 2026-01-31", {"a": "2026-01-31"}),
        ("a: 12:30", {"a": "12:30"}),
        ("a: 1:30:00", {"a": "1:30:00"}),
        ("a: yes", {"a": True}),
        ("a: 017", {"a": 15}),
        ("a: 0x1F", {"a": 31}),
        ("a: 1_000", {"a": 1000}),
        ("a: -3", {"a": -3}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: .5", {"a": 0.5}),
        ("a: 1.2.3", {"a": "1.2.3"}),
        ("a: ~", {"a": None}),
        ("8786: x", {"8786": "x"}),
        ("{a: 1}", {"a": 1}),
        ('{"a": 1,\n\t"b": 2}', {"a": 1, "b": 2}),
        ("b: &b {x: 1, y: 1}\na: {<<: *b, x: 2}", {"b": {"x": 1, "y": 1}, "a": {"x": 2, "y": 1}}),
    ],
)
def test_values_are_read_as_kubernetes_reads_them(text: str, value: Any) -> None:
    """Numbers, text and times mean what they mean to kubectl, not all that YAML 1.1 makes of them."""
    (document,) = documents(text)
    assert (document.value, document.error) == (value, "")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: 1\na: 2", "is not YAML in line 2, column 1: the key 'a' is there twice"),
        ("? [1]\n: 2", "is not YAML in line 1, column 3: a key must be text"),
        (
            "a:\n\tb: 1",
            (
                "is not YAML in line 2, column 1: found character '\\t' that cannot start any token; "
                "indent with spaces, not tabs"
            ),
        ),
    ],
)
def test_what_kubectl_would_refuse_is_an_error(text: str, error: str) -> None:
    """Keys that are there twice, keys that are no text, and tabs are told with their line."""
    (document,) = documents(text)
    assert document.error == error


def test_documents_are_counted_as_people_count_them() -> None:
    """Empty documents and comments do not count; lines are those of the file."""
    found = list(documents("# licence\n---\n---\na: 1\n...\n---\n# nothing\n---\nb: 2\n"))
    assert [(each.number, each.line, each.value) for each in found] == [(1, 3, {"a": 1}), (2, 8, {"b": 2})]
