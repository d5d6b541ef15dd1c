"""The commands tpspred slurm and tpspred pbs, which run predict or embed as an array of jobs."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from ..errors import InputError, TpspredError
from ..io.outputs import check_folder, make_folder
from . import embed, main, options, predict
from .layout import Command, Group, option

MAX_SHARDS = 10_000  # longest array of PBS; Slurm allows 1,000 unless it is configured for more
MAX_CPUS = 1024
SHARD_ENDINGS = {"predict": ".tsv", "embed": ".h5"}  # command → how the names of its shards end
# Options of predict and embed that are not for a cluster → why.
REFUSED = {
    "threads": "--cpus sets it",
    "shard": "--shards sets it",
    "hits_only": "tpspred merge needs a row of every record",
    "log_file": "each task has a log in the work folder",
} | dict.fromkeys(
    (
        *("output_format", "tsv", "gff3", "jsonl", "html", "gaf", "multiqc", "summary"),
        *("taxon", "date", "database", "reference"),
        *("annotation", "locus_genes", "locus_distance"),
    ),
    "an array of jobs writes only the table of -o",
)
HELP = """Run predict or embed as an array of jobs on {scheduler}.

The options before predict or embed are for {scheduler}, and all others are those of tpspred predict
or embed. A last job merges the results of the array with tpspred merge. The ids of the array and of
this job are printed. If a node fails, {scheduler} queues its tasks again; the result of a task
appears whole or not at all. If a task fails, nothing is merged.
"""
EXAMPLE = "tpspred {command} --shards 16 --cpus 4 {subcommand}"
SUBCOMMANDS = {
    "predict": "predict proteins.faa -o calls.tsv",
    "embed": "embed proteins.faa -o proteins.h5",
}


@dataclasses.dataclass(frozen=True)
class Resources:
    """What the tasks of an array get; None is what the scheduler gives by itself.

    Attributes:
        shards: Number of tasks.
        cpus: CPU cores of each task.
        at_once: How many tasks may run at the same time; None is all.
        gpu: GPUs of each task.
        memory: Memory of each task.
        time: Longest time of each task.
        partition: Partition or queue.
    """

    shards: int
    cpus: int
    at_once: int | None = None
    gpu: str | None = None
    memory: str | None = None
    time: str | None = None
    partition: str | None = None

    @property
    def numbers(self) -> str:
        """Numbers of the tasks, as both schedulers write them.

        >>> Resources(shards=8, cpus=1, at_once=2).numbers
        '1-8%2'
        """
        return f"1-{self.shards}" + (f"%{self.at_once}" if self.at_once else "")


def sbatch_options(resources: Resources, array: str = "", wait: bool = False) -> list[str]:
    """Return the options of Slurm for an array or, with the id of an array, for its merge.

    >>> sbatch_options(Resources(shards=4, cpus=2))[-3:]
    ['--job-name=tpspred-array', '--array=1-4', '--output=%a.log']
    """
    words = ["--parsable", "--requeue", "--open-mode=append"]
    words += ["--ntasks=1", f"--cpus-per-task={resources.cpus}"]
    if resources.partition:
        words += [f"--partition={resources.partition}"]
    if resources.time:
        words += [f"--time={resources.time}"]
    if resources.memory:
        words += [f"--mem={resources.memory}"]
    if array:
        words += [f"--dependency=afterok:{array}", "--kill-on-invalid-dep=yes"]
        words += ["--wait"] if wait else []
        return [*words, "--job-name=tpspred-merge", "--output=merge.log"]
    if resources.gpu:
        words += [f"--gres=gpu:{resources.gpu}"]
    return [*words, "--job-name=tpspred-array", f"--array={resources.numbers}", "--output=%a.log"]


def qsub_options(resources: Resources, array: str = "", wait: bool = False) -> list[str]:
    """Return the options of PBS for an array or, with the id of an array, for its merge.

    >>> qsub_options(Resources(shards=4, cpus=2, gpu="1"))[-8:]
    ['-l', 'select=1:ncpus=2:ngpus=1', '-N', 'tpspred-array', '-J', '1-4', '-o', './']
    """
    words = ["-S", "/bin/bash", "-r", "y", "-V", "-j", "oe"]
    chunk = f"select=1:ncpus={resources.cpus}"
    if resources.partition:
        words += ["-q", resources.partition]
    if resources.time:
        words += ["-l", f"walltime={resources.time}"]
    if resources.memory:
        chunk += f":mem={resources.memory}"
    if array:
        words += ["-W", f"depend=afterok:{array}"]
        words += ["-W", "block=true"] if wait else []
        return [*words, "-l", chunk, "-N", "tpspred-merge", "-o", "merge.log"]
    if resources.gpu:
        chunk += f":ngpus={resources.gpu}"
    words += ["-l", chunk, "-N", "tpspred-array"]
    return [*words, "-J", resources.numbers, "-o", "./"]


@dataclasses.dataclass(frozen=True)
class Scheduler:
    """What differs between schedulers.

    Attributes:
        name: Name of the scheduler.
        program: Program that queues a job, whose script it reads from standard input.
        options_of: Returns the options of the program for an array or its merge.
        task: Environment variable with the number of a task.
        launcher: What stands before the command of a task, with ``{cpus}`` for its cores.
    """

    name: str
    program: str
    options_of: Callable[..., list[str]]
    task: str
    launcher: str = ""


SLURM = Scheduler(
    name="Slurm",
    program="sbatch",
    options_of=sbatch_options,
    task="SLURM_ARRAY_TASK_ID",
    launcher="srun --ntasks=1 --cpus-per-task={cpus} ",
)
PBS = Scheduler(name="PBS", program="qsub", options_of=qsub_options, task="PBS_ARRAY_INDEX")


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of predict or embed that is dealt out to the tasks of an array.

    Attributes:
        program: Path of tpspred.
        command: ``predict`` or ``embed``.
        proteins: Paths of the inputs.
        options: Further options, one word each, such as ``--coverage=0.9``.
        output: Path of the result.
        folder: Folder in which the command was given; relative paths begin there.
        work: Folder for the shards.
    """

    program: str
    command: str
    proteins: Sequence[str]
    options: Sequence[str]
    output: str
    folder: str
    work: str


