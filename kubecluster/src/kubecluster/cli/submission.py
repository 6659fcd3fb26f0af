"""`submit`: a Python script on a cluster of its own."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from kubecluster.cli.command import Command, Number
from kubecluster.cli.making import described, with_workers
from kubecluster.cli.place import Here, Place, connected, placed
from kubecluster.cli.words import ERROR, WARNING, remark, say, write

if TYPE_CHECKING:
    from kubecluster.cli.job import Job
    from kubecluster.options import Options

EXAMPLES = {
    "run a script with four workers": "submit --workers 4 train.py",
    "with arguments of its own, which stand after it": "submit --workers 4 train.py --epochs 3 data.csv",
    "on GPUs": "submit --gpus 1 --image rapidsai/base train.py",
    "do not wait for it": "submit --detach --name nightly train.py",
    "packages that Dask's images install first": "submit -e EXTRA_PIP_PACKAGES='s3fs pyarrow' train.py",
}


class _Submit(Command):
    """A command whose options end at the script, so that the rest is the script's."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.allow_interspersed_args = False


@click.command("submit", cls=_Submit, examples=EXAMPLES)
@click.argument("script", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
@described
@click.option("--name", help="The job's name; by default the script's, with something random.")
@click.option("--naming", metavar="classic|current", help="How its objects are called; by default classic.")
@click.option("--timeout", type=Number(min=0, min_open=True), metavar="SECONDS", help="How long until it runs.")
@click.option("--keep", is_flag=True, help="Leave the job and its log there at the end; its cluster goes all the same.")
@click.option("--detach", is_flag=True, help="Do not wait: print its name alone.")
@placed
def submit_command(  # noqa: PLR0913  # one for each option
    *,
    place: Place,
    wanted: dict[str, Any],
    script: Path,
    arguments: tuple[str, ...],
    name: str | None,
    naming: str | None,
    timeout: float | None,
    keep: bool,
    detach: bool,
) -> None:
    """Run a local Python SCRIPT on a cluster of its own: a DaskJob.

    The script finds that cluster by Client(), without an address. What it writes is shown as it comes, and its exit
    code is the command's. In the end the job is deleted, and its cluster in any case. The script is one file of at most
    1 MiB; what it imports must be in the image.

    After Ctrl-C the job goes on.
    """
    from kubecluster.cli.job import Job  # noqa: PLC0415  # takes long to import
    from kubecluster.cli.script import Script, manifest  # noqa: PLC0415

    _warn_of(arguments)
    namespace, short = place.split(name) if name else (place.namespace, named_after(script.name, uuid4().hex[:5]))
    place = Place(namespace, place.context, place.kubeconfig)
    more = {"naming": naming, "wait_timeout": timeout, "resource_timeout": timeout, "create_mode": "CREATE_ONLY"}
    options = with_workers(place.options(short, **wanted, **more), wanted)
    carried = Script(script.name, script.read_bytes(), arguments)
    settings, body = carried.settings(options.name), manifest(options, carried)
    with connected(place, options) as here:
        job = Job(here.kubernetes, here.namespace, options.name)
        job.submit(body, settings)
        if detach:
            say(f"{job}")
            remark(_hints(here, job))
            return
        code = _followed(here, job, options, keep=keep)
    raise click.exceptions.Exit(code)


def _warn_of(arguments: Sequence[str]) -> None:
    """Say so if an option of the command stands where it is the script's."""
    ours = {option for parameter in click.get_current_context().command.params for option in parameter.opts}
    for each in arguments:
        if each.startswith("--") and each.partition("=")[0] in ours:
            remark(f"Warning: {each} stands after the script, so that it is the script's.", WARNING)


def named_after(script: str, unique: str) -> str:
    """A job's name after a script's, as Kubernetes takes it.

    Args:
        script: The script's file name.
        unique: What tells it from others.
    """
    from kubecluster.name_template import UUID, fill_in  # noqa: PLC0415
    from kubecluster.names import Naming, longest_name  # noqa: PLC0415

    stem = script.partition(".")[0] or "job"
    values = {"script": stem, UUID: unique}
    name = fill_in("{script}-{uuid}", values, longest_name(Naming.CLASSIC))
    return name if name[0].isalpha() else fill_in("job-{script}-{uuid}", values, longest_name(Naming.CLASSIC))


def _followed(here: Here, job: "Job", options: "Options", *, keep: bool) -> int:
    """What the script writes, until its end; its exit code.

    Raises:
        KubeClusterError: it does not run, or was deleted.
    """
    from kubecluster.cli.running import Run  # noqa: PLC0415
    from kubecluster.errors import KubeClusterError, NotReady  # noqa: PLC0415
    from kubecluster.progress import Progress  # noqa: PLC0415

    run = Run(job, options.resource_timeout, options.wait_timeout)
    try:
        for line in run.lines(partial(Progress, f"Starting the DaskJob {job}", quiet=options.quiet)):
            write(line)
        code = run.exit_code()
    except KeyboardInterrupt:
        remark(f"\nThe DaskJob {job} goes on. {_hints(here, job)}")
        raise
    except NotReady as error:
        if not keep:
            job.delete()
            error.add_note("The job is deleted again; with --keep it is left there.")
        raise
    except KubeClusterError as error:
        error.add_note(f"What has become of the job is told by `{here.hint('logs', f'--job {here_name(here, job)}')}`.")
        raise
    if not keep:
        job.delete()
    if code:
        remark(f"The script has ended with exit code {code}.", ERROR)
    return code


def _hints(here: Here, job: "Job") -> str:
    """How to see a job and how to delete it."""
    name = here_name(here, job)
    return (
        f"`{here.hint('logs', f'--job --follow {name}')}` shows what it writes, "
        f"`{here.hint('delete', f'--job {name}')}` deletes it."
    )


def here_name(here: Here, job: "Job") -> str:
    """A job's name as one can give it to another command from here."""
    return job.name if job.namespace == here.kubernetes.namespace else str(job)
