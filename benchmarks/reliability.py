#!/usr/bin/env python3
"""Damage inputs, kill runs, fill disks, and count what tpspred does then.

    reliability.py [--minutes 60] [--seed 1] [--jobs 2] [-o table.tsv]
    reliability.py --only KIND:NUMBER [--seed 1]
    reliability.py --stream [--proteins 10000 100000 1000000]

The first form runs trials for some minutes and prints a Markdown table: one row for every kind of
input and of fault, and a column for every outcome and for everything that must not be. It exits
with 1 if there is anything of the latter. The seed and its number make a trial again; the folder of
a trial that found something is kept, and the second form runs such a trial once more. Only the
moment of a signal does not follow from the seed.

The third form pipes proteins of 12 residues through tpspred predict, and prints rows, memory and
proteins per second for every number of proteins.

The trials are in tests/reliability. Linux only; a small file system is mounted if the user is root.
"""

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from reliability import campaign
from reliability.bases import Bases
from reliability.runner import PROGRAM, Zygote

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
RESIDUES = 12
REPORT_SECONDS = 60


def main():
    options = arguments().parse_args()
    if options.stream:
        stream(options.proteins)
        return
    if os.geteuid():
        print("not root: in place of a small disk, the size of files is limited", file=sys.stderr)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"reliability-{options.seed}-"))
    folder.chmod(0o755)  # some commands run as another user
    with Zygote() as zygote:
        bases = Bases(folder, zygote)
        if options.only:
            kind, _, number = options.only.rpartition(":")
            trial = campaign.run(kind, int(number), options.seed, bases, zygote, folder)
            print(f"{trial.folder}\n{trial.report()}", end="")
            sys.exit(bool(trial.findings))
        table = run_campaign(options, bases, zygote, folder)
    for number, row in enumerate(table.rows()):
        print(f"| {' | '.join(row)} |")
        if not number:
            print("|---" * len(row) + "|")
    if options.output:
        text = "".join("\t".join(row) + "\n" for row in table.rows())
        options.output.write_text(text)
    if table.causes:
        report_causes(table, options.seed)
        sys.exit(1)
    shutil.rmtree(folder)


def arguments():
    """Return the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kinds", nargs="*", default=list(campaign.SHARES), metavar="KIND")
    parser.add_argument("-o", "--output", type=pathlib.Path)
    parser.add_argument("--only", metavar="KIND:NUMBER")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--proteins", type=int, nargs="+", default=[10**4, 10**5, 10**6])
    return parser


def run_campaign(options, bases, first, folder):
    """Run trials until the time is over and return their table."""
    table = campaign.Table()
    begin = time.monotonic()
    end = begin + 60 * options.minutes
    plan = (trial for trial in campaign.schedule(options.seed) if trial[0] in options.kinds)
    lock = threading.Lock()
    errors = []

    def work(zygote):
        while time.monotonic() < end and not errors:
            with lock:
                kind, number = next(plan)
            try:
                trial = campaign.run(kind, number, options.seed, bases, zygote, folder)
            except BaseException:
                print(f"{kind}:{number} could not be run", file=sys.stderr)
                raise
            with lock:
                table.add(trial)

    def work_alone(zygote=None):
        try:
            if zygote:
                work(zygote)
            else:
                with Zygote() as own:
                    work(own)
        except BaseException as error:
            errors.append(error)
            raise

    workers = [
        threading.Thread(target=work_alone, args=(zygote,))
        for zygote in (first, *[None] * (options.jobs - 1))
    ]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        for worker in workers:
            worker.join(REPORT_SECONDS / len(workers))
        with lock:
            minutes = (time.monotonic() - begin) / 60
            found = sum(map(len, table.causes.values()))
            print(f"{minutes:.1f} min: {table.trials} trials, {found} findings", file=sys.stderr)
    if errors:
        sys.exit("reliability.py: a trial could not be run")
    return table


def report_causes(table, seed):
    """Print what was found, the commonest first, each with a trial that shows it."""
    for (kind, column, text), trials in sorted(
        table.causes.items(), key=lambda item: -len(item[1])
    ):
        kept = [trial for trial in trials if trial.folder.exists()]
        example = min(kept, key=lambda trial: size(trial.folder), default=trials[0])
        print(
            f"{len(trials)} × {kind}, {column}: {text}\n"
            f"    --seed {seed} --only {kind!r}:{example.number}   {example.folder}",
            file=sys.stderr,
        )


def size(folder):
    """Return the bytes of all files of a trial."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def stream(numbers):
    """Print a Markdown table of runs on proteins from a pipe."""
    print("| proteins | rows | in order | seconds | proteins per second | peak memory, MiB |")
    print("|---|---|---|---|---|---|")
    for number in numbers:
        began = time.monotonic()
        rows, in_order, peak = stream_once(number)
        seconds = time.monotonic() - began
        cells = [number, rows, "yes" if in_order else "NO", f"{seconds:.1f}"]
        print(
            f"| {' | '.join(map(str, cells))} | {number / seconds:.0f} | {peak:.0f} |", flush=True
        )


# Runs a command and prints its peak memory in KiB. Linux counts the memory of the process that
# starts a command as the command's own, so a small one has to start it.
MEASURE = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


def stream_once(number):
    """Pipe proteins through tpspred predict.

    Returns:
        (rows; whether they are in the order of the proteins; peak memory in MiB).
    """
    command = [sys.executable, "-c", MEASURE, *PROGRAM, "predict", "-q", "-"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
    feeder = threading.Thread(target=write_proteins, args=(process.stdin, number))
    feeder.start()
    next(process.stdout)  # the header
    rows = 0
    in_order = True
    for rows, line in enumerate(process.stdout, 1):
        name, length, _ = line.split(b"\t", 2)
        in_order = in_order and (name, int(length)) == (b"p%d" % (rows - 1), RESIDUES)
    feeder.join()
    messages = process.stderr.read().decode()
    if process.wait():
        sys.exit(f"reliability.py: tpspred predict ended with {process.returncode}: {messages}")
    return rows, in_order, int(messages) / 1024


def write_proteins(target, number):
    """Write random proteins as FASTA and close the target."""
    rng = random.Random(number)
    with target:
        for first in range(0, number, 1000):
            residues = "".join(rng.choices(LETTERS, k=RESIDUES * 1000))
            for i in range(first, min(first + 1000, number)):
                begin = (i - first) * RESIDUES
                target.write(f">p{i}\n{residues[begin : begin + RESIDUES]}\n".encode())


if __name__ == "__main__":
    main()
