"""What containers find on this machine: as on a node of Kubernetes, but for what cannot be."""

from pathlib import Path
from typing import Any

import pytest

from tests.local.conftest import Sheet
from tests.local.place import linux_only
from tests.local.smallpods import (
    COMM,
    SLEEPER,
    TELLER,
    container,
    core,
    pod,
    python,
)
from tests.manifests import Manifest
from tests.realcluster.eventually import eventually

LISTENER = """
import os, socket, time
listener = None
while True:
    time.sleep(0.02)
    if os.path.exists(os.environ["MARKER"]) and listener is None:
        listener = socket.create_server(("", 7000))
    elif not os.path.exists(os.environ["MARKER"]) and listener is not None:
        listener = listener.close()
"""
"""Listens as long as a file is there."""

HTTP_SERVER = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        is_well = self.path == "/health" and os.path.exists(os.environ["MARKER"])
        self.send_response(200 if is_well else 503)
        self.end_headers()
HTTPServer(("", 7000), Handler).serve_forever()
"""
"""Is well as long as a file is there."""

PROBES: dict[str, tuple[Manifest, Manifest]] = {
    "exec": (SLEEPER, {"exec": {"command": ["sh", "-c", 'test -e "$MARKER"']}}),
    "tcp": (python(LISTENER), {"tcpSocket": {"port": 7000}}),
    "http": (python(HTTP_SERVER), {"httpGet": {"port": "web", "path": "/health"}}),
}
"""Containers that are well as long as a file is there, and probes that find that out."""

ASK = """
import socket, sys, time
for _ in range(600):
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as connection:
            print("it is", connection.makefile().read(), flush=True)
            break
    except OSError:
        time.sleep(0.1)
time.sleep(600)
"""
"""Asks for a name until it is told one."""


def probed(kind: str, probe: str, marker: Path, failures: int) -> Manifest:
    """A Pod with a probe that passes as long as the marker is there."""
    runs, asks = PROBES[kind]
    probes = {f"{probe}Probe": {**asks, "periodSeconds": 1, "failureThreshold": failures}}
    ports = [{"name": "web", "containerPort": 7000}]
    env = [{"name": "MARKER", "value": str(marker)}]
    return pod(f"{probe}-{kind}", {**runs, "ports": ports, "env": env, **probes})


@pytest.mark.parametrize("kind", PROBES)
def test_a_readiness_probe_makes_a_pod_ready_and_unready(sheet: Sheet, tmp_path: Path, kind: str) -> None:
    """A Pod is ready when its probe passes, and not any more when it fails; nothing is started again."""
    marker = tmp_path / "well"
    sheet.holds(probed(kind, "readiness", marker, failures=1))
    subject = f"pod/readiness-{kind} Running, ready"
    sheet.run.says(subject, "0/1: Started, but did not pass the readiness probe yet.")
    marker.touch()
    sheet.run.says(subject, "1/1")
    told = len(sheet.run.errors)
    marker.unlink()
    eventually(lambda: any(f"{subject} 0/1" in line for line in sheet.run.errors[told:]), "a Pod that is not ready")
    assert not any("restarts" in line for line in sheet.run.errors if subject in line)


@pytest.mark.parametrize("kind", PROBES)
def test_a_liveness_probe_restarts_a_container(sheet: Sheet, tmp_path: Path, kind: str) -> None:
    """A container whose probe fails as often as it may is ended and started again."""
    marker = tmp_path / "well"
    marker.touch()
    sheet.holds(probed(kind, "liveness", marker, failures=2))
    sheet.run.says(f"pod/liveness-{kind} Running, ready 1/1")
    marker.unlink()
    sheet.run.says(f"pod/liveness-{kind} ", "restarts 1")
    marker.touch()
    sheet.run.says(f"pod/liveness-{kind} Running, ready 1/1, restarts 1")


def test_a_container_that_keeps_ending_waits_longer_and_longer(sheet: Sheet) -> None:
    """It is started again at once the first time; then CrashLoopBackOff is shown, with the wait and its exit code."""
    sheet.holds(pod("crashing", python("print('here', flush=True); raise SystemExit(3)")))
    line = sheet.run.says("pod/crashing CrashLoopBackOff", "restarts 1")
    assert line.endswith(': Crashed: CrashLoopBackOff, exit code 3 (Error): "here"; started again after 10s.')
    eventually(lambda: printed(sheet, "crashing") == ["[crashing] here"] * 2, "what it printed, twice")


@linux_only
def test_a_container_that_does_not_end_when_asked_is_killed(sheet: Sheet) -> None:
    """It has as long as terminationGracePeriodSeconds says, and no longer."""
    deaf = """
    import signal, time
    signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))
    print("deaf", flush=True)
    began = time.monotonic()
    while True:
        time.sleep(0.2)
        print("alive", flush=True)
    """
    sheet.holds(pod("deaf", python(deaf), terminationGracePeriodSeconds=1))
    sheet.run.prints("[deaf] deaf")
    sheet.file.unlink()
    sheet.run.prints("[deaf] asked")
    sheet.run.says("pod/deaf gone")
    eventually(lambda: not sheet.run.pids("deaf"), "the end of its process")
    eventually(lambda: 3 <= last_words(sheet).count("[deaf] alive") <= 10, "a few words, and no more")


def last_words(sheet: Sheet) -> list[str]:
    """What the container that was asked to end has printed since."""
    lines = printed(sheet, "deaf")
    return lines[lines.index("[deaf] asked") :]


def printed(sheet: Sheet, pod: str) -> list[str]:
    """What a Pod's container has printed; it comes on another stream than what is said of the Pod, and may be later."""
    return [line for line in sheet.run.output if line.startswith(f"[{pod}]")]