def shard_names(command: str, count: int) -> list[str]:
    """Return the names of the shards of predict or embed in the work folder.

    >>> shard_names("embed", 2)
    ['1.h5', '2.h5']
    """
    return [f"{number}{SHARD_ENDINGS[command]}" for number in range(1, count + 1)]


def quote(*words: str) -> str:
    r"""Quote words for bash, without a line break: a scheduler reads options from whole lines.

    >>> print(quote("out $(touch X)", "a\n#SBATCH --uid=0"))
    'out $(touch X)' 'a'$'\n''#SBATCH --uid=0'
    """
    return " ".join(shlex.quote(word).replace("\n", r"'$'\n''") for word in words)


def array_script(run: Run, resources: Resources, scheduler: Scheduler) -> str:
    """Return the script of every task of an array: it makes one shard."""
    task = f'"${scheduler.task}"'
    command = [
        scheduler.launcher.format(cpus=resources.cpus) + quote(run.program, run.command),
        quote(*run.options, f"--threads={resources.cpus}"),
        f"--shard={task}/{resources.shards}",
        f"--output={quote(run.work)}/{task}{SHARD_ENDINGS[run.command]}",
        quote("--", *run.proteins),
    ]
    return _script(run.folder, " ".join(command))


def merge_script(run: Run, shards: int) -> str:
    """Return the script that merges all shards and then makes the file ``done``."""
    return _script(
        run.work,
        quote(run.program, "merge", f"--output={run.output}", *shard_names(run.command, shards)),
        ": > done",
    )


def _script(folder: str, *lines: str) -> str:
    """Return a script that runs lines of bash in a folder until one of them fails."""
    return "\n".join(["#!/usr/bin/env bash", "set -eu", f"cd {quote(folder)}", *lines, ""])


