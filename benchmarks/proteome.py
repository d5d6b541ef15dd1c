#!/usr/bin/env python3
"""Time tpspred beside hmmsearch with the model's own profiles, and beside DIAMOND.

    proteome.py PROTEOME.faa[.gz] [...] [--runs 5] [--threads 2] [--copies N]
                [--enzymes marts_reactions.csv.gz]

Prints Markdown tables of medians; the programs that are compared take turns, and their start is
part of their time:

1. the start: tpspred --version, and predict on the test proteins;
2. every proteome, and with --copies the last one N times over (with other ids): predict, hmmsearch,
   DIAMOND --sensitive against the sequences of the enzymes, ratio to hmmsearch, memory, calls;
3. the first proteome in four shards that are merged, beside a single run: CPU seconds;
4. the last proteome with one thread and with all: wall seconds, and the share of the work that is
   done by one thread alone (Amdahl).

hmmsearch is HMMER's own program (Debian: hmmer); DIAMOND is left out if it is not on PATH (Debian:
diamond-aligner) or if no enzymes are given.
"""

import argparse
import collections
import concurrent.futures
import gzip
import multiprocessing
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

# Modules are compiled, as those of an installed program are.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
TPSPRED = [sys.executable, str(ROOT / "bin/tpspred")]
SHARDS = 4
E_VALUE = "1e-3"  # of the screen
STATUSES = ("tps", "related", "uncertain")


def main():
    parser = arguments(__doc__, runs=5)
    parser.add_argument("--copies", type=int, default=0, metavar="N")
    parser.add_argument("--enzymes", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    if not shutil.which("hmmsearch"):
        parser.exit(1, "proteome.py: hmmsearch is not on PATH (Debian: apt-get install hmmer)\n")
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        library, sequences = work / "profiles.hmm", work / "enzymes.faa"
        # In another process, because the memory of this one counts as that of what it starts.
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, context) as other:
            other.submit(write_references, library, options.enzymes, sequences).result()
        database = options.enzymes and diamond_database(sequences)
        inputs = [unpacked(path, work) for path in options.proteomes]
        if options.copies:
            inputs.append(copied(inputs[-1], options.copies))

        time_start(options.runs)
        print_header("proteome", "proteins", "predict, s", "hmmsearch, s", "ratio", "DIAMOND, s",
                     "memory, MB", *STATUSES)  # fmt: skip
        for path in inputs:
            compare(path, library, database, options)
        time_shards(inputs[0], options.runs)
        time_threads(inputs[len(options.proteomes) - 1], options)


def arguments(text, runs):
    """Return a parser for proteomes, runs and threads."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("proteomes", nargs="+", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def write_references(library, enzymes, sequences):
    """Write the profiles of the bundled model, and the sequences of enzymes if there are any."""
    from tpspred.dataset.enzymes import read_enzyme_sequences
    from tpspred.family import profiles
    from tpspred.model import checkpoint

    hmms = [profile.hmm for profile in checkpoint.load().encoder.profiles]
    library.write_bytes(b"".join(map(profiles.to_bytes, hmms)))
    if enzymes is not None:
        distinct = sorted(set(read_enzyme_sequences(str(enzymes)).values()))
        text = "".join(f">{i}\n{sequence}\n" for i, sequence in enumerate(distinct))
        sequences.write_text(text)


def diamond_database(sequences):
    """Make DIAMOND's database of the enzymes, and return its path, or None without DIAMOND."""
    if not shutil.which("diamond"):
        return None
    database = sequences.with_suffix("")
    make = ["diamond", "makedb", "--quiet", "--in", str(sequences), "-d", str(database)]
    subprocess.run(make, check=True)
    return database


