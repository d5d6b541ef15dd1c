"""Count the proteins of each table by status, and the terpene synthases by product type."""

import collections
import csv
import sys

sys.stderr = open(snakemake.log[0], "w")

STATUSES = ["tps", "uncertain", "related", "not_tps"]
TYPES = ["hemi", "mono", "sesq", "di", "sesquar", "sester", "tri", "tetra"]

with open(snakemake.output[0], "w", newline="") as target:
    summary = csv.writer(target, delimiter="\t", lineterminator="\n")
    summary.writerow(["genome", "proteins", *STATUSES, *TYPES])
    for genome, path in zip(snakemake.params.genomes, snakemake.input, strict=True):
        counts = collections.Counter()
        with open(path, newline="") as table:
            for row in csv.DictReader(table, delimiter="\t"):
                counts["proteins"] += 1
                counts[row["status"]] += 1
                if row["status"] == "tps":
                    counts[row["product_type"]] += 1
        summary.writerow([genome, *(counts[key] for key in ["proteins", *STATUSES, *TYPES])])
