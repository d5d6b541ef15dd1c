"""Called proteins as GFF3, on the protein and on a genome."""

import csv
import io
import re
import shutil
import subprocess

import pytest
from support import DATA

from tpspred.io.fasta import read_fasta
from tpspred.writers import Place, gff3
from tpspred.writers.genome_lift import Annotation

PROTEINS = DATA / "proteins.faa"


def parse(text):
    """Return (first eight columns, attributes by name) of every feature."""
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return [(line[:8], dict(pair.split("=") for pair in line[8].split(";"))) for line in lines]


def called_proteins():
    """Return the rows of the called proteins of the test data."""
    rows = csv.DictReader(io.StringIO((DATA / "expected.tsv").read_text()), delimiter="\t")
    return [row for row in rows if row["product_type"] != "NA"]


def test_features_are_escaped_and_placed(model, awkward_call, written):
    uncalled = awkward_call._replace(id="n", product_type=None)
    text = written(gff3.Writer, model, awkward_call, uncalled)
    features = parse(text)
    assert [columns[2] for columns, _ in features] == [
        "polypeptide",
        "polypeptide_domain",
        "polypeptide_motif",
        "polypeptide_magnesium_ion_contact_site",
        "polypeptide_magnesium_ion_contact_site",
        "polypeptide_motif",
    ]
    (columns, attributes), domain, motif, first, last, altered = features
    assert columns == [
        "a|b%3Bc%3Dd%25%2C%C3%A9%20%22%3Cx%3E%22",
        "tpspred",
        "polypeptide",
        "1",
        "600",
        "0.9900",
        ".",
        ".",
    ]
    assert attributes["ID"] == 'a|b%3Bc%3Dd%25%2Cé "<x>"'
    assert attributes["nearest_products"] == "1%2C8-cineole,α%3Bβ"
    assert attributes["ensembles"] == "mono_pinene:0.8000,mono_thujene:0.7000,mono_sabinene:0.3000"
    assert attributes["status"] == "tps"
    assert attributes["Dbxref"].split(",") == [
        "EC:4.2.3.108",
        "EC:4.2.3.119",
        "EC:4.2.3.121",
        "RHEA:32543",
        "RHEA:25488",
        "RHEA:32575",
        "CHEBI:27961",
        "CHEBI:36740",
    ]
    assert attributes["Ontology_term"] == "GO:0010333"
    assert attributes["product"] == "putative 1%2C8-cineole/α-pinene synthase"
    assert attributes["tps_class"] == "I"
    assert domain[0][3:6] == ["20", "590", "512.2"]
    assert motif[0][3:5] == ["300", "304"]
    assert first[0][3:5] == ["300", "300"]
    assert last[0][3:5] == ["304", "304"]
    assert altered[1]["state"] == "altered"
    assert altered[1]["residues"] == "NDLGTAKGE"
    assert len({attributes["ID"] for _, attributes in features}) == 6
    assert "##sequence-region a|b%3Bc%3Dd%25%2C%C3%A9%20%22%3Cx%3E%22 1 600" in text


def test_attributes_without_a_value_are_left_out(model, awkward_call, written):
    bare = awkward_call._replace(
        status="uncertain", ensembles=(), ensemble_set=None, flags=(), neighbours=()
    )
    (_, attributes), *_ = parse(written(gff3.Writer, model, bare))
    assert list(attributes) == [
        "ID",
        "Name",
        "product",
        "status",
        "tps_probability",
        "product_type",
        "product_type_probability",
        "model",
    ]


def test_every_feature_has_an_id_of_its_own(model, awkward_call, written):
    """Also if an id comes twice, or is that of a feature of another protein."""
    calls = [awkward_call._replace(id=name) for name in ("p", "p", "p.motif1", "p_2")]
    text = written(gff3.Writer, model, *calls)
    features = parse(text)
    ids = [attributes["ID"] for _, attributes in features]
    assert len(set(ids)) == len(ids) == 4 * 6
    proteins = [
        (columns[0], attributes["ID"], attributes["Name"])
        for columns, attributes in features
        if columns[2] == "polypeptide"
    ]
    assert proteins == [
        ("p", "p", "p"),
        ("p_2", "p_2", "p"),
        ("p.motif1_2", "p.motif1_2", "p.motif1"),
        ("p_2_2", "p_2_2", "p_2"),
    ]
    regions = re.findall(r"##sequence-region (\S+) 1 600", text)
    assert regions == [name for name, _, _ in proteins]


