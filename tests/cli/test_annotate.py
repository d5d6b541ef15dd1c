"""tpspred annotate, with the sampled proteins on a genome that the tests make."""

import csv
import io
import shutil
import subprocess

import pytest
from support import DATA

PROTEINS = DATA / "proteins.faa"


@pytest.fixture
def genome(tmp_path):
    """A genome on which each protein of the test data has an mRNA with one exon."""
    rows = csv.DictReader(io.StringIO((DATA / "expected.tsv").read_text()), delimiter="\t")
    lines = ["##gff-version 3", "# made by a test"]
    start = 1
    for k, row in enumerate(rows):
        end = start + 3 * int(row["length"]) + 2  # with the stop codon
        place = f"{start}\t{end}\t.\t{'+-'[k % 2]}"
        lines.append(f"chr1\tx\tgene\t{place}\t.\tID=gene{k};product=untouched")
        lines.append(f"chr1\tx\tmRNA\t{place}\t.\tID=t{k};Parent=gene{k}")
        lines.append(f"chr1\tx\tCDS\t{place}\t0\tID=cds{k};Parent=t{k};protein_id={row['id']}")
        start = end + 1000
    path = tmp_path / "genome.gff3"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_called_proteins_are_annotated(run, genome, tmp_path):
    done = run("annotate", genome, "-p", PROTEINS)
    assert done.code == 0, done.err
    old = genome.read_text().splitlines()
    new = done.out.decode().splitlines()
    changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
    assert {line.split("\t")[2] for line, _ in changed} == {"mRNA", "CDS"}
    assert all(after.startswith(f"{before};") for before, after in changed)
    assert any("product=putative sesquiterpene synthase" in after for _, after in changed)
    assert f"{len(changed)} lines of {genome} annotated with" in done.err
    written = tmp_path / "out.gff3"
    assert run("annotate", genome, "-p", PROTEINS, "-o", written).out == b""
    assert written.read_bytes() == done.out
    # Standard input for either file.
    piped = run("annotate", "-", "-p", PROTEINS, stdin=genome.read_bytes())
    assert piped.out == done.out
    piped = run("annotate", genome, "-p", "-", stdin=PROTEINS.read_bytes())
    assert piped.out == done.out


def test_what_cannot_be_annotated_is_an_error(run, genome, tmp_path):
    output = tmp_path / "out.gff3"
    assert run("annotate", genome).code == 2
    done = run("annotate", "-", "-p", "-")
    assert done.code == 2 and "two inputs from standard input" in done.err
    done = run("annotate", genome, "-p", PROTEINS, "-o", genome)
    assert done.code == 2
    bad = tmp_path / "bad.gff3"
    bad.write_text("##gff-version 3\nchr1\tx\tCDS\n")
    done = run("annotate", bad, "-p", PROTEINS, "-o", output)
    assert done.code == 1 and "bad.gff3, line 2: found 3 columns" in done.err
    bad.write_text("##gff-version 3\nc\tx\tCDS\t1\t30\t.\t+\t0\tID=other\n")
    done = run("annotate", bad, "-p", PROTEINS, "-o", output)
    assert done.code == 1 and "none of the" in done.err
    assert not output.exists()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("gt"), reason="genometools is not installed")
def test_genometools_accepts_the_annotation(run, genome, tmp_path):
    output = tmp_path / "out.gff3"
    assert run("annotate", genome, "-p", PROTEINS, "-o", output).code == 0
    done = subprocess.run(
        ["gt", "gff3validator", "-xrfcheck", "-typecheck", "so", output],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
