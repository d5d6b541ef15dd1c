"""Array jobs: run by a Slurm of one node, and by stand-ins for Slurm and PBS."""

import configparser
import gzip
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import time

import click
import hypothesis
import pytest
from hypothesis import strategies
from support import DATA, ROOT

from tpspred.cli import cluster, embed, options, predict

PROTEINS = DATA / "proteins.faa"
EXPECTED = (DATA / "expected.tsv").read_bytes()
SUBMIT = {"slurm": "sbatch", "pbs": "qsub"}
# A name that does harm where it is not quoted: to bash, Slurm, or PBS.
HOSTILE = "a: it's `touch X` $(touch X);\n#SBATCH --hold\n#PBS -q none\ntouch X\n\".tsv"
# Runs a job at once that Slurm or PBS would run later, as they do it: a merge runs only if all
# tasks of the array ended well. The options and scripts of the jobs are kept.
SCHEDULER = """#!/usr/bin/env bash
cd {folder}
number=$(ls | grep -c script)
printf '%s\\n' "$@" > options$number
cat > script$number
echo "$number{suffix}"
[[ "$*" =~ 1-([0-9]+) ]] && tasks=${{BASH_REMATCH[1]}}
for task in $(seq "${{tasks:-1}}"); do
    [[ -e failed ]] || {variable}=$task bash script$number || touch failed
done > log$number 2>&1
"""


