"""Commands of kubectl: they say and do before the API in memory what they say and do before a real API server."""

from collections.abc import Sequence

import pytest
import yaml

from models.kinds import DASK_CLUSTER
from tests.local.kubectl.sides import Side
from tests.manifests import Manifest, cluster, group, manifest, pod_spec

GROUP, CLUSTER = "daskworkergroup/g", "daskcluster/c"
POD: Manifest = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "labels": {"app": "p"}},
    "spec": {
        "automountServiceAccountToken": False,
        "tolerations": [
            {"key": f"node.kubernetes.io/{why}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for why in ("not-ready", "unreachable")
        ],
        "terminationGracePeriodSeconds": 0,
        "serviceAccountName": "default",
        "containers": [{"name": "main", "image": "x:1", "env": [{"name": "A", "value": "1"}]}],
    },
}
SERVICE: Manifest = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s"},
    "spec": {"selector": {"app": "p"}, "ports": [{"name": "comm", "port": 8786}, {"name": "web", "port": 80}]},
}
SETTINGS: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "1", "b": "2"}}
SECRET: Manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t"}, "stringData": {"a": "1"}}
TYPO = {**cluster("c"), "spec": {**cluster("c")["spec"], "schedular": {}}}
WRONG = manifest(DASK_CLUSTER, "c", {"scheduler": {"spec": pod_spec()}, "worker": {"replicas": -1, "spec": pod_spec()}})
LACKING = manifest(DASK_CLUSTER, "c", {"scheduler": {"spec": pod_spec()}})
OLD_NAME = {**group("g"), "kind": "DaskWorkers"}

Step = Sequence[str]
APPLY, SERVER_SIDE = ("apply", "-f", "-"), ("apply", "--server-side", "-f", "-")

