"""The command line: `python -m tests.realcluster --help`."""

import argparse
import os
import sys
import time
from pathlib import Path

from tests.realcluster import build, cluster, containerd
from tests.realcluster import instance as instances
from tests.realcluster.errors import ClusterError
from tests.realcluster.instance import Instance
from tests.realcluster.progress import say
from tests.realcluster.working import works

DEFAULT_NAME = "dev"


def main() -> int:
    """Do what the command line says."""
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.realcluster", description="A real Kubernetes for tests.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    described = {
        _build: "build the programs into the cache",
        _up: "start a cluster that stays until `down`",
        _down: "stop a cluster and leave nothing of it",
        _status: "list the clusters that run, those of tests too",
        _kubeconfig: "print where the administrator's kubeconfig is",
        _load_image: "load a docker-archive into a cluster's node",
        _kubectl: "run the pinned kubectl as the administrator",
    }
    for run, text in described.items():
        command = commands.add_parser(run.__name__[1:].replace("_", "-"), help=text, description=text)
        command.set_defaults(run=run)
        if run in {_build, _up}:
            command.add_argument("--node", action="store_true", help="real Pods; needs Linux and root")
            command.add_argument("--kwok", action="store_true", help="nodes that only pretend")
        if run is _up:
            command.add_argument("--while", dest="owner", type=int, metavar="PID", help="end with this process, too")
        if run in {_up, _down, _kubeconfig, _load_image, _kubectl}:
            command.add_argument("--name", default=DEFAULT_NAME, help="of the cluster (default: %(default)s)")
        if run is _load_image:
            command.add_argument("tar", type=Path)
        if run is _kubectl:
            command.add_argument("words", nargs="+", help="what kubectl is told; after --")
    return parser


def _build(arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    folder = build.build(node=arguments.node, kwok=arguments.kwok)
    say(f"{folder} is complete after {time.monotonic() - started:.0f} s")


def _up(arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    wanted = {"node": arguments.node, "kwok": arguments.kwok, "name": arguments.name}
    up = cluster.launch(**wanted, detached=True, owner=arguments.owner)
    say(f"{arguments.name} is up after {time.monotonic() - started:.1f} s")
    print(f"export KUBECONFIG={up.kubeconfig}")
    if not works("kubectl", "version", "--client"):
        print(f'export PATH="{Path(up.kubectl_program).parent}:$PATH"')


def _down(arguments: argparse.Namespace) -> None:
    instances.stop(instances.find(arguments.name))


def _status(_arguments: argparse.Namespace) -> None:
    for each in instances.every():
        state = "running" if instances.alive(each) else "dead (the next start removes it)"
        print(f"{each.name:16} {_level(each):24} {state:10} {each.kubeconfig}")


def _level(instance: Instance) -> str:
    parts = ["API server", *(["node"] if instance.node else []), *(["kwok"] if instance.kwok else [])]
    return " + ".join(parts)


def _kubeconfig(arguments: argparse.Namespace) -> None:
    print(instances.find(arguments.name).kubeconfig)


def _load_image(arguments: argparse.Namespace) -> None:
    instance = instances.find(arguments.name)
    if not instance.node:
        raise ClusterError(f"The cluster {instance.name} has no node. Start it with --node.")
    containerd.load_image(int(instance.sandbox_pid.read_text()), arguments.tar)


def _kubectl(arguments: argparse.Namespace) -> None:
    instance = instances.find(arguments.name)
    kubectl = instance.program("kubectl")
    files = [f"--kubeconfig={instance.kubeconfig}", f"--cache-dir={instance.folder / 'kubectl'}"]
    os.execv(kubectl, ["kubectl", *files, *arguments.words])


if __name__ == "__main__":
    sys.exit(main())
