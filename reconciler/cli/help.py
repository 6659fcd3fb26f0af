"""What `--help` teaches: what the command is for, examples, every option, the exit codes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reconciler.cli.options import GROUPS, Option, option

WIDEST = 88
"""Longer lines are hard to read."""

USAGE = """\
dask-reconciler [run] [OPTIONS]
dask-reconciler plan -f FILE… [OPTIONS]
dask-reconciler local [FILE…] [OPTIONS]"""

PURPOSE = """\
Runs Dask on Kubernetes: makes DaskCluster, DaskWorkerGroup, DaskJob and DaskAutoscaler resources come true as Pods \
and Services, and keeps them so."""

EXAMPLES = {
    "Look after every namespace, for ever": "dask-reconciler",
    "Look after two namespaces, every ten seconds": "dask-reconciler --namespaces ml,etl --interval 10s",
    "Show what would be done now, and do nothing": "dask-reconciler --once --dry-run",
    "The same for machines; exit code 2 if there is anything to do": (
        "dask-reconciler --once --dry-run -o json --exit-code"
    ),
    "Show what manifests would make, without any Kubernetes": "dask-reconciler plan -f cluster.yaml",
    "Run them on this machine, without any Kubernetes": "dask-reconciler local cluster.yaml",
}

PLAN_USAGE = "dask-reconciler plan -f FILE… [OPTIONS]"

PLAN_PURPOSE = """\
Shows what the reconciler would make of manifests alone, without any Kubernetes: the code of production, run on a \
Kubernetes in memory. Wrong manifests are listed, all of them, each with its field and the remedy; they do not hide \
the plan of the others. What Kubernetes takes and then drops is told as well. \
Workers will have other names, since those follow from uids."""

PLAN_EXAMPLES = {
    "A folder with everything below it, and one more file": "dask-reconciler plan -f deploy/ -f extra.yaml",
    "Standard input": "kustomize build . | dask-reconciler plan -f -",
    "In a pipeline": "dask-reconciler plan -f . -o json",
}

LOCAL_USAGE = "dask-reconciler local [FILE…] [OPTIONS]"

LOCAL_PURPOSE = """\
Runs manifests on this machine, without any Kubernetes: the code of production on a Kubernetes in memory, and each \
Pod's containers as processes of this Python environment. Clusters run until Ctrl-C, and the files are followed while \
they do. Jobs alone run to their end, and the first failed job's exit code is the command's. kubectl and other clients \
of Kubernetes work there, too. What Kubernetes would do and this machine cannot is said once."""

LOCAL_EXAMPLES = {
    "A cluster, until Ctrl-C; edit the file, and it is followed": "dask-reconciler local cluster.yaml",
    "A job, with its output and its exit code": "dask-reconciler local job.yaml",
    "An empty Kubernetes, for kubectl apply": "dask-reconciler local --kubeconfig=local.yaml",
    "Does it come up? For a pipeline": "dask-reconciler local --wait=1m deploy/",
}

OUTPUT_OPTIONS = (
    Option("output", "table|json|yaml", "table", "How the plan, or the summary of --once, is printed."),
    Option("exit_code", "", "", "Tell by the exit code whether the plan has changes."),
)
RUN_OPTIONS = (
    *OUTPUT_OPTIONS,
    Option("profile", "", "", "With --once, tell what each stage of the pass cost: time, processor, memory."),
)
MANIFEST_OPTIONS = (
    Option("filename", "FILE…", "", "Manifests, folders of them, or - for standard input; as often as needed."),
    Option("namespace", "NAME", "default", "The namespace of manifests that name none."),
)
LOCAL_OPTIONS = (
    Option(
        "wait",
        "[=DURATION]",
        "",
        "End when every cluster is ready, and seems to stay so, and every job is over: exit code 0, or 1 if that "
        "takes longer, by default 2m, or if a container ends again and again.",
    ),
    Option(
        "no_retry",
        "",
        "",
        "End when a job's command fails for the first time. Otherwise it is run again, as in Kubernetes, unless its "
        "restartPolicy, which is OnFailure by default, is Never.",
    ),
    Option("namespace", "NAME", "default", "The namespace of manifests and requests that name none."),
    Option(
        "kubeconfig",
        "FILE",
        "",
        "Where to write the kubeconfig with which kubectl and other clients come in; by default into the run's "
        "directory, and the command says where. It is removed in the end.",
    ),
    Option(
        "shift_ports",
        "",
        "",
        "Let all Pods share one loopback address, on other ports than they ask for; always so where there is only one "
        "such address, as on macOS.",
    ),
)
COMMON_OPTIONS = (
    Option("help", "", "", "Show this and exit."),
    Option("version", "", "", "Show the version and exit."),
)
PLAN_SETTINGS = ("naming", "no_delete", "deletion_cap", "log_level", "log_format")
"""The settings that mean something to a plan from manifests."""

