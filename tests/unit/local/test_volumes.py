"""Paths below a container's mounts: where they lead on this machine, and when they lead nowhere."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.containers.mounts import Mounts
from reconciler.local.containers.volumes import Missing

OTHER_PATHS = """
/scripts2 /scripts-old /scripts.py /scripts_x /scripts* /scripts{1,2} /scripts$X /my/scripts ./scripts ../scripts
~/scripts $HOME/scripts ${HOME}/scripts $(pwd)/scripts scripts scripts/a http://scripts/a tcp://scripts:8786
s3://bucket/scripts x/scripts/y /axb /ab //scripts /hosts
"""
HERE = Mounts(
    {"/scripts": "/run/pods/p/scripts", "/scripts/deep": "/elsewhere", "/host": "/", "/a.b": "/ab", "/": "/root"}
)


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("/scripts", "/run/pods/p/scripts"),
        ("/scripts/", "/run/pods/p/scripts/"),
        ("/scripts/a.py", "/run/pods/p/scripts/a.py"),
        ("--file=/scripts/a.py", "--file=/run/pods/p/scripts/a.py"),
        ("x:/scripts", "x:/run/pods/p/scripts"),
        ("/bin:/scripts:/usr/bin", "/bin:/run/pods/p/scripts:/usr/bin"),
        ("-I/scripts", "-I/run/pods/p/scripts"),
        ("cc -I/scripts x.c", "cc -I/run/pods/p/scripts x.c"),
        (
            "cat /scripts/a /scripts/b;ls '/scripts'",
            "cat /run/pods/p/scripts/a /run/pods/p/scripts/b;ls '/run/pods/p/scripts'",
        ),
        ('open("/scripts/a")', 'open("/run/pods/p/scripts/a")'),
        ("file:///scripts/a", "file:///run/pods/p/scripts/a"),
        ("[/scripts,/scripts]", "[/run/pods/p/scripts,/run/pods/p/scripts]"),
        ("/scripts/deep/x", "/elsewhere/x"),
        ("/scripts/deeper/x", "/run/pods/p/scripts/deeper/x"),
        ("/host/etc/hosts", "/etc/hosts"),
        ("/host", "/"),
        ("ls /", "ls /"),
    ],
)
def test_a_path_below_a_mount_is_rewritten(text: str, rewritten: str) -> None:
    """Wherever in a text a path begins; the deepest mount counts."""
    assert HERE.rewritten(text) == rewritten


@pytest.mark.parametrize(
    "text",
    OTHER_PATHS.split(),
)
def test_what_is_no_path_below_a_mount_stays(text: str) -> None:
    """A name that goes on, a path that began before, a host's name."""
    assert HERE.rewritten(text) == text


@given(st.text(alphabet=string.printable, max_size=40))
def test_a_text_that_names_no_mount_stays(text: str) -> None:
    """Whatever it is."""
    assert Mounts({"/ä": "/b"}).rewritten(text) == text
    assert Mounts({}).rewritten(text) == text


NAMES = st.text(alphabet=string.ascii_letters + string.digits + "._-", min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda names: "/" + "/".join(names))


@given(PATHS, PATHS, st.lists(NAMES, max_size=3), st.sampled_from(["", "--file=", "x:", "a ", "'", "file://"]))
def test_every_path_below_a_mount_leads_to_its_place(path: str, place: str, below: list[str], before: str) -> None:
    """The rest of the path, and what stands before it, are kept."""
    rest = "".join(f"/{name}" for name in below)
    assert Mounts({path: place}).rewritten(before + path + rest) == before + place + rest


@given(PATHS, st.text(alphabet=string.ascii_letters + "._-", min_size=1))
def test_no_path_beside_a_mount_is_rewritten(path: str, more: str) -> None:
    """Not even one whose name begins the same way."""
    assert Mounts({path: "/elsewhere"}).rewritten(path + more) == path + more


def claim(path: str) -> Mounts:
    """A claim that cannot be given, at a path."""
    return Mounts({}, (Missing(path, "v", "persistentVolumeClaim"),))


@pytest.mark.parametrize(
    "text",
    ["{0}", "{0}/train.py", "--in={0}/x --out=y", "x:{0}/y:z", "cat {0}/*.csv", "{0}/a b", "open('{0}/x')"],
)
def test_a_container_that_needs_what_cannot_be_given_cannot_run(tmp_path: Path, text: str) -> None:
    """Whatever speaks of the path; the message names it, the volume, its kind and what to do."""
    path = str(tmp_path / "claim")
    words = claim(path).impossible(["python", text.format(path)]) or ""
    assert words.startswith(path)
    assert f'the volume "v" (persistentVolumeClaim) mounted at {path} cannot be given here; put it there' in words


@pytest.mark.parametrize("text", ["{0}", "{0}/x.py", "--in={0}/x.py:rw", "cat {0}/*.py", "{0}/a b", "{0}/", ""])
def test_what_is_on_this_machine_is_good_enough(tmp_path: Path, text: str) -> None:
    """Somebody put it there."""
    for name in ("x.py", "a b"):
        (tmp_path / name).touch()
    assert claim(str(tmp_path)).impossible([text.format(tmp_path)]) is None


def test_what_is_given_deeper_is_not_missed() -> None:
    """The deepest mount counts."""
    mounts = Mounts({"/data/here": "/elsewhere"}, claim("/data").missing)
    assert mounts.impossible(["/data/here/x"]) is None
    assert mounts.impossible(["/data/there/x"])


@pytest.mark.parametrize("text", ["/database", "/my/data", "python", "data/x"])
def test_a_mount_that_nobody_speaks_of_is_not_missed(text: str) -> None:
    """The container runs."""
    assert claim("/data").impossible([text]) is None


def test_a_path_too_long_to_be_one_is_not_here() -> None:
    """It is an argument, not an error."""
    assert claim("/data").impossible([f"/data/{'x' * 5000}"])
