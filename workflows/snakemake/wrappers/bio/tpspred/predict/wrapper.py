"""Snakemake wrapper of tpspred predict."""

__author__ = "The tpspred authors"
__copyright__ = "Copyright 2026, The tpspred authors"
__license__ = "MIT"

import shlex

from snakemake.shell import shell

FORMATS = ("tsv", "gff3", "jsonl", "html", "gaf", "summary", "multiqc")

log = snakemake.log_fmt_shell(stdout=True, stderr=True)
extra = snakemake.params.get("extra", "")

unknown = set(snakemake.output.keys()) - set(FORMATS)
if unknown or len(snakemake.output.keys()) < len(snakemake.output):
    raise ValueError(f"every output needs one of the names {', '.join(FORMATS)}")
outputs = shlex.join(f"--{name}={path}" for name in FORMATS if (path := snakemake.output.get(name)))

proteins = snakemake.input.get("proteins", [])
proteins = [proteins] if isinstance(proteins, str) else proteins
if not proteins:
    raise ValueError("found no input with the name proteins")
inputs = []
for name in ("model", "references"):
    if path := snakemake.input.get(name):
        inputs.append(f"--{name}={path}")
annotation = snakemake.input.get("annotation", [])
for path in [annotation] if isinstance(annotation, str) else annotation:
    inputs.append(f"--annotation={path}")

shell(
    "tpspred predict --threads {snakemake.threads} {outputs} {options} {extra} -- {files} {log}",
    options=shlex.join(inputs),
    files=shlex.join(proteins),
)