# What is sent to those commands that read standard input, and the commands.
SCENARIOS: dict[str, tuple[Sequence[Manifest], Sequence[Step]]] = {
    "get": (
        (cluster("c"), group("g"), group("of-one-test-alone")),
        (
            ("get", "daskclusters"),
            APPLY,
            ("get", "daskclusters"),
            ("get", "dask"),
            ("get", "dsk", "-o", "wide"),
            ("get", GROUP, "-o", "name"),
            ("get", GROUP, "-o", "jsonpath={.spec.worker.replicas}"),
            ("get", "daskworkergroups", "-A", "--field-selector=metadata.name=of-one-test-alone"),
            ("get", "daskworkergroups", "-l", "nothing=here"),
            ("get", "daskworkergroups", "--field-selector", "spec.cluster=c", "-o", "name"),
            ("get", "daskworkergroups", "--field-selector", "spec.nothing=c", "-o", "name"),
            ("get", "daskworkergroups", "--sort-by=.metadata.name", "--show-labels"),
            ("get", "daskworkergroups", "--no-headers", "-o", "custom-columns=N:.metadata.name"),
            ("get", "daskcluster", "nosuch"),
            ("get", "nosuch"),
            ("get", "daskclusters", "--chunk-size=1", "-o", "name"),
        ),
    ),
    "core kinds": (
        (POD, SERVICE, SETTINGS, SECRET),
        (
            APPLY,
            ("get", "pods,services,configmaps/m,secrets/t"),
            ("get", "pods", "-o", "wide"),
            ("get", "services", "-o", "wide"),
            ("get", "cm", "m", "-o", "jsonpath={.data}"),
            ("get", "secret", "t", "-o", "jsonpath={.data} {.type}"),
            ("get", "pod", "p", "-o", "jsonpath={.spec.containers[0].imagePullPolicy} {.status.phase}"),
            APPLY,
            ("label", "pod", "p", "x=y"),
            ("label", "pod", "p", "x=z"),
            ("label", "pod", "p", "x=z", "--overwrite"),
            ("get", "pods", "-l", "x in (y,z)", "-o", "name"),
            ("get", "pods", "-l", "x notin (z)", "-o", "name"),
            ("annotate", "pod", "p", "note=it"),
            ("label", "pod", "p", "x-"),
            ("set", "image", "pod/p", "main=x:2"),
            ("delete", "pod/p", "service/s", "cm/m", "secret/t", "--wait=false"),
            ("get", "pods,services"),
        ),
    ),
    "apply by the client": (
        (cluster("c"),),
        (
            ("apply", "-f", "-", "--dry-run=server"),
            ("apply", "-f", "-", "--dry-run=client"),
            ("get", CLUSTER),
            APPLY,
            APPLY,
            ("scale", CLUSTER, "--replicas=5"),
            APPLY,
            ("get", CLUSTER, "-o", "jsonpath={.spec.worker.replicas} {.metadata.generation}"),
            ("apply", "view-last-applied", CLUSTER),
            ("create", "-f", "-"),
            ("replace", "-f", "-"),
            ("get", CLUSTER, "-o", "jsonpath={.spec.worker.replicas} {.metadata.generation}"),
            ("delete", "-f", "-"),
            ("delete", "-f", "-"),
            ("delete", "-f", "-", "--ignore-not-found"),
        ),
    ),
    "apply by the server": (
        (group("g"),),
        (
            SERVER_SIDE,
            SERVER_SIDE,
            ("apply", "--server-side", "--dry-run=server", "-f", "-"),
            ("scale", GROUP, "--replicas=7"),
            ("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-"),
            ("get", GROUP, "-o", "jsonpath={.spec.worker.replicas}"),
            ("delete", GROUP),
            APPLY,
            SERVER_SIDE,
        ),
    ),
    "a typo": (
        (TYPO,),
        (
            APPLY,
            ("apply", "-f", "-", "--validate=warn"),
            ("get", "daskclusters", "-o", "name"),
            ("apply", "-f", "-", "--validate=false"),
            ("create", "-f", "-"),
            ("get", CLUSTER, "-o", "jsonpath={.spec.schedular}"),
        ),
    ),
    "a kind that nobody knows": ((OLD_NAME,), (APPLY, ("get", "daskworkers", "g"))),
    "patch": (
        (group("g"), POD),
        (
            APPLY,
            ("patch", GROUP, "--type=merge", "-p", '{"spec":{"worker":{"replicas":3}}}'),
            ("patch", GROUP, "--type=merge", "-p", '{"spec":{"worker":{"replicas":3}}}'),
            ("patch", GROUP, "--type=json", "-p", '[{"op":"replace","path":"/spec/worker/replicas","value":4}]'),
            ("patch", GROUP, "-p", '{"spec":{"worker":{"replicas":5}}}'),
            ("patch", GROUP, "--type=merge", "-p", '{"spec":{"worker":{"replica":1}}}'),
            ("patch", GROUP, "--type=merge", "--subresource=scale", "-p", '{"spec":{"replicas":6}}'),
            ("patch", GROUP, "--type=merge", "--subresource=status", "-p", '{"status":{"replicas":2}}'),
            ("get", GROUP, "-o", "jsonpath={.spec.worker.replicas} {.status.replicas} {.metadata.generation}"),
            ("get", GROUP, "--subresource=scale"),
            ("patch", "pod", "p", "-p", '{"spec":{"containers":[{"name":"main","image":"x:2"}]}}'),
            ("get", "pod", "p", "-o", "jsonpath={.spec.containers[*].image} {.spec.containers[*].env[*].name}"),
            ("patch", "pod", "p", "-p", '{"metadata":{"labels":{"$patch":"delete"}}}'),
            ("patch", "pod", "p", "-p", '{"metadata":{"finalizers":["a.com/x"]}}'),
            ("patch", "pod", "p", "-p", '{"metadata":{"$deleteFromPrimitiveList/finalizers":["a.com/x"]}}'),
            ("get", "pod", "p", "-o", "jsonpath={.metadata.labels} {.metadata.finalizers}"),
        ),
    ),
    "scale": (
        (cluster("c"), group("g")),
        (
            APPLY,
            ("scale", CLUSTER, GROUP, "--replicas=3"),
            ("scale", GROUP, "--current-replicas=2", "--replicas=1"),
            ("scale", GROUP, "--current-replicas=3", "--replicas=1"),
            ("scale", GROUP, "--replicas=-1"),
            ("get", CLUSTER, GROUP, "-o", "jsonpath={.items[*].spec.worker.replicas}"),
            ("scale", "daskcluster/nosuch", "--replicas=1"),
        ),
    ),
    "explain": (
        (),
        (
            ("explain", "daskcluster.spec.worker.replicas"),
            ("explain", "daskworkergroups.spec"),
            ("explain", "daskjob.spec.nosuch"),
            ("explain", "nosuch"),
        ),
    ),
    "access": (
        (),
        (
            ("auth", "can-i", "create", "daskclusters"),
            ("auth", "can-i", "get", "pods/log"),
            ("auth", "can-i", "patch", "daskworkergroups/scale"),
            ("auth", "can-i", "get", "/version"),
        ),
    ),
    "create": (
        (),
        (
            ("create", "configmap", "made", "--from-literal=a=b"),
            ("create", "configmap", "made", "--from-literal=a=b"),
            ("create", "secret", "generic", "made", "--from-literal=a=b"),
            ("create", "namespace", "default"),
            ("get", "cm/made", "secret/made", "-o", "jsonpath={.items[*].data}"),
            ("run", "made", "--image=x", "--restart=Never", "--dry-run=server"),
        ),
    ),
    "wait": (
        (group("g"),),
        (
            APPLY,
            ("wait", GROUP, "--for=condition=Ready", "--timeout=1s"),
            ("wait", GROUP, "--for=jsonpath={.spec.worker.replicas}=1", "--timeout=1s"),
            ("wait", GROUP, "--for=delete", "--timeout=3s"),
            ("wait", "daskworkergroup/nosuch", "--for=delete", "--timeout=1s"),
            ("wait", "daskworkergroup/nosuch", "--for=condition=Ready", "--timeout=1s"),
        ),
    ),
}


