"""Workflow engines, the real ones, where they are on PATH (workflows/check installs them)."""

import csv
import shutil

import pytest
from conftest import DATA, ROOT

PROTEINS = DATA / "proteins.faa"
EXPECTED = (DATA / "expected.tsv").read_bytes()
ON_SLURM = ("--executor", "slurm", "--jobs", 4, "--default-resources", "slurm_partition=test", "--slurm-no-account",
            "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", 3, "--seconds-between-status-checks", 3,
            "--latency-wait", 5)


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


def flow(shell, tmp_path, *where):
    """Run the Snakemake workflow on two genomes in three shards and look at all that it makes."""
    (tmp_path / "c.yaml").write_text(f"genomes:\n  one: {PROTEINS}\n  other: {DATA}/negatives.faa\nshards: 3\nthreads: 1\n")
    done = shell("snakemake", "--snakefile", ROOT / "workflows/snakemake/Snakefile", "--configfile", "c.yaml", *where)
    assert done.returncode == 0, done.stderr[-3000:]
    results = tmp_path / "results"
    assert (results / "one.tsv").read_bytes() == EXPECTED
    kinds = [line.split("\t")[2] for line in (results / "one.gff3").read_text().splitlines() if not line.startswith("#")]
    assert kinds.count("polypeptide") == 4 and (results / "one.gff3").read_text().count("##gff-version") == 1
    with open(results / "summary.tsv", newline="") as handle:
        rows = {row["genome"]: row for row in csv.DictReader(handle, delimiter="\t")}
    assert (rows["one"]["proteins"], rows["one"]["tps"], rows["one"]["sesq"]) == ("7", "4", "1")
    assert rows["other"]["tps"] == "0" and not list(results.glob("shards/*"))


@needs("snakemake")
def test_snakemake(shell, tmp_path):
    flow(shell, tmp_path, "--cores", 2)


@needs("snakemake")
def test_snakemake_on_slurm(slurm, shell, tmp_path):
    flow(shell, tmp_path, *ON_SLURM)


@needs("multiqc")
def test_multiqc(shell, tmp_path):
    shell("tpspred", "predict", PROTEINS, "--multiqc", "counts")
    shell("tpspred", "predict", DATA / "negatives.faa", "--multiqc", "counts")
    done = shell("multiqc", "counts", "-o", "report")
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "report/multiqc_data/multiqc_general_stats.txt").read_text().splitlines()
    rows = {row["Sample"]: row for row in csv.DictReader(table, delimiter="\t")}
    assert rows["proteins"]["custom_content-tps"] == "4" and rows["negatives"]["custom_content-tps"] == "0"
    types = (tmp_path / "report/multiqc_data/multiqc_tpspred_type.txt").read_text().splitlines()
    assert {row["Sample"]: row["sesq"] for row in csv.DictReader(types, delimiter="\t")} == {"proteins": "1", "negatives": "0"}
