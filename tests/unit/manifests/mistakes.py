"""Manifests that are wrong, each with what a person is told of it."""

from typing import Any

from tests.manifests import Manifest, cluster, group
from tests.unit.local.followed import supply

CLUSTER = "DaskCluster default/c"
ARGS = "spec.scheduler.spec.containers[0].args"


def placed(manifest: Manifest, namespace: Any) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


def without_worker() -> Manifest:
    made = cluster()
    del made["spec"]["worker"]
    return made


def with_scheduler_of_wrong_type() -> Manifest:
    made = cluster()
    made["spec"]["scheduler"]["spec"]["containers"][0]["args"] = "dask-scheduler"
    return made


MISTAKES: dict[str, tuple[str | Manifest, str]] = {
    "tabs": (
        "kind: DaskCluster\nmetadata:\n\tname: c\n",
        (
            "is not YAML in line 3, column 1: found character '\\t' that cannot start any token; "
            "indent with spaces, not tabs."
        ),
    ),
    "a bracket left open": (
        "kind: [\n",
        "is not YAML in line 2, column 1: expected the node content, but found '<stream end>'.",
    ),
    "a date": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {day: !!timestamp 2026-01-31}\n",
        "is not YAML in line 4, column 13: the tag !!timestamp means nothing here; remove it.",
    ),
    "a value in itself": (
        "kind: &a [*a]\n",
        "is not YAML in line 1, column 11: &a holds itself; write out what is needed.",
    ),
    "no manifest": (
        "replicas: 3\n",
        "is no manifest: apiVersion, kind and metadata are missing; add them, or leave it out.",
    ),
    "wrong kind": (
        {**cluster(), "kind": "DaskClutser"},
        (
            'DaskClutser default/c: kind is "DaskClutser" (did you mean DaskCluster?); '
            'with apiVersion "kubernetes.dask.org/v1" it must be one of '
            "DaskJob, DaskCluster, DaskWorkerGroup, DaskAutoscaler."
        ),
    ),
    "wrong apiVersion": (
        {**cluster(), "apiVersion": "kubernetes.dask.org/v2"},
        f'{CLUSTER}: apiVersion is "kubernetes.dask.org/v2"; for a DaskCluster it must be kubernetes.dask.org/v1.',
    ),
    "typo in a field": (
        cluster(replcas=3),
        f"{CLUSTER}: spec.worker.replcas is unknown (did you mean replicas?); remove it or correct it.",
    ),
    "wrong type": (cluster(replicas="3"), f'{CLUSTER}: spec.worker.replicas is "3"; it must be a whole number.'),
    "negative": (cluster(replicas=-1), f"{CLUSTER}: spec.worker.replicas is -1; it must be 0 or more."),
    "missing worker": (without_worker(), f"{CLUSTER}: spec.worker is missing; add it."),
    "missing name": (
        {**cluster(), "metadata": {"labels": {}}},
        "DaskCluster default/?: metadata.name is missing; add it.",
    ),
    "bad name": (
        cluster("Big_One"),
        (
            "DaskCluster default/Big_One: metadata.name: the name 'Big_One' must consist of lower-case letters, digits "
            "and '-', start with a letter and end with a letter or digit, since Services are named after it; choose "
            "another."
        ),
    ),
    "bad name, as the API says it": (
        group("Big_One"),
        (
            'DaskWorkerGroup default/Big_One: DaskWorkerGroup.kubernetes.dask.org "Big_One" is invalid: metadata.name: '
            'Invalid value: "Big_One": a lowercase RFC 1123 subdomain must consist of at most 253 lower case '
            "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
        ),
    ),
    "bad namespace": (
        placed(cluster(), "../x"),
        (
            'DaskCluster ../x/c: metadata.namespace is "../x"; it must consist of lower-case letters, digits and '
            "'-', and begin and end with a letter or a digit."
        ),
    ),
    "group without cluster": (
        group(of=None),
        "DaskWorkerGroup default/g: spec.cluster is missing; add it.",
    ),
    "wrong type in a template": (
        with_scheduler_of_wrong_type(),
        f'{CLUSTER}: {ARGS} is "dask-scheduler"; it must be a list: ["dask-scheduler"].',
    ),
    "a namespace that is no text": (
        placed(cluster(), 7),
        "DaskCluster 7/c: metadata.namespace is 7; it must be text; put it in quotes.",
    ),
    "ConfigMap with a number": (
        supply("ConfigMap", "x", data={"LEVEL": 3}),
        "ConfigMap default/x: data.LEVEL is 3; it must be text: quote it.",
    ),
    "Secret that is not base64": (
        supply("Secret", "x", data={"password": "hunter2"}),
        "Secret default/x: data.password is not base64; encode it, or put it under stringData as it is.",
    ),
    "ConfigMap without a name": (
        {"apiVersion": "v1", "kind": "ConfigMap"},
        "ConfigMap default/?: metadata.name is missing; add it.",
    ),
    "ConfigMap with a bad name": (
        supply("ConfigMap", "My_Map"),
        (
            'ConfigMap default/My_Map: metadata.name is "My_Map"; it must consist of lower-case letters, digits, '
            "'-' and '.', and begin and end with a letter or a digit."
        ),
    ),
    "ConfigMap in a bad namespace": (
        placed(supply("ConfigMap", "x"), "a b"),
        (
            'ConfigMap a b/x: metadata.namespace is "a b"; it must consist of lower-case letters, digits and '
            "'-', and begin and end with a letter or a digit."
        ),
    ),
    "ConfigMap of another apiVersion": (
        {**supply("ConfigMap", "x"), "apiVersion": "apps/v1"},
        'ConfigMap default/x: apiVersion is "apps/v1"; for a ConfigMap it must be v1.',
    ),
}