LOCAL_SETTINGS = ("naming", "interval", "no_dask", "no_delete", "deletion_cap", "log_level", "log_format")
"""Those that mean something on this machine."""

LOCAL_INTERVAL = "500ms"
"""Between passes on this machine, where they cost next to nothing."""

SHORT = {"filename": "-f", "output": "-o", "help": "-h"}

ENVIRONMENT = """\
Every setting is also an environment variable: DASK_RECONCILER_ and its name in capitals, such as \
DASK_RECONCILER_LOG_LEVEL for --log-level. The option wins. Switches can be turned off: --no-delete=false. Durations \
are seconds, or a number with ms, s, m or h. NO_COLOR turns colours off."""

EXIT_CODES = {
    "0": "All is well: the pass succeeded, or SIGTERM or SIGINT ended the daemon in time.",
    "1": "Something failed, and standard error says what.",
    "2": "An option or setting is wrong. With --exit-code: the plan has changes, and wrong options give 1.",
    "130": "Interrupted: while --once ran, or for the second time.",
}


PLAN_EXIT_CODES = {
    "0": "All that the manifests ask for can be made.",
    "1": "A manifest is wrong or has lost its owner, or something can never be made; the output says what.",
    "2": EXIT_CODES["2"],
}

LOCAL_EXIT_CODES = {
    "0": "Every job succeeded, every cluster was ready, or Ctrl-C ended clusters that run for ever.",
    "1": "A manifest is wrong, or not all was ready in time or can be; standard error says what.",
    "2": "An option or setting is wrong.",
    "130": "Ctrl-C ended a job before its end.",
    "others": "The first failed job's own.",
}


def show(stream: TextIO, command: str = "run") -> None:
    """Print a command's help, coloured and as wide as the terminal, if it is one."""
    console = Console(file=stream, highlight=False)
    console.width = min(console.width, WIDEST)
    pages = {"run": _run_help, "plan": _plan_help, "local": _local_help}
    with console.capture() as captured:
        console.print(pages[command]())
    stream.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _run_help() -> RenderableType:
    groups: dict[str, Iterable[Option]] = {
        title: [option(field) for field in fields] for title, fields in GROUPS.items()
    }
    groups["How to print"] = [*RUN_OPTIONS, *COMMON_OPTIONS]
    return _page(USAGE, PURPOSE, EXAMPLES, groups)


def _plan_help() -> RenderableType:
    groups = {
        "What to read": MANIFEST_OPTIONS,
        "How to plan": [option(field) for field in PLAN_SETTINGS],
        "How to print": [*OUTPUT_OPTIONS, *COMMON_OPTIONS],
    }
    return _page(PLAN_USAGE, PLAN_PURPOSE, PLAN_EXAMPLES, groups, PLAN_EXIT_CODES)


def _local_help() -> RenderableType:
    groups = {
        "How to run": [*LOCAL_OPTIONS, *COMMON_OPTIONS],
        "How to reconcile": [
            replace(option(field), default=LOCAL_INTERVAL) if field == "interval" else option(field)
            for field in LOCAL_SETTINGS
        ],
    }
    return _page(LOCAL_USAGE, LOCAL_PURPOSE, LOCAL_EXAMPLES, groups, LOCAL_EXIT_CODES)


def _page(
    usage: str,
    purpose: str,
    examples: Mapping[str, str],
    groups: Mapping[str, Iterable[Option]],
    exit_codes: Mapping[str, str] | None = None,
) -> RenderableType:
    parts = [*_section("Usage", Text(usage)), Text(purpose), Text()]
    parts += _section("Examples", _examples(examples))
    for title, options in groups.items():
        parts += _section(title, Group(*(_entry(each) for each in options)))
    parts += _section("Environment", Text(ENVIRONMENT))
    parts += _section("Exit codes", _exit_codes(exit_codes or EXIT_CODES))
    return Group(*parts[:-1])


def _section(title: str, body: RenderableType) -> list[RenderableType]:
    return [Text(title, style="bold"), Padding(body, (0, 0, 0, 2)), Text()]


def _examples(examples: Mapping[str, str]) -> RenderableType:
    lines = [(Text(f"# {purpose}", style="dim"), Text(command, style="cyan")) for purpose, command in examples.items()]
    return Group(*(line for pair in lines for line in pair))


def _entry(each: Option) -> RenderableType:
    name = Text(f"{SHORT[each.field]}, " if each.field in SHORT else "", style="cyan")
    name.append(each.flag).append(f" {each.placeholder}" if each.placeholder else "", style="default")
    words = Text(each.description.replace("`", ""))
    words.append(f" Default: {each.default}." if each.default else "", style="dim")
    return Group(name, Padding(words, (0, 0, 0, 4)))


def _exit_codes(exit_codes: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan")
    for code, meaning in exit_codes.items():
        table.add_row(code, meaning)
    return table