@pytest.fixture
def schedulers(tmp_path, shell):
    """Put stand-ins for sbatch, srun and qsub on the PATH of ``shell``; return their folder."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    sbatch, qsub = (
        SCHEDULER.format(folder=folder, suffix=suffix, variable=variable)
        for suffix, variable in ((";here", "SLURM_ARRAY_TASK_ID"), ("[].server", "PBS_ARRAY_INDEX"))
    )
    srun = '#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"\n'
    for name, text in {"sbatch": sbatch, "qsub": qsub, "srun": srun}.items():
        program = tmp_path / "bin" / name
        program.write_text(text)
        program.chmod(0o755)
    return folder


def tasks(array):
    """Return the tasks of an array that run or wait: task → state."""
    lines = subprocess.run(
        ["squeue", "-h", "-r", "-j", array, "-o", "%K %T"], capture_output=True, text=True
    ).stdout.split("\n")
    return dict(line.split() for line in lines if line)


@pytest.mark.slow
def test_array_gives_the_result_of_a_single_run(slurm, shell, tmp_path):
    """One of four tasks is killed and queued again while it runs."""
    limits = ("--shards", 4, "--cpus", 1, "--memory", "200MB", "--time", "0-00:10:00")
    done = shell("tpspred", "slurm", *limits, "predict", PROTEINS, "-o", "out put.tsv", SLOW="3")
    assert done.returncode == 0, done.stderr
    (_, array), (_, merge) = map(str.split, done.stdout.splitlines())
    for _ in range(100):
        running = [task for task, state in tasks(array).items() if state == "RUNNING"]
        if running:
            break
        time.sleep(0.2)
    subprocess.run(["scontrol", "requeue", f"{array}_{running[0]}"], check=True)
    for _ in range(600):
        if (tmp_path / "out put.tsv").exists():
            break
        time.sleep(0.5)
    assert (tmp_path / "out put.tsv").read_bytes() == EXPECTED
    assert "7 rows of 4 shards" in (tmp_path / "out put.tsv.shards/merge.log").read_text()


@pytest.mark.slow
def test_merge_does_not_run_when_a_task_fails(slurm, shell, tmp_path):
    (tmp_path / "no.h5").write_text("no model")
    limits = ("--shards", 2, "--cpus", 1, "--wait")
    done = shell(
        *("tpspred", "slurm", *limits, "predict", PROTEINS, "-o", "out.tsv", "-m", "no.h5")
    )
    assert done.returncode == 1 and "out.tsv was not made: see the logs in" in done.stderr
    assert not (tmp_path / "out.tsv").exists()
    assert "no.h5: found a file that is not HDF5" in (tmp_path / "out.tsv.shards/1.log").read_text()
    assert not (tmp_path / "out.tsv.shards/merge.log").exists()


@pytest.mark.slow
def test_slurm_takes_any_name(slurm, shell, tmp_path):
    limits = ("--shards", 1, "--cpus", 1, "--wait")
    done = shell("tpspred", "slurm", *limits, "predict", PROTEINS, "-o", HOSTILE)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / HOSTILE).read_bytes() == EXPECTED
    made = {path.name for path in (tmp_path / f"{HOSTILE}.shards").iterdir()}
    assert made == {"1.tsv", "1.log", "merge.log", "done"}
    assert not list(tmp_path.rglob("X"))


@pytest.mark.slow
def test_the_scripts_of_the_page_on_slurm_run(slurm, shell, tmp_path):
    page = (ROOT / "docs/workflows/slurm.md").read_text()
    scripts = re.findall(r"^```sh\n(.*?)^```$", page, re.M | re.S)
    array, merge, submit = (text for text in scripts if re.search("SBATCH|sbatch", text))
    (tmp_path / "array.sh").write_text(array)
    (tmp_path / "merge.sh").write_text(merge)
    (tmp_path / "proteins.faa.gz").write_bytes(gzip.compress(PROTEINS.read_bytes()))
    done = shell("bash", "-euo", "pipefail", "-c", submit)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "hits.tsv").read_bytes() == EXPECTED


@pytest.mark.slow
def test_the_array_of_the_page_on_scale_runs(slurm, shell, tmp_path):
    """It makes what is missing, and leaves a table that is there as it is."""
    page = (ROOT / "docs/scale.md").read_text()
    script, submit, *_ = re.findall(r"^```sh\n(.*?)^```$", page, re.M | re.S)
    (tmp_path / "array.sh").write_text(script)
    (tmp_path / "parts").mkdir()
    for number, name in enumerate(("proteins.faa", "negatives.faa"), 1):
        (tmp_path / f"parts/000{number}.faa.gz").write_bytes(
            gzip.compress((DATA / name).read_bytes())
        )
    submit = submit.replace("--wait", "--wait --array=1-2")
    done = shell("bash", "-euo", "pipefail", "-c", submit)
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in (tmp_path / "hits.tsv").read_text().splitlines()]
    assert rows[0][-1] == "source" and len(rows) == 9
    assert {row[-1] for row in rows[1:]} == {"parts/0001.faa.gz", "parts/0002.faa.gz"}
    (tmp_path / "hits/0001.tsv").write_text("kept\n")
    (tmp_path / "hits/0002.tsv").unlink()
    assert shell("bash", "-euo", "pipefail", "-c", submit).returncode == 0
    assert (tmp_path / "hits/0001.tsv").read_text() == "kept\n"
    assert (tmp_path / "hits/0002.tsv").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "scheduler, name",
    [
        ("slurm", HOSTILE),
        ("pbs", HOSTILE),
        ("slurm", "out.$(touch X)"),
        ("pbs", "-o"),
        ("slurm", "v1.2/hits"),
    ],
)
def test_a_name_runs_nothing_and_may_have_any_ending(schedulers, shell, tmp_path, scheduler, name):
    """The result has this name, and the input, too."""
    proteins = tmp_path / "input" / name
    proteins.parent.mkdir(parents=True)
    proteins.write_bytes(PROTEINS.read_bytes())
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    words = ("predict", "--output", name, "--", proteins)
    done = shell("tpspred", scheduler, "--shards", 1, "--wait", *words)
    assert done.returncode == 0, done.stderr + (schedulers / "log0").read_text()
    assert (tmp_path / name).read_bytes() == EXPECTED
    made = {path.name for path in (tmp_path / f"{name}.shards").iterdir()}
    assert made == {"1.tsv", "done"}
    assert not list(tmp_path.rglob("X"))


@pytest.mark.slow
def test_pbs_is_given_an_array_and_a_merge_that_depends_on_it(schedulers, shell, tmp_path):
    limits = shlex.split("--shards 3 --partition long --time 1:00:00 --memory 4gb --gpu 1")
    words = ("predict", PROTEINS, "--output=hits.tsv", "--coverage", "0.9")
    done = shell("tpspred", "pbs", *limits, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "array 0[].server\nmerge 1[].server\n"
    array, merge = (" ".join((schedulers / f"options{k}").read_text().splitlines()) for k in (0, 1))
    for option in (
        "-J 1-3",
        "select=1:ncpus=2:mem=4gb:ngpus=1",
        "-q long",
        "walltime=1:00:00",
        "-r y",
    ):
        assert option in array
    assert "depend=afterok:0[].server" in merge
    assert "-J" not in merge and "block" not in merge
    alone = shell("tpspred", "predict", PROTEINS, "--coverage", "0.9").stdout
    assert (tmp_path / "hits.tsv").read_text() == alone


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", SUBMIT)
def test_tasks_share_the_records_of_several_files(schedulers, shell, tmp_path, scheduler):
    names = ("a b.faa", "$(touch X).faa")
    for name in names:
        (tmp_path / name).write_bytes(PROTEINS.read_bytes())
    done = shell("tpspred", scheduler, "--shards", 3, "--wait", "predict", *names, "-o", "x.tsv")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.tsv").read_text() == shell("tpspred", "predict", *names).stdout
    assert not list(tmp_path.rglob("X"))


@pytest.mark.slow
def test_slurm_is_given_an_array_and_a_merge_that_depends_on_it(schedulers, shell, tmp_path):
    limits = shlex.split("--shards 3 --at-once 2 --gpu a100:1 --memory 4G --partition long,short")
    done = shell(*("tpspred", "slurm", *limits, "--work", "work", "embed", PROTEINS, "-os.h5"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "array 0\nmerge 1\n"  # without the name of the cluster
    array, merge = ((schedulers / f"options{k}").read_text().splitlines() for k in (0, 1))
    assert {"--array=1-3%2", "--gres=gpu:a100:1", "--mem=4G", "--requeue"} <= set(array)
    assert {"--dependency=afterok:0", "--kill-on-invalid-dep=yes"} <= set(merge)
    assert all("--partition=long,short" in job for job in (array, merge))
    assert shell("tpspred", "predict", "s.h5").stdout.encode() == EXPECTED
    assert (tmp_path / "work/3.h5").exists()


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", SUBMIT)
def test_wait_tells_whether_the_result_was_made(schedulers, shell, tmp_path, scheduler):
    (tmp_path / "out.tsv.shards").mkdir()
    (tmp_path / "out.tsv.shards/done").touch()  # of an earlier run
    (tmp_path / "wrong.h5").touch()  # what a task finds wrong, and not the command
    words = ("--shards", 1, "--wait", "predict", PROTEINS, "-o", "out.tsv", "-m", "wrong.h5")
    done = shell("tpspred", scheduler, *words)
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 2)
    (error,) = done.stderr.splitlines()
    assert error.startswith("tpspred: error: ") and "out.tsv was not made: see the logs" in error
    assert not (tmp_path / "out.tsv").exists()


@pytest.mark.parametrize("refused", ["array", "merge"])
@pytest.mark.parametrize("scheduler", SUBMIT)
def test_messages_of_the_scheduler_are_passed_on(shell, tmp_path, scheduler, refused):
    program = tmp_path / "bin" / SUBMIT[scheduler]
    program.write_text(
        f"#!/bin/sh\ncase \"$*\" in *tpspred-{refused}*) echo 'no such queue' >&2; exit 9 ;; esac\n"
        "echo 7\n"
    )
    program.chmod(0o755)
    done = shell("tpspred", scheduler, "--wait", "predict", PROTEINS, "-o", "out.tsv")
    assert done.returncode == 1
    assert done.stdout == ("array 7\n" if refused == "merge" else "")
    message, error = done.stderr.splitlines()
    assert message == "no such queue"
    assert error.startswith("tpspred: error: ") and "found exit status 9; wanted the id" in error


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ("predict", 2, "Missing argument 'PROTEINS...'"),
        ("fly x", 2, "No such command 'fly'"),
        ("--fly predict x -o y", 2, "No such option"),
        ("predict x", 2, "found no file for the result; wanted -o FILE"),
        ("predict x -o -", 2, "found no file for the result; wanted -o FILE"),
        ("embed x", 2, "Missing option '-o' / '--output'"),
        ("predict - -o y", 2, "found standard input; wanted a file, which every task reads"),
        ("--shards 0 predict x -o y", 2, "0 is not in the range 1<=x<=10000"),
        ("--shards 99999999999999999999 predict x -o y", 2, "is not in the range 1<=x<=10000"),
        ("--shards", 2, "Option '--shards' requires an argument"),
        ("--at-once 0 predict x -o y", 2, "0 is not in the range"),
        ("--cpus '2; touch X #' predict x -o y", 2, "'2; touch X #' is not a valid integer"),
        ("--cpus 1025 predict x -o y", 2, "1025 is not in the range 1<=x<=1024"),
        ("--gpu '1 --uid=0' predict x -o y", 2, "found '1 --uid=0'; wanted a number"),
        ("--gpu 1:mem=9 predict x -o y", 2, "found '1:mem=9'; wanted a number"),
        ("--memory 8G:ngpus=9 predict x -o y", 2, "found '8G:ngpus=9'; wanted a size"),
        ("--memory -8G predict x -o y", 2, "found '-8G'; wanted a size"),
        ("--time '1:00\n#PBS' predict x -o y", 2, "found '1:00\\n#PBS'; wanted a time"),
        ("--time ١:00 predict x -o y", 2, "found '١:00'; wanted a time"),
        ("--partition -x predict x -o y", 2, "found '-x'; wanted a name"),
        ("--partition 'a b' predict x -o y", 2, "found 'a b'; wanted a name"),
        ("--partition '' predict x -o y", 2, "found ''; wanted a name"),
        ("predict x -o y -t 3", 2, "-t/--threads: --cpus sets it"),
        ("predict x -o y --threads=3", 2, "-t/--threads: --cpus sets it"),
        ("embed x -o y --shard 1/2", 2, "--shard: --shards sets it"),
        ("predict x -o y --log z", 2, "--log: each task has a log in the work folder"),
        ("predict x -o y -f gff3", 2, "an array of jobs writes only the table of -o"),
        ("predict x -o y --tsv tsv", 2, "--tsv: an array of jobs writes only the table of -o"),
        ("predict x -o y --locus-genes 2", 2, "an array of jobs writes only the table of -o"),
        ("predict x -o y --summary z", 2, "an array of jobs writes only the table of -o"),
        ("predict x z -o y", 1, "x: No such file or directory"),
        ("predict x - -o y", 2, "found standard input; wanted a file, which every task reads"),
        ("predict x -o y --hits-only", 2, "tpspred merge needs a row of every record"),
        ("predict x -o y --annotation z", 2, "an array of jobs writes only the table of -o"),
        ("predict x -o y --coverge 0.9", 2, "No such option"),
        ("predict x -o y --coverage 2", 2, "2.0 is not in the range"),
        ("predict x -o x", 2, "is the input x"),
        ("predict x -o y -m y", 2, "is the input y"),
        ("--work w predict x -o w/2.tsv", 2, "two outputs to"),
        ("--work w embed w/2.h5 -o y", 2, "is the input w/2.h5"),
        ("predict nowhere.faa -o y", 1, "nowhere.faa: No such file or directory"),
        (f"predict {DATA} -o y", 1, "found a folder; wanted a file"),
        ("predict /dev/null -o y", 1, "/dev/null: found a pipe or device; wanted a file, which"),
        (f"predict {PROTEINS} -o .", 1, ".: cannot be written: Is a directory"),
        (f"predict {PROTEINS} -o /dev/null", 1, "found a pipe or device; wanted a file for the"),
        (f"--work {PROTEINS} predict {PROTEINS} -o y", 1, "cannot be made: Not a directory"),
        (f"predict {PROTEINS} -o y -m nowhere.h5", 1, "nowhere.h5: No such file or directory"),
        (f"predict {PROTEINS} -o y.html", 2, "an array of jobs writes only the table of -o"),
        (f"predict {PROTEINS} -o 100%a", 2, "100%a.shards; wanted a --work folder without % and"),
        (f"--work 'a\\b' predict {PROTEINS} -o y", 2, "wanted a --work folder without % and"),
        (f"predict {PROTEINS} -o y", 1, "PATH: found no qsub; wanted a cluster with PBS"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_queued(
    run, shell, tmp_path, monkeypatch, arguments, code, message
):
    """``shell`` has made a folder with tpspred, and nothing else is on PATH."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    done = run("pbs", *shlex.split(arguments))
    assert (done.code, done.out) == (code, b"") and message in done.err
    if code == 1:
        assert done.err.startswith("tpspred: error: ") and done.err.count("\n") == 1
    assert not list((tmp_path / "here").iterdir())