def _given_options(context: click.Context) -> list[str]:
    """Return the options of predict or embed that the user gave, one word each, except -o.

    Raises:
        click.UsageError: If one of them is not for a cluster.
    """
    words = []
    for parameter in context.command.params:
        name, flags = str(parameter.name), parameter.opts
        value = context.params.get(name)
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not given or name in ("proteins", "input", "output"):
            continue
        is_table = (name, value) == ("output_format", "tsv")
        if name in REFUSED and not is_table:
            raise click.UsageError(f"{'/'.join(flags)}: {REFUSED[name]}", context)
        words.append(flags[-1] if value is True else f"{flags[-1]}={value}")
    return words


def _queue(command: Sequence[str], script: str, folder: str) -> str:
    """Queue a job and return its id; messages of the scheduler go to standard error.

    Args:
        command: Program of the scheduler and its options.
        script: Script of the job.
        folder: Folder of the logs. The options name no path, because schedulers interpret colons
            and other characters.

    Raises:
        TpspredError: If the scheduler refuses the job.
    """
    done = subprocess.run(command, input=os.fsencode(script), stdout=subprocess.PIPE, cwd=folder)
    *_, job_id = ["", *done.stdout.decode().split()]  # the id is the last word
    if not job_id:
        raise TpspredError.at(command[0], f"exit status {done.returncode}", "the id of a job")
    return job_id.partition(";")[0]  # Slurm may add the name of the cluster


def _program(name: str, wanted: str) -> str:
    """Return the path of a program on PATH.

    Raises:
        TpspredError: If there is none.
    """
    path = shutil.which(name)
    if path is None:
        raise TpspredError.at("PATH", f"no {name}", wanted)
    return os.path.abspath(path)


def _checked_run(
    context: click.Context,
    proteins: Sequence[str],
    output: str | None,
    work: str | None,
    shards: int,
) -> Run:
    """Return the run that predict or embed was asked for, with absolute paths of its outputs.

    The inputs have the names that they were given, because the table shows them.

    Raises:
        click.UsageError: If the options do not fit an array of jobs.
        InputError: If the input or the output is no file.
        TpspredError: If tpspred is not on PATH.
    """
    given_options = _given_options(context)
    if "-" in proteins:
        raise click.UsageError("found standard input; wanted a file, which every task reads")
    if output in (None, "-"):
        raise click.UsageError("found no file for the result; wanted -o FILE")
    if context.command.name == "predict" and predict.format_of(output) != "tsv":
        raise click.UsageError(f"{output}: {REFUSED['tsv']}")
    final = os.path.realpath(output)
    work = os.path.realpath(work or f"{final}.shards")
    if set("%\\") & set(work):
        # Slurm replaces both in the paths of logs, also where they are relative to this folder.
        raise click.UsageError(f"found {work}; wanted a --work folder without % and \\")
    command = str(context.command.name)
    targets = [final, *(os.path.join(work, name) for name in shard_names(command, shards))]
    options.refuse_collisions(targets, options.paths_of(context, options.INPUT))

    options.start(embed.files_to_read(context.params.get("encoder"), context.params.get("screen")))
    for source in proteins:
        if not os.path.isfile(source):
            raise InputError.at(source, "a pipe or device", "a file, which every task reads")
    if os.path.exists(output) and not os.path.isfile(output):
        raise InputError.at(output, "a pipe or device", "a file for the result")
    check_folder(work)
    return Run(
        program=_program("tpspred", "the program that the tasks run"),
        command=command,
        proteins=proteins,
        options=given_options,
        output=final,
        folder=os.getcwd(),
        work=work,
    )


@click.pass_context
def _submit(
    context: click.Context, proteins: str | tuple[str, ...], output: str | None, **_: object
) -> None:
    """Queue the array and the merge, print their ids, and wait for the result if that is wanted."""
    sources = [proteins] if isinstance(proteins, str) else proteins
    scheduler, resources, work, wait = context.obj
    run = _checked_run(context, sources, output, work, resources.shards)
    queue = _program(scheduler.program, f"a cluster with {scheduler.name}")
    make_folder(run.work)
    done = pathlib.Path(run.work, "done")
    done.unlink(missing_ok=True)

    script = array_script(run, resources, scheduler)
    array = _queue([queue, *scheduler.options_of(resources)], script, run.work)
    click.echo(f"array {array}")
    script = merge_script(run, resources.shards)
    merge = _queue([queue, *scheduler.options_of(resources, array, wait)], script, run.work)
    click.echo(f"merge {merge}")
    # A blocking submission ends well even if the merge is cancelled because a task failed. So the
    # file that the merge makes at its end decides.
    if wait and not done.exists():
        raise TpspredError(f"{run.output} was not made: see the logs in {run.work}")