def test_a_feature_in_two_exons_has_two_lines(model, awkward_call, written, tmp_path):
    path = tmp_path / "genome.gff3"
    path.write_text(
        "chr%201\tx\tCDS\t1\t901\t.\t+\t0\tID=p\nchr%201\tx\tCDS\t1001\t1899\t.\t+\t2\tID=p\n"
    )
    call = awkward_call._replace(id="p")
    place = Place(lift=Annotation(path).place("p", 600))
    text = written(gff3.Writer, model, call, place=place, on_genome=True)
    intervals = {}
    for columns, attributes in parse(text):
        assert columns[0] == "chr%201"
        assert columns[6] == "+"
        interval = (int(columns[3]), int(columns[4]))
        intervals.setdefault(attributes["ID"], []).append(interval)
    assert intervals["p"] == [(1, 901), (1001, 1899)]
    assert intervals["p.motif1"] == [(898, 901), (1001, 1011)]
    assert intervals["p.motif1.metal1"] == [(898, 900)]
    assert "##sequence-region" not in text


def test_the_place_of_a_protein_is_among_its_attributes(model, awkward_call, written):
    place = Place("a;b=c.faa", "chr1:2")
    columns = ["source", "locus_group"]
    protein, *parts = parse(
        written(gff3.Writer, model, awkward_call, place=place, place_columns=columns)
    )
    assert protein[1]["source"] == "a%3Bb%3Dc.faa" and protein[1]["locus_group"] == "chr1:2"
    assert not any("source" in attributes for _, attributes in parts)
    (single, *_) = parse(
        written(gff3.Writer, model, awkward_call, place=Place("a"), place_columns=columns[1:])
    )
    assert not {"source", "locus_group"} & set(single[1])


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("gt"), reason="genometools is not installed")
def test_genometools_accepts_the_files(run, model, awkward_call, written, tmp_path):
    """In protein coordinates, and lifted to a genome on both strands."""
    (tmp_path / "awkward.gff3").write_text(written(gff3.Writer, model, awkward_call))
    assert run("predict", PROTEINS, "--gff3", tmp_path / "protein.gff3").code == 0
    twice = run("predict", "-", "--format", "gff3", stdin=PROTEINS.read_bytes() * 2)
    (tmp_path / "twice.gff3").write_bytes(twice.out)

    # A genome on which each called protein has two exons.
    called = called_proteins()
    genome = "##gff-version 3\n"
    start = 101
    for k, row in enumerate(called):
        length = 3 * int(row["length"])
        strand = "+-"[k % 2]
        middle = start + 400  # the first exon, 401 bases long, ends within a codon
        end = start + length + 998
        exons = [(start, middle), (middle + 1000, end)]
        phases = [0, 1] if strand == "+" else [-(end - middle - 999) % 3, 0]
        for (low, high), phase in zip(exons, phases):
            attributes = f"ID=cds{k};protein_id={row['id']}"
            genome += f"chr1\tx\tCDS\t{low}\t{high}\t.\t{strand}\t{phase}\t{attributes}\n"
        start = end + 1000
    (tmp_path / "annotation.gff3").write_text(genome)
    lifted = run(
        "predict", PROTEINS, "--format", "gff3", "--annotation", tmp_path / "annotation.gff3"
    )
    assert lifted.code == 0, lifted.err
    (tmp_path / "genome.gff3").write_bytes(lifted.out)

    for name in ("awkward", "protein", "twice", "genome"):
        done = subprocess.run(
            ["gt", "gff3validator", "-xrfcheck", "-typecheck", "so", tmp_path / f"{name}.gff3"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert "valid GFF3" in done.stdout

    # Every feature has as many bases as its residues need, on the strand of its protein.
    on_genome = parse(lifted.out.decode())
    names = [row["id"] for row in called]
    assert {columns[0] for columns, _ in on_genome} == {"chr1"}
    for columns, attributes in parse((tmp_path / "protein.gff3").read_text()):
        parts = [other for other, values in on_genome if values["ID"] == attributes["ID"]]
        bases = sum(int(part[4]) - int(part[3]) + 1 for part in parts)
        assert bases == 3 * (int(columns[4]) - int(columns[3]) + 1)
        assert {part[6] for part in parts} == {"+-"[names.index(columns[0]) % 2]}
    whole = [columns for columns, values in on_genome if values["ID"] == names[0]]
    assert [part[3:5] for part in whole] == [
        ["101", "501"],
        ["1501", str(1501 + 3 * int(called[0]["length"]) - 402)],
    ]


def test_proteins_that_are_not_lifted_are_named(run, tmp_path):
    bacterial = next(record for record in read_fasta(PROTEINS) if record.id == "bacteria_sesq_di_1")
    end = 3 * (len(bacterial.sequence) + 1)  # with the stop codon
    (tmp_path / "g.gff3").write_text(f"c\tx\tCDS\t1\t{end}\t.\t-\t0\tID={bacterial.id}\n")
    done = run("predict", PROTEINS, "--format", "gff3", "--annotation", tmp_path / "g.gff3")
    assert done.code == 0
    assert {columns[0] for columns, _ in parse(done.out.decode())} == {"c"}
    assert (
        "3 of 4 called proteins are not in the GFF3: plantae_sesq_mono_1 (no CDS of that name); "
        "plantae_tri_1" in done.err
    )
