"""Kills, full disks, closed streams and the like meet runs that write over earlier outputs."""

import dataclasses
import os
import random
import signal
import subprocess
import time

import pytest

from reliability import campaign
from reliability.cases import contents, prepare
from reliability.faults import FAULTS, run_again, wrong_state
from reliability.programs import PROGRAMS, prediction
from reliability.runner import ENVIRONMENT, PROGRAM, findings_of_process

pytestmark = pytest.mark.slow  # the files to damage take some seconds to make

TRIALS = {"closed streams": 2, "poor locale": 1}  # they take a process of their own
SEED = 0


@pytest.mark.parametrize("kind", FAULTS)
def test_fault(kind, zygote, bases, scratch):
    """A failure is repeated by ``benchmarks/reliability.py --seed 0 --only KIND:number``."""
    for number in range(TRIALS.get(kind, 6)):
        trial = campaign.run(kind, number, SEED, bases, zygote, scratch)
        assert not trial.findings, f"{kind}:{number}\n{trial.report()}"


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_is_stopped_while_it_writes(name, number, zygote, bases, scratch):
    """The signal comes when the last temporary file is there."""
    program = PROGRAMS[name][0](bases)
    job = prepare(program.case(), scratch)
    count = len(program.new) + bool(program.journal)
    stopped = dataclasses.replace(
        job, signal=number, watch=str(job.folder), event="created", event_count=count
    )
    outcome = zygote.run(stopped)
    assert not findings_of_process(outcome, number), outcome
    assert not wrong_state(program, contents(job.folder), outcome)
    assert not run_again(program, job, zygote)


@pytest.mark.parametrize("count", range(1, 5))
def test_the_table_is_renamed_last(count, zygote, bases, scratch):
    """The run is killed after each of its renames; what is written before is new, and whole."""
    program = prediction(bases)
    for number in range(5):
        job = prepare(program.case(), scratch / str(number))
        outcome = zygote.run(
            dataclasses.replace(
                job,
                signal=signal.SIGKILL,
                watch=str(job.folder),
                event="renamed",
                event_count=count,
            )
        )
        assert not wrong_state(program, contents(job.folder), outcome)
        assert not run_again(program, job, zygote)


def test_a_temporary_file_of_a_run_that_goes_on_is_not_removed(bases, command, work):
    """Only those of killed runs are, by the next run that writes to their folder."""
    stale = work / ".tpspred-abcd1234"
    stale.write_bytes(b"of a killed run")
    model = ["-m", bases.path("c.h5")]
    first = subprocess.Popen(
        [*PROGRAM, "predict", "-q", "-", *model, "-o", "first.tsv"],
        stdin=subprocess.PIPE,
        cwd=work,
        env=os.environ | ENVIRONMENT,
    )
    first.stdin.write(bases["p.faa"][:100])
    first.stdin.flush()
    deadline = time.monotonic() + 60
    while not [name for name in os.listdir(work) if name not in (stale.name, "log")]:
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.05)
    done = command("predict", bases.path("p.faa"), *model, "-o", "second.tsv")
    assert done.status == 0 and not stale.exists()
    first.stdin.write(bases["p.faa"][100:])
    first.stdin.close()
    assert first.wait(60) == 0
    assert contents(work) == {"first.tsv": bases["new.tsv"], "second.tsv": bases["new.tsv"]}


def test_moments_follow_from_the_seed():
    plan = campaign.schedule(3)
    again = campaign.schedule(3)
    trials = [next(plan) for _ in range(3000)]
    assert trials == [next(again) for _ in range(3000)]
    assert set(dict(trials)) == set(campaign.SHARES) and len(set(trials)) == len(trials)
    assert random.Random("3:kill -9:0").random() == random.Random("3:kill -9:0").random()