def unpacked(proteome, work):
    """Return a plain copy of a proteome."""
    plain = work / f"{proteome.name.split('.')[0]}.faa"
    data = proteome.read_bytes()
    plain.write_bytes(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    return plain


def copied(proteome, copies):
    """Write a proteome many times over, each time with other ids, and return the file."""
    records = proteome.read_bytes()
    target = proteome.with_name(f"{copies} × {proteome.name}")
    with open(target, "wb") as handle:
        for copy in range(copies):
            handle.write(records.replace(b">", b">copy%d_" % copy))
    return target


def predict(path, threads, *more):
    """Return the command that predicts a file."""
    return [*TPSPRED, "predict", "-q", str(path), "-t", str(threads), *map(str, more)]


def time_start(runs):
    """Print how long the smallest runs take."""
    print_header("command", "wall, s", "CPU, s")
    proteins = str(ROOT / "test_data/proteins.faa")
    commands = {
        "tpspred --version": [*TPSPRED, "--version"],
        "tpspred predict test_data/proteins.faa": [*TPSPRED, "predict", "-q", proteins],
    }
    for name, used in in_turn(commands, runs).items():
        print_row(name, f"{used.wall:.2f}", f"{used.cpu:.2f}")


def compare(path, library, database, options):
    """Print one row of the table of proteomes."""
    threads = str(options.threads)
    table = path.with_suffix(".tsv")
    commands = {"predict": predict(path, threads, "-o", table)}
    commands["hmmsearch"] = ["hmmsearch", "--cpu", threads, "--noali", "-o", os.devnull]
    commands["hmmsearch"] += ["--tblout", os.devnull, "-E", E_VALUE]
    commands["hmmsearch"] += [str(library), str(path)]
    if database is not None:
        commands["DIAMOND"] = ["diamond", "blastp", "--quiet", "--sensitive", "--threads", threads]
        commands["DIAMOND"] += ["-d", str(database), "-q", str(path), "-o", os.devnull]
    used = in_turn(commands, options.runs)
    with open(table) as handle:
        statuses = collections.Counter(line.split("\t", 3)[2] for line in handle)
    ours, theirs = used["predict"], used["hmmsearch"]
    print_row(
        path.stem,
        str(statuses.total() - 1),
        f"{ours.wall:.2f}",
        f"{theirs.wall:.2f}",
        f"{ours.wall / theirs.wall:.2f}",
        f"{used['DIAMOND'].wall:.2f}" if "DIAMOND" in used else "",
        f"{ours.memory:.0f}",
        *(str(statuses[name]) for name in STATUSES),
    )


def time_shards(path, runs):
    """Print the CPU seconds of a single run, and of shards and their merge."""
    numbers = range(1, SHARDS + 1)
    parts = [path.with_suffix(f".{number}.tsv") for number in numbers]
    commands = {"single run": predict(path, 1, "-o", path.with_suffix(".tsv"))}
    for number, part in zip(numbers, parts):
        commands[f"shard {number}"] = predict(path, 1, "--shard", f"{number}/{SHARDS}", "-o", part)
    merged = path.with_suffix(".merged.tsv")
    commands["merge"] = [*TPSPRED, "merge", "-q", *map(str, parts), "-o", str(merged)]
    cpu = {name: used.cpu for name, used in in_turn(commands, runs).items()}
    assert merged.read_bytes() == path.with_suffix(".tsv").read_bytes()
    single = cpu.pop("single run")
    whole = sum(cpu.values())
    print_header("proteome", "single run, CPU s", f"{SHARDS} shards and merge, CPU s", "overhead")
    print_row(path.stem, f"{single:.2f}", f"{whole:.2f}", f"{whole / single - 1:.0%}")


def time_threads(path, options):
    """Print the wall seconds with one thread and with all."""
    count = options.threads
    commands = {n: predict(path, n, "-o", path.with_suffix(".tsv")) for n in (1, count)}
    used = in_turn(commands, options.runs)
    alone, together = used[1].wall, used[count].wall
    serial = (together / alone - 1 / count) / (1 - 1 / count) if count > 1 else 1
    print_header("proteome", "1 thread, s", f"{count} threads, s", "faster", "serial share")
    print_row(path.stem, f"{alone:.2f}", f"{together:.2f}", f"{alone / together:.2f}×",
              f"{serial:.0%}")  # fmt: skip


Used = collections.namedtuple("Used", "wall cpu memory")


def in_turn(commands, runs):
    """Run commands in turn, and return the medians of each: wall and CPU seconds, peak MB."""
    results = collections.defaultdict(list)
    for _ in range(runs):
        for name, command in commands.items():
            results[name].append(timed(command))
    return {name: Used(*map(statistics.median, zip(*rows))) for name, rows in results.items()}


def timed(command):
    """Run a command and return its wall and CPU seconds, and its peak memory in MB."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Used(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def print_header(*names):
    print_row(*names)
    print_row(*["---"] * len(names))


def print_row(*cells):
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
