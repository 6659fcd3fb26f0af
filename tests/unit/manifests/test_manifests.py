import io
from typing import Any

import pytest

from models.kinds import DASK_CLUSTER, Key
from reconciler.manifests import Reader, Text, read
from tests.manifests import autoscaler, cluster, pod_spec
from tests.unit.manifests.piped import piped, problems, texts


def foreign(kind: str, api_version: str = "v1") -> dict[str, Any]:
    """A manifest of another kind."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}


def test_a_good_manifest_is_taken_with_its_namespace() -> None:
    """A manifest without a namespace gets the default one; one that names its own keeps it."""
    mine = cluster("mine")
    mine["metadata"]["namespace"] = "ml"
    reading = piped(cluster(), mine, namespace="etl")
    assert problems(reading) == []
    assert [manifest.key for manifest in reading.manifests] == [
        Key(DASK_CLUSTER, "etl", "c"),
        Key(DASK_CLUSTER, "ml", "mine"),
    ]
    assert reading.manifests[0].body["metadata"] == {"name": "c", "namespace": "etl"}


ONE = "DaskCluster default/c:"
LONG = "b" * 54


@pytest.mark.parametrize(
    ("manifest", "subject", "words"),
    [
        (cluster(replicas=-1), ONE, "spec.worker.replicas is -1; it must be 0 or more"),
        (cluster(replicas="3"), ONE, 'spec.worker.replicas is "3"; it must be a whole number'),
        (cluster(spec=None), ONE, "spec.worker.spec is missing; add it"),
        (cluster(replcas=3), ONE, "spec.worker.replcas is unknown (did you mean replicas?); remove it or correct it"),
        (
            cluster(updateStrategy={"rollingUpdate": {"maxSurge": "x"}}),
            f"{ONE} spec.worker.updateStrategy.rollingUpdate.maxSurge is",
            '"x"; it must be a whole number or a percentage such as 25%',
        ),
        (
            cluster(LONG),
            f"DaskCluster default/{LONG}: metadata.name: the name '{LONG}' has 54 characters; 53 is the most,",
            "since Services are named after it; choose a shorter one",
        ),
        (
            {**cluster(), "metadata": {"name": "c", "lables": {}}},
            ONE,
            "metadata.lables is unknown (did you mean labels?); remove it or correct it",
        ),
        ({**cluster(), "metadata": {}}, "DaskCluster default/?:", "metadata.name is missing; add it"),
        ({**cluster(), "metadata": {"generateName": 3}}, "DaskCluster default/?:", "metadata.name is missing; add it"),
        (
            {**cluster(), "metadata": "c"},
            "DaskCluster default/?:",
            'metadata is "c"; it must be a mapping with a name',
        ),
        (
            {**cluster(), "metadata": {"name": "c", "labels": {"size": 3}}},
            ONE,
            "metadata.labels.size is 3; it must be text; put it in quotes",
        ),
        (
            {**cluster(), "apiVersion": "kubernetes.dask.org/v2"},
            f'{ONE} apiVersion is "kubernetes.dask.org/v2";',
            "for a DaskCluster it must be kubernetes.dask.org/v1",
        ),
        (
            {**cluster(), "kind": "DaskClutser"},
            'DaskClutser default/c: kind is "DaskClutser" (did you mean DaskCluster?);',
            (
                'with apiVersion "kubernetes.dask.org/v1" it must be one of '
                "DaskJob, DaskCluster, DaskWorkerGroup, DaskAutoscaler"
            ),
        ),
        (
            autoscaler(minimum=5, maximum=3),
            "DaskAutoscaler default/a: spec is wrong:",
            "minimum (5) must not be greater than maximum (3)",
        ),
        ({"kind": "DaskCluster"}, "", "apiVersion is missing; add it: kubernetes.dask.org/v1"),
        (
            {"apiVersion": "kubernetes.dask.org/v1"},
            "",
            "kind is missing; add it: one of DaskJob, DaskCluster, DaskWorkerGroup, DaskAutoscaler",
        ),
        ({"apiversion": "v1", "kind": "Pod"}, "", "apiVersion is missing; correct apiversion, which is misspelt"),
        (
            {"image": "dask", "replicas": 3},
            "",
            "is no manifest: apiVersion, kind and metadata are missing; add them, or leave it out",
        ),
        (
            {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"},
            "",
            "is a kustomization and no manifest; build it first, as in kubectl kustomize FOLDER > built.yaml",
        ),
        ({"apiVersion": "v1", "kind": "List", "items": 3}, "", "items is 3; it must be a list"),
        (
            {**cluster(), "apiVersion": "v1", "kind": "daskcluster"},
            'daskcluster default/c: kind is "daskcluster";',
            "it must be DaskCluster",
        ),
        (
            {**cluster(), "labels": {"a": "b"}},
            ONE,
            "labels is unknown; move it to metadata.labels",
        ),
        (
            {**cluster(), "metadata": {"name": "c", "namespace": ["ml"]}},
            "DaskCluster ?/c:",
            "metadata.namespace is a list; it must be text; put it in quotes",
        ),
        (
            cluster("\x1b[31mred\n"),
            r"DaskCluster default/\x1b[31mred\n: metadata.name: the name '\x1b[31mred\n' must consist of lower-case",
            (
                "letters, digits and '-', start with a letter and end with a letter or digit, since Services are named "
                "after it; choose another"
            ),
        ),
        ({"apiVersion": "v1"}, "", "kind is missing; add it"),
        ({"apiVersion": "v1", "kind": ""}, "", 'kind is ""; it must be text'),
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
    reading = piped(
        cluster("one", replicas=-1, minReadySeconds=-2),
        cluster("two"),
        autoscaler(minimum=5, maximum=3),
        cluster("three"),
    )
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
            "standard input, document 3: DaskCluster default/c: is there twice, first in standard input, document 1; "
            "remove one."
        )
    ]
    assert len(reading.manifests) == 1


def test_other_kinds_are_ignored_and_listed() -> None:
    """Manifests that are no business of the reconciler's do not disturb it."""
    reading = piped(foreign("ConfigMap"), cluster(), foreign("Deployment", "apps/v1"), foreign("Namespace"))
    assert reading.ignored == ["ConfigMap default/x", "Deployment default/x", "Namespace x"]
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
    """Fields in Pod and Service specs that nobody here knows are handed on: a newer Kubernetes may."""
    manifest = cluster(spec={**pod_spec(), "brandNewField": 1})
    manifest["spec"]["scheduler"]["service"] = {"another": 2}
    reading = piped(manifest)
    assert problems(reading) == []
    assert reading.manifests[0].body["spec"] == manifest["spec"]


def test_lists_in_lists_are_opened() -> None:
    """However deeply an object lies in Lists, its place is told; a List without items is one."""
    inner = {"apiVersion": "v1", "kind": "List", "items": [cluster("a"), cluster("b", replicas=-1)]}
    empty = {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskClusterList", "items": None}
    reading = piped({"apiVersion": "v1", "kind": "List", "items": [inner, empty]})
    assert [manifest.key.name for manifest in reading.manifests] == ["a"]
    assert problems(reading)[0].startswith("standard input, document 1, item 1, item 2: DaskCluster default/b: ")


def test_a_reader_gives_for_known_texts_what_it_gave_before() -> None:
    """A text that was read the last time is not read again, and changes in the others count."""
    reader = Reader("default")
    one, two = (Text(name, texts(cluster(name))) for name in ("one", "two"))
    before = reader.read([one, two])
    after = reader.read([one, Text("two", texts(cluster("other"))), Text("three", texts(cluster("one")))])
    assert after.manifests[0] is before.manifests[0]
    assert [manifest.key.name for manifest in after.manifests] == ["one", "other"]
    assert problems(after) == [
        "three, document 1: DaskCluster default/one: is there twice, first in one, document 1; remove one."
    ]
    assert problems(reader.read([one, two])) == []