@pytest.mark.parametrize(("sent", "steps"), SCENARIOS.values(), ids=SCENARIOS)
def test_kubectl_says_the_same(sent: Sequence[Manifest], steps: Sequence[Step], here: Side, there: Side) -> None:
    """Exit code, output and errors of each command agree, but for ages, addresses and the like."""
    text = yaml.safe_dump_all(sent)
    for step in steps:
        stdin = text if "-" in step else ""
        assert here.run(*step, stdin=stdin) == there.run(*step, stdin=stdin), step


@pytest.mark.parametrize(
    ("sent", "field"), [(WRONG, "spec.worker.replicas: "), (LACKING, "spec.worker: Required value")]
)
def test_what_is_wrong_is_refused_with_its_field(sent: Manifest, field: str, here: Side, there: Side) -> None:
    """The real API server has more to say; both name the object and the field, and write nothing."""
    text = yaml.safe_dump(sent)
    for step in (APPLY, SERVER_SIDE, ("create", "-f", "-")):
        found, wanted = here.run(*step, stdin=text), there.run(*step, stdin=text)
        assert (found.code, found.out) == (wanted.code, wanted.out)
        for said in (found.err, wanted.err):
            assert 'The DaskCluster "c" is invalid:' in said
            assert field in said
    assert here.run("get", "daskclusters") == there.run("get", "daskclusters")


def test_describe_tells_what_an_object_is_and_what_happened_to_it(here: Side, there: Side) -> None:
    """Spec, status and Events of a custom resource, as kubectl finds them."""
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "type": "Warning",
        "reason": "Because",
        "message": "It happened.",
        "source": {"component": "somebody"},
    }
    for side in (here, there):
        side.run(*APPLY, stdin=yaml.safe_dump(group("g")))
        about = {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskWorkerGroup", "name": "g"}
        uid = side.value("get", GROUP, "-o", "jsonpath={.metadata.uid}")
        place = {"namespace": side.namespace}
        body = {**event, "metadata": {"name": "e", **place}, "involvedObject": {**about, **place, "uid": uid}}
        assert side.run("create", "-f", "-", stdin=yaml.safe_dump(body)).code == 0
    assert here.run("describe", GROUP) == there.run("describe", GROUP)
    assert "It happened." in here.run("describe", GROUP).out
    assert here.run("get", "events") == there.run("get", "events")
    assert here.run("events") == there.run("events")


def test_who_applies_is_told_what_others_own(here: Side, there: Side) -> None:
    """Another value of another applier's field is a conflict, the same value is not, and force takes it over."""
    one, two = (yaml.safe_dump(group("g", replicas=replicas)) for replicas in (1, 2))
    other = (*SERVER_SIDE, "--field-manager=other")
    for step, text in (
        (SERVER_SIDE, one),
        (other, one),
        (other, two),
        ((*other, "--force-conflicts"), two),
        (SERVER_SIDE, two),
        (SERVER_SIDE, one),
        (("get", GROUP, "-o", "jsonpath={.spec.worker.replicas}"), ""),
    ):
        assert here.run(*step, stdin=text) == there.run(*step, stdin=text), step


def test_an_edit_is_a_change(here: Side, there: Side) -> None:
    """What somebody changes in an editor is written; what is wrong is refused, and what is unchanged left alone."""
    edits = ("true", "sed -i s/replicas:.1/replicas:\\ 3/", "sed -i s/replicas:.3/replicas:\\ -3/")
    for side in (here, there):
        side.run(*APPLY, stdin=yaml.safe_dump(group("g")))
    for edit in edits:
        found, wanted = here.run("edit", GROUP, editor=edit), there.run("edit", GROUP, editor=edit)
        assert (found.code, found.out) == (wanted.code, wanted.out)
        assert found.err.splitlines()[:1] == wanted.err.splitlines()[:1]
    assert here.run("get", GROUP, "-o", "jsonpath={.spec.worker.replicas}").out == "3"
