"""What a container is given: its command, its environment, its resources."""

from typing import Any

import pytest

from kubecluster.containers import Body, PodFields, command, environment, resources
from kubecluster.specs import make_cluster_spec, make_worker_spec
from reconciler.local.quantities import quantity

GPU = "nvidia.com/gpu"
ONE_GPU = {"limits": {GPU: "1"}}
CPU = {"limits": {"cpu": "2", "memory": "4Gi"}, "requests": {"cpu": "500m"}}


def resources_of(body: Body) -> tuple[Any, Any]:
    """What the scheduler and a worker get."""
    parts = (body["spec"][part]["spec"]["containers"][0] for part in ("scheduler", "worker"))
    scheduler, worker = (container["resources"] or None for container in parts)
    return scheduler, worker


ONE_GPU = {"limits": {GPU: "1"}}


@pytest.mark.parametrize(
    ("arguments", "scheduler", "worker"),
    [
        ({"resources": CPU}, CPU, CPU),
        ({"resources": ONE_GPU}, None, ONE_GPU),
        ({"resources": {"limits": {"nvidia.com/mig-1g.5gb": 1, "amd.com/gpu": 1, "gpu.intel.com/i915": 1}}}, None, ...),
        ({"resources": {"limits": {"rdma/hca": 1}}}, {"limits": {"rdma/hca": "1"}}, {"limits": {"rdma/hca": "1"}}),
        ({"resources": ONE_GPU, "scheduler_resources": ONE_GPU}, ONE_GPU, ONE_GPU),
        ({"resources": CPU, "scheduler_resources": {}}, None, CPU),
        ({"resources": CPU, "worker_resources": ONE_GPU}, CPU, ONE_GPU),
        ({"scheduler_resources": CPU}, CPU, None),
        ({"gpus": 2}, None, {"limits": {GPU: "2"}}),
        ({"gpus": 0}, None, None),
        ({"gpus": 1, "resources": ONE_GPU}, None, ONE_GPU),
        ({"gpus": 2, "resources": CPU}, CPU, {**CPU, "limits": {**CPU["limits"], GPU: "2"}}),
    ],
)
def test_scheduler_and_workers_get_what_is_meant_for_them(arguments: Body, scheduler: Any, worker: Any) -> None:
    """`resources` are for both, but GPUs for workers alone; what is said apart stands in their place."""
    found = resources_of(make_cluster_spec("c", **arguments))
    assert found[0] == scheduler
    assert worker is ... or found[1] == worker


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ({}, "dask worker"),
        ({"gpus": 0}, "dask worker"),
        ({"gpus": 1}, "dask-cuda-worker"),
        ({"gpus": 1, "worker_command": "mine"}, "mine"),
        ({"resources": ONE_GPU}, "dask worker"),
    ],
)
def test_workers_with_gpus_run_dasks_worker_for_gpus(arguments: Body, command: str) -> None:
    """`gpus` brings `dask-cuda-worker`, unless another command is given."""
    words = make_worker_spec(**arguments)["spec"]["containers"][0]["args"]
    assert words[: words.index("--name")] == command.split()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("dask-worker", ["dask-worker"]),
        ("  dask  worker\n--nthreads 2 ", ["dask", "worker", "--nthreads", "2"]),
        ("sh -c 'dask worker $A'", ["sh", "-c", "dask worker $A"]),
        (["dask worker", "--nthreads", 2], ["dask worker", "--nthreads", "2"]),
        (("dask", "worker"), ["dask", "worker"]),
    ],
)
def test_a_command_is_split_as_a_shell_splits_it(given: Any, words: list[str]) -> None:
    """A text is split at spaces outside quotation marks; a list is taken as it is."""
    assert command(given) == words


