#!/usr/bin/env python3
"""Time tpspred embed beside fair-esm's esm-extract on the same random weights and proteins.

    embed.py [--size 8M --size 35M] [--sequences 60] [--runs 3] [--threads 2]
    embed.py --passes --device cuda --precision bfloat16 --size 650M --sequences 2000

The lengths are drawn evenly from 100 to 1,500 residues. Whole commands are timed on the CPU, in
turn. esm-extract cuts proteins at 1,022 residues; it is also timed without cutting
(--truncation_seq_length 1500). tpspred computes whole proteins, longer ones in windows.

Two lowest cosines compare the vectors: one with esm-extract, over the proteins that both compute
whole; one with fair-esm's own forward pass on the same windows (tpspred embed --attention
original), over all proteins.

With --passes only the passes through the model are timed, after a first one, in tokens per second.
The limit beside them is the measured rate of a large matrix product divided by 2 × parameters, the
operations that a token needs at least.

esm-extract is taken from PATH. Where it is missing, esm_extract.py takes the same steps.
"""

import argparse
import collections
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import esm
import numpy as np
import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import esm_extract

from tpspred.device import matrix_rate, timed
from tpspred.encoders import esm2, esm2_forward, windows
from tpspred.encoders.runtime import Runtime
from tpspred.io import fasta, store
from tpspred.io.batching import batches as batches_of

SIZES = {
    "tiny": (2, 32, 4),
    "8M": (6, 320, 20),
    "35M": (12, 480, 20),
    "150M": (30, 640, 20),
    "650M": (33, 1280, 20),
}
SHORTEST, LONGEST = 100, 1500


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--size", action="append", choices=list(SIZES), help="once or several times [8M 35M]"
    )
    parser.add_argument("--sequences", type=int, default=60)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--passes", action="store_true", help="time the passes alone, in this process"
    )
    parser.add_argument("--device", default="cpu", help="for --passes")
    parser.add_argument("--precision", default="float32", choices=list(esm2_forward.PRECISIONS))
    options = parser.parse_args()
    compare = compare_passes if options.passes else compare_commands
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        write_proteins(work / "proteins.faa", options.sequences)
        for k, size in enumerate(options.size or ["8M", "35M"]):
            row = compare(size, write_weights(work, size), work, options)
            if not k:
                print("| " + " | ".join(row) + " |\n" + "|---" * len(row) + "|")
            print("| " + " | ".join(row.values()) + " |", flush=True)


def write_proteins(path, count):
    """Write random proteins, the same every time."""
    rng = random.Random(0)
    with open(path, "w") as handle:
        for i in range(count):
            residues = rng.choices(fasta.AMINO_ACIDS, k=rng.randint(SHORTEST, LONGEST))
            handle.write(f">p{i}\n{''.join(residues)}\n")


def write_weights(folder, size):
    """Write random weights in the official layout.

    The loader of esm-extract also wants a file with the contact head.
    """
    torch.manual_seed(0)
    model = esm.ESM2(*SIZES[size], alphabet="ESM-1b")
    path = folder / f"esm2_{size}.pt"
    esm2.save(model, path)
    torch.save(
        {"model": model.contact_head.state_dict(prefix="contact_head.")},
        folder / f"esm2_{size}-contact-regression.pt",
    )
    return path


