"""Array jobs: run by a Slurm of one node, and submitted to a stand-in for PBS."""

import shlex
import subprocess
import time

import pytest
from support import DATA, ROOT

PROTEINS = DATA / "proteins.faa"
EXPECTED = (DATA / "expected.tsv").read_bytes()


def tasks(array):
    """Return the tasks of an array that run or wait: task → state."""
    lines = subprocess.run(
        ["squeue", "-h", "-r", "-j", array, "-o", "%K %T"], capture_output=True, text=True
    ).stdout.split("\n")
    return dict(line.split() for line in lines if line)


@pytest.mark.slow
def test_array_gives_the_result_of_a_single_run(slurm, shell, tmp_path):
    """One of four tasks is killed and queued again while it runs."""
    options = ("--shards", 4, "--cpus", 1)
    done = shell(
        ROOT / "bin/tpspred-slurm", *options, "predict", PROTEINS, "-o", "out put.tsv", SLOW="3"
    )
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
    options = ("--shards", 2, "--cpus", 1, "--wait")
    predict = ("predict", PROTEINS, "-o", "out.tsv", "-m", "nowhere.h5")
    done = shell(ROOT / "bin/tpspred-slurm", *options, *predict)
    assert done.returncode == 1 and "out.tsv was not made: see the logs in" in done.stderr
    assert not (tmp_path / "out.tsv").exists()
    assert "nowhere.h5: no such file" in (tmp_path / "out.tsv.shards/1.log").read_text()
    assert not (tmp_path / "out.tsv.shards/merge.log").exists()


QSUB = """#!/bin/sh
# Keep the options and the script of each job, and print its id.
n=$(ls {folder}/job* 2>/dev/null | wc -l)
echo "$*" > {folder}/job$n
cat > {folder}/script$n
echo "$n[].server"
"""


@pytest.mark.slow
def test_pbs_is_given_an_array_and_a_merge_that_depends_on_it(shell, tmp_path):
    """A stand-in for qsub keeps the two jobs; then their scripts are run as PBS would do it."""
    qsub = tmp_path / "bin/qsub"
    qsub.parent.mkdir(exist_ok=True)
    qsub.write_text(QSUB.format(folder=tmp_path))
    qsub.chmod(0o755)
    options = shlex.split("--shards 3 --partition long --time 1:00:00 --memory 4gb --gpu 1")
    predict = ("predict", PROTEINS, "-o", "hits.tsv", "--coverage", "0.9")
    done = shell(ROOT / "bin/tpspred-pbs", *options, *predict)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "array 0[].server\nmerge 1[].server\n"
    array, merge = ((tmp_path / f"job{k}").read_text() for k in (0, 1))
    for option in (
        "-J 1-3",
        "select=1:ncpus=2:mem=4gb:ngpus=1",
        "-q long",
        "walltime=1:00:00",
    ):
        assert option in array
    assert "depend=afterok:0[].server" in merge and "-J" not in merge
    for task in ("1", "2", "3"):
        assert shell("bash", tmp_path / "script0", PBS_ARRAY_INDEX=task).returncode == 0
    assert shell("bash", tmp_path / "script1").returncode == 0
    alone = shell("tpspred", "predict", PROTEINS, "--coverage", "0.9").stdout
    assert (tmp_path / "hits.tsv").read_text() == alone


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ("predict", 2, "found no PROTEINS"),
        ("fly x", 2, "found fly; wanted an option, or predict or embed"),
        (f"predict {PROTEINS}", 2, "found no -o"),
        ("--shards 0 predict x -o y", 2, "--shards: found 0; wanted a number from 1 on"),
        ("--shards", 2, "--shards needs a value"),
        ("predict nowhere.faa -o y", 1, "nowhere.faa: cannot be read"),
        (f"predict {PROTEINS} -o y -t 3", 2, "-t is set by --cpus and --shards"),
        (f"predict {PROTEINS} -o y", 1, "qsub is not on PATH: is this a cluster with PBS?"),
    ],
)
def test_wrong_use_gives_one_line(shell, arguments, code, message):
    done = shell(ROOT / "bin/tpspred-pbs", *shlex.split(arguments))
    assert done.returncode == code
    assert done.stderr.startswith("tpspred-pbs: ") and message in done.stderr
    assert done.stderr.count("\n") == 1 and not done.stdout


def test_help_names_every_option(shell):
    text = shell(ROOT / "bin/tpspred-slurm", "--help").stdout
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