class Form(click.ParamType):
    """Text of a strict form, because the scheduler interprets it."""

    name = "text"

    def __init__(self, pattern: str, wanted: str) -> None:
        self._pattern = re.compile(pattern, re.ASCII | re.IGNORECASE)
        self._wanted = wanted

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, or fail if it does not have the form."""
        if not self._pattern.fullmatch(value):
            self.fail(f"found {value!r}; wanted {self._wanted}", param, ctx)
        return value


def _group(name: str, scheduler: Scheduler) -> click.Group:
    """Make the command of a scheduler, with predict and embed as its subcommands."""

    @click.group(
        name,
        cls=Group,
        help=HELP.format(scheduler=scheduler.name),
        example=EXAMPLE.format(command=name, subcommand=SUBCOMMANDS["predict"]),
    )
    @option(
        "--shards",
        group="jobs",
        type=click.IntRange(1, MAX_SHARDS),
        default=4,
        show_default=True,
        metavar="N",
        help="Number of tasks in the array.",
    )
    @option(
        "--at-once",
        group="jobs",
        type=click.IntRange(1, MAX_SHARDS),
        metavar="N",
        show_default="all",
        help="Number of tasks that may run at the same time.",
    )
    @option(
        "--cpus",
        group="jobs",
        type=click.IntRange(1, MAX_CPUS),
        default=2,
        show_default=True,
        metavar="N",
        help="CPU cores of each task.",
    )
    @option(
        "--gpu",
        group="jobs",
        type=Form(r"(\w[\w.-]*:)?[1-9]\d{0,2}", "a number such as 1, or a100:1 for Slurm"),
        metavar="SPEC",
        show_default="none",
        help="GPUs of each task, such as 1.",
    )
    @option(
        "--memory",
        group="jobs",
        type=Form(r"[1-9]\d{0,11}([KMGT]B?)?", "a size such as 8G"),
        metavar="SIZE",
        show_default=f"that of {scheduler.name}",
        help="Memory of each task, such as 8G for 8 gigabytes.",
    )
    @option(
        "--time",
        group="jobs",
        type=Form(r"(\d{1,4}-)?\d{1,8}(:\d\d){0,2}", "a time such as 1:00:00"),
        metavar="LIMIT",
        show_default=f"that of {scheduler.name}",
        help="Longest time of each task, such as 1:00:00 for an hour.",
    )
    @option(
        "--partition",
        group="jobs",
        type=Form(r"\w[\w.,@-]*", "a name"),
        metavar="NAME",
        show_default=f"that of {scheduler.name}",
        help="Partition or queue to submit to.",
    )
    @option(
        "--work",
        group="output",
        metavar="FOLDER",
        show_default="the name of the result, and .shards",
        help="Folder for the results and the logs of the tasks.",
    )
    @option(
        "--wait",
        group="jobs",
        is_flag=True,
        help="Wait for the result; the exit status is 1 if it cannot be made.",
    )
    @click.pass_context
    def command(context: click.Context, work: str | None, wait: bool, **resources: Any) -> None:
        context.obj = (scheduler, Resources(**resources), work, wait)

    for real in (predict.command, embed.command):
        command.add_command(
            Command(
                real.name,
                params=real.params,
                callback=_submit,
                help=real.help,
                example=EXAMPLE.format(command=name, subcommand=SUBCOMMANDS[str(real.name)]),
            )
        )
    return command


slurm = _group("slurm", SLURM)
pbs = _group("pbs", PBS)


def main_slurm() -> NoReturn:
    """Run tpspred slurm under its old name, tpspred-slurm."""
    sys.argv.insert(1, "slurm")
    main()


def main_pbs() -> NoReturn:
    """Run tpspred pbs under its old name, tpspred-pbs."""
    sys.argv.insert(1, "pbs")
    main()
