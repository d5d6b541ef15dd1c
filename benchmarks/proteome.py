#!/usr/bin/env python3
"""Time tpspred predict beside hmmsearch with the model's own profiles on the same proteomes.

    proteome.py PROTEOME.faa[.gz] [...] [--runs 3] [--threads 2]

Prints a Markdown table: median wall seconds of both programs, which take turns, their ratio, the
peak memory of predict (MiB) and the number of proteins with each status. hmmsearch is HMMER's own
program (Debian: hmmer). predict should take at most 1.5 times as long as hmmsearch, plus 3 s.
"""

import argparse
import collections
import gzip
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tpspred.family import profiles
from tpspred.model import checkpoint

COLUMNS = (
    "proteome",
    "proteins",
    "predict, s",
    "hmmsearch, s",
    "limit, s",
    "ratio",
    "memory, MiB",
    "tps",
    "related",
    "uncertain",
)


def main():
    parser = arguments(__doc__, runs=3)
    options = parser.parse_args()
    if not shutil.which("hmmsearch"):
        parser.exit(1, "proteome.py: hmmsearch is not on PATH (Debian: apt-get install hmmer)\n")
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        library = work / "profiles.hmm"
        library.write_bytes(
            b"".join(profiles.to_bytes(p.hmm) for p in checkpoint.load().encoder.profiles)
        )
        print(f"| {' | '.join(COLUMNS)} |")
        print("|---" * len(COLUMNS) + "|")
        for proteome in options.proteomes:
            print(compare(proteome, library, work, options), flush=True)


def arguments(text, runs):
    """Return a parser for proteomes, runs and threads."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("proteomes", nargs="+", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def compare(proteome, library, work, options):
    """Return one row of the table; the two programs run in turn."""
    plain, table = work / "proteome.faa", work / "hits.tsv"
    data = proteome.read_bytes()
    plain.write_bytes(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    ours = [sys.executable, str(ROOT / "bin/tpspred"), "predict", "-q", str(plain)]
    ours += ["-t", str(options.threads), "-o", str(table)]
    theirs = ["hmmsearch", "--cpu", str(options.threads), "--noali", "-o", os.devnull]
    theirs += ["--tblout", str(work / "hits.tbl"), "-E", str(profiles.E_VALUE)]
    theirs += [str(library), str(plain)]
    times = {"ours": [], "theirs": []}
    memory = 0
    for _ in range(options.runs):
        seconds, used = timed(ours)
        times["ours"].append(seconds)
        memory = max(memory, used)
        times["theirs"].append(timed(theirs)[0])
    mine, hmmer = (statistics.median(times[key]) for key in ("ours", "theirs"))
    statuses = collections.Counter(
        line.split("\t")[2] for line in table.read_text().splitlines()[1:]
    )
    cells = [proteome.name.split(".")[0], str(sum(statuses.values()))]
    cells += [f"{seconds:.2f}" for seconds in (mine, hmmer, 1.5 * hmmer + 3, mine / hmmer)]
    cells += [f"{memory:.0f}"]
    cells += [str(statuses[name]) for name in ("tps", "related", "uncertain")]
    return f"| {' | '.join(cells)} |"


def timed(command):
    """Run a command and return its wall seconds and its peak memory in MiB."""
    began = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.monotonic() - began, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