def test_environment_variables_are_listed_as_kubernetes_has_them() -> None:
    """Numbers and truth values become text, and nothing an empty one; what refers to a secret stays as it is."""
    assert environment({"A": "b", "N": 1, "T": True, "E": None}) == [
        {"name": "A", "value": "b"},
        {"name": "N", "value": "1"},
        {"name": "T", "value": "true"},
        {"name": "E", "value": ""},
    ]
    secret = {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    assert environment([secret, {"name": "N", "value": 2, "valueFrom": None}]) == [secret, {"name": "N", "value": "2"}]


@pytest.mark.parametrize("given", [{}, {"A": "b"}, [{"name": "A", "value": 1}]])
def test_an_environment_that_is_listed_already_stays_so(given: Any) -> None:
    """Checking twice changes nothing."""
    assert environment(environment(given)) == environment(given)


def test_what_is_given_stays_as_it_was() -> None:
    """A change to the manifest does not reach the arguments."""
    env: list[Body] = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    environment(env)[0]["valueFrom"]["secretKeyRef"]["name"] = "other"
    assert env[0]["valueFrom"] == {"secretKeyRef": {"name": "s", "key": "k"}}


@pytest.mark.parametrize("amount", [1, 0.5, "2", "500m", "1.5Gi", ".5", "1.", "+1", "1e3", "1E-3", "2E", "2Ei", 1e30])
def test_amounts_are_what_kubernetes_reads(amount: Any) -> None:
    """An amount becomes text that means the same."""
    found = resources({"limits": {"memory": amount}})["limits"]["memory"]
    assert isinstance(found, str)
    assert quantity(found) == quantity(amount)


@pytest.mark.parametrize(
    ("function", "given", "error", "message"),
    [
        (resources, {"limit": {"cpu": 1}}, ValueError, "unknown field 'limit'.*did you mean 'limits'"),
        (resources, {"cpu": 1}, ValueError, r"unknown field 'cpu'; it has limits and requests, as in resources=\{"),
        (resources, [], TypeError, "resources must be a dictionary with limits and requests, found list"),
        (resources, {"limits": 3}, TypeError, r"resources\['limits'\] must be a dictionary such as .*, found int"),
        (
            resources,
            {"limits": {"cpu": True}},
            TypeError,
            r"resources\['limits'\]\['cpu'\] is True; it must be an amount",
        ),
        (resources, {"limits": {"memory": "4GB"}}, ValueError, "'4GB'; Kubernetes reads amounts such as .*mean '4G'"),
        (resources, {"limits": {"memory": "4 GiB"}}, ValueError, "'4 GiB'.*did you mean '4Gi'"),
        (resources, {"limits": {"memory": "lots"}}, ValueError, "'lots'; Kubernetes reads .*'1.5Gi'$"),
        (resources, {"limits": {"cpu": float("nan")}}, ValueError, "is nan; Kubernetes reads amounts"),
        (environment, "A=b", TypeError, "env is of type str; it must be a dictionary, or a list such as"),
        (environment, ["A=b"], TypeError, "env has a str in its list"),
        (environment, [{"Name": "A"}], ValueError, "env has unknown field 'Name'.*did you mean 'name'"),
        (environment, [{"value": "b"}], ValueError, "env has a variable without a name; add one"),
        (environment, {"A=": "b"}, ValueError, "called 'A='; a name has no '='"),
        (environment, {"": "b"}, ValueError, "the name of a variable in env is empty"),
        (environment, {1: "b"}, TypeError, "the name of a variable in env is 1; it must be text"),
        (environment, {"A": ["b"]}, TypeError, r"env\['A'\] is of type list; it must be text"),
        (command, "", ValueError, "worker_command is empty; leave it out"),
        (command, [], ValueError, "worker_command is empty"),
        (command, "sh -c 'a", ValueError, "no shell understands: No closing quotation"),
        (command, 3, TypeError, "worker_command is 3; it must be text or a list of words"),
        (command, [None], TypeError, "a word of worker_command is of type NoneType"),
    ],
)
def test_what_no_container_can_be_given_is_refused(
    function: Any, given: Any, error: type[Exception], message: str
) -> None:
    """The error names the argument and the field, shows the value unless it may be secret, and says what is right."""
    with pytest.raises(error, match=message):
        function(given)


def test_a_secret_is_in_no_error() -> None:
    """Values of environment variables are not shown, whatever is wrong with them."""
    for given in ("SECRET", ["SECRET"], {"A": ["SECRET"]}, [{"name": "A", "value": {"SECRET": 1}}]):
        with pytest.raises(TypeError) as refused:
            environment(given)
        assert "SECRET" not in str(refused.value)


def test_pods_get_what_they_need_besides_their_container() -> None:
    """Scheduler and workers alike; of a security context the Pod gets what only Pods have."""
    volumes, mounts = [{"name": "data", "emptyDir": {}}], [{"name": "data", "mountPath": "/data"}]
    body = make_cluster_spec(
        "c",
        security_context={"runAsNonRoot": True, "fsGroup": 7},
        service_account="reader",
        node_selector={"pool": "big"},
        tolerations=[{"key": "gpu", "operator": "Exists"}],
        volumes=volumes,
        volume_mounts=mounts,
    )
    for part in ("scheduler", "worker"):
        spec = body["spec"][part]["spec"]
        (container,) = spec.pop("containers")
        assert spec == {
            "securityContext": {"fsGroup": 7},
            "serviceAccountName": "reader",
            "nodeSelector": {"pool": "big"},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "volumes": volumes,
        }
        assert (container["securityContext"], container["volumeMounts"]) == ({"runAsNonRoot": True}, mounts)


def test_what_is_not_given_leaves_no_trace_in_a_pod() -> None:
    """A field that is there would override what a cluster's administrator has as a default."""
    empty: Body = dict.fromkeys(PodFields.__annotations__)
    (container,) = make_worker_spec(**empty)["spec"].values()
    assert {"securityContext", "volumeMounts"}.isdisjoint(container[0])


@pytest.mark.parametrize("resources", [ONE_GPU, {"limits": {GPU: 1}}])
def test_two_numbers_of_gpus_are_refused(resources: Body) -> None:
    """`gpus` and `resources` must not contradict each other."""
    with pytest.raises(ValueError, match=f"gpus is 2, but the workers' resources limit {GPU} to '1'; leave one out"):
        make_worker_spec(resources=resources, gpus=2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": "a.b"}, ValueError, "the name 'a.b' must consist of"),
        ({"name": None}, TypeError, "name is None; it must be text"),
        ({"image": ""}, ValueError, "image is empty"),
        ({"n_workers": -1}, ValueError, "n_workers is -1; it must be 0 or more"),
        ({"n_workers": 2**31}, ValueError, "n_workers is 2147483648; it must be 2147483647 or less"),
        ({"n_workers": "3"}, TypeError, "n_workers is '3'; it must be a whole number"),
        ({"n_workers": True}, TypeError, "n_workers is True; it must be a whole number"),
        ({"idle_timeout": 1.5}, TypeError, "idle_timeout is 1.5"),
        ({"jupyter": "yes"}, TypeError, "jupyter is 'yes'; it must be True or False"),
        ({"gpus": 1.0}, TypeError, "gpus is 1.0; it must be a whole number"),
        ({"gpus": -1}, ValueError, "gpus is -1; it must be 0 or more"),
        ({"labels": ["a"]}, TypeError, "labels is .* it must be a dictionary"),
        ({"labels": {1: "a"}}, TypeError, "a name in labels is 1; it must be text"),
        ({"worker_resources": {"x": 1}}, ValueError, "worker_resources has unknown field 'x'"),
        ({"scheduler_resources": 3}, TypeError, "scheduler_resources must be a dictionary"),
        ({"security_context": "restricted"}, TypeError, "security_context is of type str; it must be a dictionary"),
        ({"tolerations": {"key": "a"}}, TypeError, "tolerations is of another type; it must be a list of dict"),
        ({"volumes": ["a"]}, TypeError, "volumes is of another type; it must be a list of dict"),
        ({"service_account": 1}, TypeError, "service_account is 1; it must be text"),
        ({"node_selector": "a=b"}, TypeError, "node_selector is 'a=b'; it must be a dictionary"),
        ({"volume_mounts": [{"name": "d"}]}, ValueError, "volume_mounts has 'd', which is none of the volumes"),
        ({"node_selektor": {}}, TypeError, "there is no argument 'node_selektor'; did you mean 'node_selector'"),
        (
            {"scheduler_service_type": "Balancer"},
            ValueError,
            "scheduler_service_type is 'Balancer'; it must be one of ClusterIP, NodePort, LoadBalancer; did you mean",
        ),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: Body, error: type[Exception], message: str) -> None:
    """A wrong type is a TypeError, a wrong value a ValueError; both name the argument and what it must be."""
    with pytest.raises(error, match=message):
        make_cluster_spec(**{"name": "c", **arguments})