def test_tpspred_has_to_be_on_path(run, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    done = run("slurm", "predict", PROTEINS, "-o", "y")
    assert done.code == 1 and "PATH: found no tpspred; wanted the program" in done.err


@pytest.mark.parametrize("command", [predict.command, embed.command], ids=["predict", "embed"])
def test_every_output_but_o_is_refused(command):
    """A new output of predict or embed needs a line in REFUSED."""
    for option in command.params:
        is_output = option.type is options.OUTPUT or (
            isinstance(option, click.Option) and option.help.startswith("Write")
        )
        assert not is_output or option.name in {"output", *cluster.REFUSED}, option.name


@pytest.mark.parametrize("command", [predict.command, embed.command], ids=["predict", "embed"])
def test_options_reach_the_tasks_as_they_were_given(
    schedulers, run, tmp_path, monkeypatch, command
):
    """Every option of predict and embed is given a value, and read again by the same command."""
    (tmp_path / "bin/tpspred").write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" > {tmp_path}/words\n")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-x y").write_text("a file that options name")
    words = []
    for option in command.params:
        if option.name in cluster.REFUSED or option.name in ("proteins", "input", "output"):
            continue
        words.append(option.opts[-1])
        if isinstance(option.type, click.Choice):
            words.append(option.type.choices[-1])
        elif not option.is_flag:
            words.append(
                {"integer range": "7", "float range": "0.25"}.get(option.type.name, "-x y")
            )
    assert run("slurm", "--cpus", 3, command.name, PROTEINS, "-oout", *words).code == 0
    (tmp_path / "words").unlink()  # of the merge
    shell_words = ["bash", schedulers / "script0"]
    subprocess.run(shell_words, env=os.environ | {"SLURM_ARRAY_TASK_ID": "2"}, check=True)
    name, *received = (tmp_path / "words").read_text().split("\0")[:-1]
    assert name == command.name
    given = command.make_context("given", [str(PROTEINS), "-oout", *words]).params
    seen = command.make_context("seen", received).params
    assert (str(seen.pop("shard")), seen.pop("threads")) == ("2/4", 3)
    ending = cluster.SHARD_ENDINGS[command.name]
    assert seen.pop("output") == f"{tmp_path}/out.shards/2{ending}"
    assert seen == {name: value for name, value in given.items() if name in seen}