def test_init_containers_run_first_one_after_another(sheet: Sheet) -> None:
    """Each begins when the one before has ended well, and all share the Pod's volumes."""
    write = "import sys, time; time.sleep(0.2); open('/shared/said', 'a').write(sys.argv[1])"
    mounts: Manifest = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    sheet.holds(
        pod(
            "prepared",
            python("print('found', open('/shared/said').read())", **mounts),
            initContainers=[python(write, word, name=f"init-{word}", **mounts) for word in ("one", "two", "three")],
            volumes=[{"name": "shared", "emptyDir": {}}],
            restartPolicy="Never",
        )
    )
    sheet.run.prints("[prepared/main] found onetwothree")


def test_the_environment_is_as_the_manifest_says(sheet: Sheet) -> None:
    """What env with $(VAR), envFrom with a prefix, and valueFrom of fields, resources, ConfigMaps and Secrets give."""
    sources: list[dict[str, Any]] = [
        {"name": "PLAIN", "value": "one"},
        {"name": "MADE", "value": "$(PLAIN)-$(LEVEL_low)-$$(PLAIN)-$(UNKNOWN)"},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        {"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "levels", "key": "low"}}},
        {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "words", "key": "pass"}}},
    ]
    names = " ".join(source["name"] for source in sources)
    show = "import os, sys; print(*(f'{name}={os.environ[name]}' for name in sys.argv[1].split()), sys.argv[2])"
    env_from: Any = [{"prefix": "LEVEL_", "configMapRef": {"name": "levels"}}, {"secretRef": {"name": "words"}}]
    limits = {"limits": {"memory": "3Gi"}}
    sheet.holds(
        core("ConfigMap", "levels", data={"low": "1", "high": "9"}),
        core("Secret", "words", data={"pass": "c2VzYW1l"}, stringData={"other": "x"}),
        pod(
            "told",
            python(show, f"{names} LEVEL_high other", "<$(WORD)>", env=sources, envFrom=env_from, resources=limits),
            restartPolicy="Never",
        ),
    )
    expected = "PLAIN=one MADE=one-1-$(PLAIN)-$(UNKNOWN) POD=told LABEL=told MEMORY=3072 LEVEL=1 WORD=sesame"
    assert sheet.run.prints("[told]") == f"[told] {expected} LEVEL_high=9 other=x <sesame>"


def test_a_command_that_is_not_there_fails_with_the_reason(sheet: Sheet) -> None:
    """A program that this machine lacks is the Pod's failure, with the reason, also in its log."""
    sheet.holds(pod("strange", container("no-such-program", "--now"), restartPolicy="Never"))
    words = "there is no program 'no-such-program' on this machine's PATH"
    sheet.run.prints(f"[strange] cannot start: {words}")
    sheet.run.says("pod/strange Failed", f"exit code 128 (StartError): {words}")


def test_a_missing_config_map_is_told_and_waited_for(sheet: Sheet) -> None:
    """A container that lacks a ConfigMap waits, says which, and begins once the files have it."""
    missing = core("ConfigMap", "late", data={"word": "there"})
    show = python("import os; print('found', os.environ['word'])", envFrom=[{"configMapRef": {"name": "late"}}])
    wants = pod("waiting", show, restartPolicy="Never")
    sheet.holds(wants)
    line = sheet.run.says("pod/waiting CreateContainerConfigError")
    assert "late" in line
    sheet.holds(wants, missing)
    sheet.run.prints("[waiting] found there")


def test_a_path_on_a_volume_that_cannot_be_given_fails_with_the_reason(sheet: Sheet) -> None:
    """A container whose arguments need a claim's files does not run without them; one that does not need them runs."""
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    mounts: Manifest = {"volumeMounts": [{"name": "data", "mountPath": "/claimed"}]}
    needs = python("print('ran')", "/claimed/table.csv", **mounts)
    needs_not = python("print('ran')", **mounts)
    sheet.holds(
        pod("needing", needs, volumes=volumes, restartPolicy="Never"),
        pod("unneeding", needs_not, volumes=volumes, restartPolicy="Never"),
    )
    assert sheet.run.prints("[needing]") == (
        '[needing] cannot start: /claimed/table.csv is not on this machine, and the volume "data" '
        "(persistentVolumeClaim) mounted at /claimed cannot be given here; put it there, or mount a hostPath volume "
        "that has it"
    )
    sheet.run.says("pod/needing Failed")
    sheet.run.prints("[unneeding] ran")


def test_services_are_found_by_name(sheet: Sheet) -> None:
    """A Service's name leads to its Pods, in the short form and in the long one, at the Service's port."""
    service = core("Service", "names", spec={"selector": {"app": "named"}, "ports": [{"port": 80, "targetPort": COMM}]})
    names = {"short": "names", "long": "names.default.svc.cluster.local"}
    sheet.holds(
        service,
        pod("named", TELLER),
        *(pod(f"asks-{form}", python(ASK, name, "80")) for form, name in names.items()),
    )
    for form in names:
        sheet.run.prints(f"[asks-{form}] it is named")


def test_localhost_in_a_pod_is_the_pod(sheet: Sheet) -> None:
    """Pods listen on the same port of localhost, and in each one localhost leads to its own containers."""
    ask = python(ASK, "localhost", str(COMM), name="ask")
    sheet.holds(*(pod(name, TELLER, ask) for name in ("left", "right")))
    for name in ("left", "right"):
        sheet.run.prints(f"[{name}/ask] it is {name}")
