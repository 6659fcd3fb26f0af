"""What Python programs in a Pod take for their machine: its name, the names that it knows, its processors."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.local.network.addresses import Network
from tests.local.insidepods import INSIDE, pods


def test_an_unknown_service_is_not_asked_for_outside(network: Network) -> None:
    """A name in .svc that no Service has fails without a question to the network, and is found once one has it."""
    [one] = pods(network, "one")
    names = ["late.shop.svc", "late.shop.svc.cluster.local"]
    code = f"""
        import _socket
        def resolve(name):
            simply = [socket.gethostbyname(name), socket.gethostbyname_ex(name)[2][0]]
            return sorted(set([socket.getaddrinfo(name, 80)[0][4][0]] + simply))
        try:
            socket.socket().connect(({names[0]!r}, 80))
        except OSError as error:
            message = str(error)
        result = [message, *(outcome(resolve, name) for name in {names})]"""
    message, *outcomes = one.run(code)
    assert "there is no Service late.shop.svc" in message
    assert outcomes == ["gaierror"] * 2
    network.name("shop", "late", one.address)
    assert one.run(code)[1:] == [[one.address]] * 2


def test_a_pod_knows_its_name(network: Network) -> None:
    """Every way to ask for the host's name tells the Pod's, also a function that was pickled outside of Pods."""
    pickling = "import pickle, socket; print(pickle.dumps(socket.gethostname).hex())"
    pickled = subprocess.run([sys.executable, "-c", pickling], capture_output=True, check=True).stdout.decode().strip()
    [one] = pods(network, "one")
    told = one.run(f"""
        import pickle, platform
        sent = pickle.loads(bytes.fromhex({pickled!r}))
        names = [socket.gethostname(), platform.node(), os.uname().nodename, socket.getfqdn()]
        result = [*names, sent(), pickle.loads(pickle.dumps(socket.gethostname))()]""")
    assert told == ["one"] * 6


def test_a_pod_knows_its_address(network: Network) -> None:
    """Every way to find out the host's address tells the Pod's; it is IPv4, whatever is asked for."""
    one, _ = pods(network, "one", "two")
    told = one.run("""
        def local(host):
            with socket.socket(type=socket.SOCK_DGRAM) as sock:
                sock.connect((host, 80))
                return sock.getsockname()[0]
        named = [socket.gethostbyname(socket.gethostname()), socket.gethostbyaddr("one")[2][0]]
        result = [*named, local("two-service"), local("localhost")]""")
    assert told == [one.address] * 4
    told = one.run("""
        hosts = (None, "", "localhost", "::", "one", "two-service")
        found = [info for host in hosts for info in socket.getaddrinfo(host, "80", flags=socket.AI_PASSIVE)]
        result = sorted({(info[0] == socket.AF_INET, info[4][1]) for info in found})""")
    assert told == [[True, 80]]


def test_children_are_in_the_pod_too(network: Network) -> None:
    """A process that multiprocessing spawns, and one of a shell, are in the same Pod."""
    [one] = pods(network, "one")
    told = one.run("""
        import multiprocessing
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            spawned = pool.apply(socket.gethostname)
        shell = "python -c 'import socket; print(socket.gethostname())'"
        result = [spawned, subprocess.check_output(["sh", "-c", shell], text=True).strip()]""")
    assert told == ["one", "one"]


@pytest.mark.parametrize("run_is_gone", [False, True])
def test_a_hidden_sitecustomize_still_runs(tmp_path: Path, *, run_is_gone: bool) -> None:
    """The sitecustomize that ours hides is run, in a Pod and where there is none, and is the module of that name."""
    (tmp_path / "sitecustomize.py").write_text("import os\nos.environ['SEEN'] = 'yes'\nMINE = 1\n")
    with closing(Network(tmp_path / "run", shifted=True)) as network:
        more = {"LOCAL_POD_RUN": str(tmp_path / "gone")} if run_is_gone else {}
        [one] = pods(network, "one", PYTHONPATH=f"{INSIDE}{os.pathsep}{tmp_path}", **more)
        told = one.run("import sitecustomize; result = [os.environ['SEEN'], sitecustomize.MINE, socket.gethostname()]")
    assert told == ["yes", 1, socket.gethostname() if run_is_gone else "one"]


@pytest.mark.parametrize(("limit", "expected"), [("1", 1), ("1000", os.cpu_count())])
def test_a_limit_of_processors_is_what_programs_count(tmp_path: Path, limit: str, expected: int) -> None:
    """A container's limit is what programs count, unless there are fewer."""
    with closing(Network(tmp_path, shifted=True)) as network:
        [one] = pods(network, "one", LOCAL_POD_CPUS=limit)
        assert (
            one.run("import multiprocessing; result = [os.cpu_count(), multiprocessing.cpu_count()]") == [expected] * 2
        )


def test_dask_counts_the_processors_of_the_limit(tmp_path: Path) -> None:
    """Dask, which looks in several places, finds the limit."""
    with closing(Network(tmp_path, shifted=True)) as network:
        [one] = pods(network, "one", LOCAL_POD_CPUS="1")
        assert one.run("import dask.system; result = dask.system.CPU_COUNT") == 1


@pytest.mark.parametrize(("limit", "expected"), [(200 << 20, 200 << 20), (1 << 60, None)])
def test_dask_reads_the_memory_limit_without_the_kernels_help(tmp_path: Path, limit: int, expected: int | None) -> None:
    """Where no limit of resident memory can be set, Dask finds the container's all the same, unless there is less."""
    with closing(Network(tmp_path, shifted=True)) as network:
        [one] = pods(network, "one", LOCAL_POD_MEMORY=str(limit))
        code = """
            import resource, distributed.system
            others = [resource.getrlimit(which) for which in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)]
            result = [distributed.system.memory_limit(), others]"""
        found, others = one.run(code)
        [without] = pods(network, "without")
        unlimited, real = without.run(code)
    assert found == (expected or unlimited)
    assert others == real


def test_a_module_of_ones_own_called_resource_is_left_alone(tmp_path: Path) -> None:
    """A program's own module takes the place of Python's, limit or not."""
    (tmp_path / "resource.py").write_text("def getrlimit(which): return which\n")
    with closing(Network(tmp_path / "run", shifted=True)) as network:
        [one] = pods(network, "one", LOCAL_POD_MEMORY="1000", PYTHONPATH=f"{INSIDE}{os.pathsep}{tmp_path}")
        assert one.run("import resource; result = resource.getrlimit('mine')") == "mine"
