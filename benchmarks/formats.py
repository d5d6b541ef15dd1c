#!/usr/bin/env python3
"""Time tpspred predict with all formats beside the table alone, on the same proteomes.

    formats.py PROTEOME.faa[.gz] [...] [--runs 5] [--threads 2]

Prints a Markdown table: median wall seconds of both, which take turns, and their ratio.
"""

import statistics
import sys
import tempfile

from proteome import ROOT, arguments, timed

from tpspred.writers import FORMATS


def main():
    options = arguments(__doc__, runs=5).parse_args()
    print("| proteome | TSV, s | all, s | ratio |\n|---|---|---|---|")
    for proteome in options.proteomes:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, str(ROOT / "bin/tpspred"), "predict", "-q", str(proteome)]
            command += ["-t", str(options.threads)]
            outputs = {kind: [f"--{kind}", f"{folder}/hits.{kind}"] for kind in FORMATS}
            pairs = []  # the two commands take turns
            for _ in range(options.runs):
                every = sum(outputs.values(), ["--taxon", "1"])  # which GAF needs
                pairs.append((timed(command + outputs["tsv"]).wall, timed(command + every).wall))
        table, every = map(statistics.median, zip(*pairs))
        print(
            f"| {proteome.name.split('.')[0]} | {table:.2f} | {every:.2f} | {every / table:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
