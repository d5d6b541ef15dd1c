"""tpspred predict with annotations: where the genes of one or more genomes lie."""

import csv
import gzip
import io
import json
import pathlib
import shutil
import subprocess

import pytest
from support import DATA

from tpspred.io.fasta import read_fasta

PROTEINS = DATA / "proteins.faa"
EXPECTED = (DATA / "expected.tsv").read_text().splitlines()
GAP = 2000  # bases between two genes


def genome(sequence, between=0):
    """An annotation (GFF3) with a gene for each test protein, and others between them."""
    lines = ["##gff-version 3"]
    position = 1
    number = 0
    for record in read_fasta(PROTEINS):
        for name in (record.id, *(f"other{k}" for k in range(between))):
            last = position + 3 * record.length_aa + 2  # with the stop codon
            place = f"{sequence}\tx\t{{}}\t{position}\t{last}\t.\t+\t{{}}\t"
            lines += [
                place.format("gene", ".") + f"ID=gene{number}",
                place.format("mRNA", ".") + f"ID=rna{number};Parent=gene{number}",
                place.format("CDS", "0") + f"ID=cds{number};Parent=rna{number};protein_id={name}",
            ]
            position = last + GAP + 1
            number += 1
    return "\n".join(lines) + "\n"


def groups(data):
    """The locus_group of each terpene synthase, by its id."""
    rows = csv.DictReader(io.StringIO(data.decode()), delimiter="\t")
    return {row["id"]: row["locus_group"] for row in rows if row["status"] == "tps"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two genomes."""
    monkeypatch.chdir(tmp_path)
    for name, between in (("a", 0), ("b c", 11)):
        pathlib.Path(f"{name}.faa").write_bytes(PROTEINS.read_bytes())
        pathlib.Path(f"{name}.gff3").write_text(genome(f"chr|{name}", between))
    return tmp_path


BOTH = ("a.faa", "b c.faa", "--annotation", "a.gff3", "--annotation", "b c.gff3")


def test_the_column_follows_the_others_and_the_rows_keep_their_order(run, folder):
    done = run("predict", "a.faa", "--annotation", "a.gff3")
    assert done.code == 0
    cells = ["locus_group", *["chr|a:1"] * 3, *["NA"] * 4]
    wanted = [f"{row}\t{cell}" for row, cell in zip(EXPECTED, cells, strict=True)]
    assert done.out.decode().splitlines() == wanted


@pytest.mark.parametrize(
    "options, grouped",
    [
        ((), False),  # eleven genes lie between
        (("--locus-genes", 10), False),
        (("--locus-genes", 11), True),
        (("--locus-distance", 20_000), False),
        (("--locus-distance", 1_000_000), True),
        (("--locus-genes", 11, "--locus-distance", 1), True),
        (("--locus-genes", 0, "--locus-distance", 1_000_000), True),
    ],
)
def test_limits_decide_which_genes_are_neighbours(run, folder, options, grouped):
    done = run("predict", "b c.faa", "--annotation", "b c.gff3", *options)
    assert set(groups(done.out).values()) == {"chr|b c:1" if grouped else "NA"}


def test_the_default_of_the_genes_does_not_count_beside_a_distance(run, folder):
    done = run("predict", "a.faa", "--annotation", "a.gff3", "--locus-distance", GAP - 1)
    assert set(groups(done.out).values()) == {"NA"}
    done = run("predict", "a.faa", "--annotation", "a.gff3", "--locus-distance", GAP)
    assert set(groups(done.out).values()) == {"chr|a:1"}


def test_every_genome_has_its_annotation(run, folder):
    pathlib.Path("b c.gff3").write_bytes(gzip.compress(genome("chr|b c").encode()))
    done = run("predict", *BOTH, "--tsv", "t", "--jsonl", "j", "--gff3", "g")
    assert done.code == 0, done.err
    header, *rows = (line.split("\t") for line in pathlib.Path("t").read_text().splitlines())
    assert header[-3:] == ["model", "source", "locus_group"]
    assert [row[-2:] for row in rows] == [
        *[["a.faa", "chr|a:1"]] * 3,
        *[["a.faa", "NA"]] * 4,
        *[["b c.faa", "chr|b c:1"]] * 3,
        *[["b c.faa", "NA"]] * 4,
    ]
    objects = [json.loads(line) for line in pathlib.Path("j").read_text().splitlines()]
    assert [(one["source"], one["locus_group"] or "NA") for one in objects] == [
        tuple(row[-2:]) for row in rows
    ]
    features = [line.split("\t") for line in pathlib.Path("g").read_text().splitlines()[1:]]
    proteins = [columns for columns in features if columns[2] == "polypeptide"]
    assert [columns[0] for columns in proteins] == ["chr|a"] * 4 + ["chr|b%20c"] * 4
    assert proteins[4][8].endswith(";source=b c.faa;locus_group=chr|b c:1")
    assert len({columns[8].partition(";")[0] for columns in proteins}) == 8
    if shutil.which("gt"):
        command = ["gt", "gff3validator", "-xrfcheck", "-typecheck", "so", "g"]
        assert b"valid GFF3" in subprocess.run(command, capture_output=True).stdout


def test_of_hits_only_the_groups_are_the_same(run, folder):
    all_rows = run("predict", *BOTH, "--locus-genes", 11).out.decode().splitlines()
    hits = run("predict", *BOTH, "--locus-genes", 11, "--hits-only").out.decode().splitlines()
    assert hits == [row for row in all_rows if row.split("\t")[2] in ("status", "tps", "related")]


def test_genomes_with_sequences_of_one_name_have_no_common_gff3(run, folder):
    pathlib.Path("b c.gff3").write_text(genome("chr|a"))
    done = run("predict", *BOTH, "--gff3", "g", "--tsv", "t")
    assert done.code == 1 and not (set(map(str, pathlib.Path().iterdir())) & {"g", "t"})
    assert (
        "b c.faa: found the sequence chr|a, which the genome of a.faa has too; wanted names that "
        "differ, or a GFF3 output for each genome" in done.err
    )
    assert run("predict", *BOTH, "--tsv", "t").code == 0


def test_a_bad_annotation_is_named_and_nothing_is_written(run, folder):
    pathlib.Path("b c.gff3").write_text("chr\tCDS\n")
    before = sorted(pathlib.Path().iterdir())
    done = run("predict", *BOTH, "--tsv", "t", "--html", "h")
    assert done.code == 1 and "b c.gff3, line 1: found 2 columns; wanted 9 columns" in done.err
    done = run("predict", *BOTH[:-1], "none.gff3", "--tsv", "t")
    assert done.code == 1 and "none.gff3: No such file or directory" in done.err
    assert sorted(pathlib.Path().iterdir()) == before


@pytest.mark.slow
def test_shards_have_no_groups_but_places(run, folder):
    whole = run("predict", "a.faa", "--annotation", "a.gff3", "-f", "gff3").out.decode()
    lines = []
    for shard in ("1/2", "2/2"):
        outputs = ("--gff3", "g", "--tsv", f"{shard[0]}.tsv")
        done = run("predict", "a.faa", "--annotation", "a.gff3", "--shard", shard, *outputs)
        assert done.code == 0 and "no locus_group: genes that are neighbours are in" in done.err
        lines += pathlib.Path("g").read_text().splitlines()[1:]
    wanted = whole.replace(";locus_group=chr|a:1", "").splitlines()[1:]
    assert sorted(lines) == sorted(wanted)
    assert run("merge", "1.tsv", "2.tsv", "-o", "-").out.decode().splitlines() == EXPECTED


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("a.faa", "b c.faa", "--annotation", "a.gff3"), "found --annotation 1 times for 2 files"),
        (("a.faa", *BOTH[2:]), "found --annotation 2 times for 1 files"),
        (("a.faa", "--locus-genes", 3), "--locus-genes and --locus-distance need --annotation"),
        (("a.faa", "--annotation", "a.gff3", "--multiqc", "m"), "is for the table, the page, JSON"),
        (
            ("a.faa", "--annotation", "a.gff3", "--shard", "1/2"),
            "--annotation is for GFF3 if there is a --shard",
        ),
        (
            ("a.faa", *BOTH[2:4], "--gff3", "g", "--shard", "1/2", "--locus-genes", 2),
            "need --annotation, and all records in one run",
        ),
        (("a.faa", *BOTH[2:4], "--locus-genes", -1), "-1 is not in the range"),
        (("a.faa", *BOTH[2:4], "--locus-distance", 10**13), "is not in the range"),
    ],
)
def test_wrong_use_is_refused(run, folder, arguments, message):
    done = run("predict", *arguments)
    assert (done.code, done.out) == (2, b"") and message in done.err
    assert len(list(folder.iterdir())) == 4