def compare_commands(size, weights, work, options):
    """Return a row with the median seconds of whole commands, which take turns."""
    program = shutil.which("esm-extract")
    extract = [program] if program else [sys.executable, ROOT / "benchmarks/esm_extract.py"]
    extract += [weights, work / "proteins.faa"]
    ours = [sys.executable, ROOT / "bin/tpspred", "embed", "-q", work / "proteins.faa"]
    ours += ["-o", work / "ours", "--encoder", weights.stem, "--weights", weights]
    ours += ["--screen", "none", "--precision", options.precision, "-t", options.threads]
    mean = ["--include", "mean"]
    commands = {
        "cut": [*extract, work / "cut", *mean],
        "uncut": [*extract, work / "uncut", *mean, "--truncation_seq_length", LONGEST],
        "ours": ours,
    }
    environment = os.environ | {
        "OMP_NUM_THREADS": str(options.threads),
        "PYTHONWARNINGS": "ignore",
        # The loader of fair-esm needs this since torch 2.6.
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
    }
    seconds = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, command in commands.items():
            remove(work / name)
            began = time.monotonic()
            subprocess.run(
                list(map(str, command)), check=True, env=environment, stdout=subprocess.DEVNULL
            )
            seconds[name].append(time.monotonic() - began)
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    remove(work / "original")
    subprocess.run(
        list(map(str, [*commands["ours"], "--attention", "original", "-o", work / "original"])),
        check=True,
    )
    table, original = store.read(work / "ours"), store.read(work / "original")
    whole = np.flatnonzero(table.windows == 1)
    cut = np.stack([extracted(work / "cut" / f"{table.ids[i]}.pt") for i in whole])
    return {
        "size": size,
        "tpspred embed, s": f"{middle['ours']:.1f}",
        "esm-extract, s": f"{middle['cut']:.1f}",
        "ratio": f"{middle['cut'] / middle['ours']:.2f}",
        "uncut, s": f"{middle['uncut']:.1f}",
        "ratio ": f"{middle['uncut'] / middle['ours']:.2f}",
        "cosine": f"{cosine(table.embedding[whole], cut):.6f}",
        "cosine, same windows": f"{cosine(table.embedding, original.embedding):.6f}",
    }


def remove(path):
    """Remove a file or a folder, if it exists."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def extracted(path):
    """Return the (dimension,) vector in a file of esm-extract."""
    (vector,) = torch.load(path, weights_only=True)["mean_representations"].values()
    return vector.numpy()


def cosine(ours, theirs):
    """Return the lowest cosine between the same rows of two (proteins, dimension) arrays."""
    ours = ours.astype(np.float64)
    theirs = theirs.astype(np.float64)
    products = (ours * theirs).sum(1)
    cosines = products / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    return float(cosines.min())


def compare_passes(size, weights, work, options):
    """Return a row with the tokens per second of the passes alone, after a first one."""
    device = torch.device(options.device)
    runtime = Runtime(device=options.device, precision=options.precision)
    model = esm2_forward.LanguageModel(lambda: esm2.load(weights, weights.stem), runtime)
    sequences = [record.sequence for record in fasta.read_fasta(work / "proteins.faa")]
    planned = windows.longest_first(sequences)
    batches = list(batches_of(planned, windows.width, lambda: model.batch_residues))
    collections.deque(model.run(batches[:1], sequences, options.threads), 0)
    ours = timed(
        device, lambda: collections.deque(model.run(batches, sequences, options.threads), 0)
    )
    our_tokens = sum(window.stop - window.start + 2 for window in planned)

    original, alphabet = esm2.load(weights, weights.stem)
    parameters = sum(value.numel() for value in original.parameters())
    steps = esm_extract.means(
        original, alphabet, work / "proteins.faa", windows.LENGTH, 4096, device
    )
    next(steps)  # the first batch, whose time does not count
    theirs = timed(device, lambda: collections.deque(steps, 0))
    their_tokens = sum(min(len(sequence), windows.LENGTH) + 2 for sequence in sequences)
    limit = matrix_rate(device, model.dtype) / (2 * parameters)
    return {
        "size": size,
        "device": name_of(device),
        "precision": options.precision,
        "tpspred, tokens/s": f"{our_tokens / ours:,.0f}",
        "esm-extract, tokens/s": f"{their_tokens / theirs:,.0f}",
        "ratio": f"{our_tokens / ours / (their_tokens / theirs):.2f}",
        "limit, tokens/s": f"{limit:,.0f}",
        "share of limit": f"{our_tokens / ours / limit:.0%}",
    }


def name_of(device):
    """Return the name of a device for a table."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


if __name__ == "__main__":
    main()
