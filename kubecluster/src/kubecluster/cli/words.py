"""What is written where: results on standard output, all else on standard error; colours on a terminal alone."""

import re
import sys

import click

ERROR = "red"
WARNING = "yellow"
OPTIONS = {
    "custom_cluster_spec": "--file",
    "gpus": "--gpus",
    "image": "--image",
    "kubeconfig": "--kubeconfig",
    "labels": "--label",
    "n_workers": "--workers",
    "namespace": "--namespace",
    "naming": "--naming",
    "resource_timeout": "--timeout",
    "resources": "--resources",
    "scheduler_service_type": "--service-type",
    "worker_command": "--worker-command",
}
"""What Python's arguments are called here."""
_NAMES = "|".join(OPTIONS)
_NAMED = re.compile(rf"^({_NAMES})\b(?=[ :\[])(?! \()|(?<=\()({_NAMES})(?=\))|`({_NAMES})`")
"""An argument that is complained of, or named in brackets or quotation marks as a remedy."""
_CALL = re.compile(r"KubeCluster\(name='([^']*)'\)")


def say(words: str = "") -> None:
    """Write a line of the result."""
    click.echo(words)


def remark(words: str, colour: str | None = None) -> None:
    """Write a line beside the result, on standard error."""
    click.echo(click.style(words, fg=colour) if colour else words, err=True)


def failed(error: BaseException) -> None:
    """Tell of an error: its first line in red, with what was noted about it at the end."""
    first, *more = in_options(str(error) or type(error).__name__).splitlines()
    remark(f"Error: {first}", ERROR)
    for line in (*more, *getattr(error, "__notes__", ())):
        remark(line)


def in_options(words: str) -> str:
    """What is said to people who write Python, for those who type options."""
    named = _NAMED.sub(lambda found: OPTIONS[found[1] or found[2] or found[3]], words)
    return _CALL.sub(r"the name '\1'", named)


def write(line: str) -> None:
    """Write a line of somebody else's, as it is."""
    try:
        sys.stdout.write(f"{line}\n")
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding
        sys.stdout.write(f"{line.encode(encoding, 'replace').decode(encoding)}\n")
    sys.stdout.flush()


def is_terminal() -> bool:
    """Whether the result is read on a terminal."""
    return sys.stdout.isatty()


def is_coloured() -> bool:
    """Whether the result may have colours."""
    context = click.get_current_context(silent=True)
    return is_terminal() and (context is None or context.color is not False)


def program() -> str:
    """What people have typed before the command, such as `kubectl dask`."""
    parent = click.get_current_context().parent
    return parent.command_path if parent else "kubectl dask"