TEXT = strategies.text(strategies.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@hypothesis.given(words=strategies.lists(TEXT, min_size=1, max_size=3))
@hypothesis.example(words=["a\n#SBATCH --uid=0", "'\n'", "$'\\n'", "\r\n"])
def test_bash_reads_what_was_quoted(words):
    quoted = cluster.quote(*words)
    done = subprocess.run(["bash", "-c", rf"printf '%s\0' {quoted}"], capture_output=True)
    assert done.stdout.decode().split("\0") == [*words, ""] and not done.stderr
    assert "\n" not in quoted


@pytest.mark.parametrize("scheduler", [cluster.SLURM, cluster.PBS], ids=["slurm", "pbs"])
def test_scripts_begin_no_line_with_a_name(tmp_path, scheduler):
    """Slurm and PBS read options from lines that begin with #SBATCH or #PBS."""
    hostile = "/a\n#SBATCH --uid=0\n#PBS -q none\n"
    run = cluster.Run(hostile, "predict", hostile, [hostile], hostile, hostile, hostile)
    resources = cluster.Resources(shards=2, cpus=1)
    for script in (cluster.array_script(run, resources, scheduler), cluster.merge_script(run, 2)):
        first, second, *lines = script.splitlines()
        assert (first, second) == ("#!/usr/bin/env bash", "set -eu")
        assert len(lines) <= 4 and not any(line.startswith("#") for line in lines)


@pytest.mark.parametrize("scheduler", SUBMIT)
def test_help_names_every_option(run, scheduler):
    text = run(scheduler, "--help").out.decode()
    for option in (
        "--shards",
        "--at-once",
        "--cpus",
        "--gpu",
        "--partition",
        "--time",
        "--memory",
        "--work",
        "--wait",
    ):
        assert option in text
    assert b"--coverage" in run(scheduler, "predict", "--help").out


@pytest.mark.parametrize("scheduler", SUBMIT)
def test_the_old_names_are_entry_points(monkeypatch, capsys, scheduler):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["options.entry_points"]["console_scripts"].strip().splitlines()
    target = dict(line.split(" = ") for line in lines)[f"tpspred-{scheduler}"]
    monkeypatch.setattr(sys, "argv", [f"tpspred-{scheduler}", "predict", "--help"])
    with pytest.raises(SystemExit) as stop:
        pkgutil.resolve_name(target)()
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"Usage: tpspred {scheduler} predict [OPTIONS]")
