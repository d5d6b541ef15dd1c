"""From protein coordinates to those of genomes that the tests make."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.errors import InputError
from tpspred.writers.genome_lift import Annotation, CodingSequence
from tpspred.writers.loci import Gene

HEADER = "##gff-version 3\n"


def gff3_line(sequence, kind, start, end, strand, phase, attributes):
    return (
        "\t".join(map(str, (sequence, "test", kind, start, end, ".", strand, phase, attributes)))
        + "\n"
    )


def genome(tmp_path, *lines):
    path = tmp_path / "genome.gff3"
    path.write_text(HEADER + "".join(lines))
    return Annotation(path)


def test_residues_are_lifted_through_exons_of_both_strands(tmp_path):
    """Ten residues and a stop in exons of 11, 7 and 15 bases."""
    plus = [
        gff3_line("chr1", "CDS", 101, 111, "+", 0, "ID=c1;Parent=t1;protein_id=p1"),
        gff3_line("chr1", "CDS", 201, 207, "+", 1, "ID=c1;Parent=t1;protein_id=p1"),
        gff3_line("chr1", "CDS", 301, 315, "+", 0, "ID=c1;Parent=t1;protein_id=p1"),
    ]
    minus = [
        gff3_line("chr2", "CDS", 101, 115, "-", 0, "Parent=t2"),
        gff3_line("chr2", "CDS", 201, 207, "-", 1, "Parent=t2"),
        gff3_line("chr2", "CDS", 301, 311, "-", 0, "Parent=t2"),
        gff3_line("chr2", "mRNA", 101, 311, "-", ".", "ID=t2;Name=p2"),
    ]
    annotation = genome(tmp_path, *plus, *minus)
    place = annotation.place("p1", 10)
    assert place(1, 10) == ("chr1", "+", [(101, 111), (201, 207), (301, 312)])
    assert place(4, 4) == ("chr1", "+", [(110, 111), (201, 201)])  # a codon that an intron cuts
    assert place(7, 8) == ("chr1", "+", [(301, 306)])
    place = annotation.place("p2", 10)
    assert place(1, 10) == ("chr2", "-", [(104, 115), (201, 207), (301, 311)])
    assert place(4, 4) == ("chr2", "-", [(207, 207), (301, 302)])
    assert place(1, 1) == ("chr2", "-", [(309, 311)])
    assert annotation.place("t2", 10)(1, 1) == place(1, 1)


def test_a_partial_gene_begins_within_a_codon(tmp_path):
    annotation = genome(
        tmp_path,
        gff3_line("c", "CDS", 11, 21, "+", 2, "ID=a"),
        gff3_line("c", "CDS", 31, 40, "-", 1, "ID=b"),
    )
    assert annotation.place("a", 3)(1, 1) == ("c", "+", [(13, 15)])
    assert annotation.place("b", 3)(1, 1) == ("c", "-", [(37, 39)])


@given(st.randoms(use_true_random=False), st.sampled_from("+-"), st.integers(1, 40))
def test_every_codon_is_where_the_sequence_says(rng, strand, length):
    """Cut a coding sequence into exons on a random genome and read the lifted bases back."""
    coding = "".join(rng.choice("ACGT") for _ in range(3 * length))
    cuts = sorted(rng.sample(range(1, 3 * length), rng.randint(0, min(5, 3 * length - 1))))
    exons = [coding[a:b] for a, b in zip([0, *cuts], [*cuts, 3 * length])]
    text, parts = "", []
    for exon in exons:
        text += "N" * rng.randint(1, 9)
        parts.append((len(text) + 1, len(text) + len(exon)))
        text += exon
    text += "N"
    if strand == "-":
        text = complement(text)
        parts = [(len(text) + 1 - end, len(text) + 1 - start) for start, end in parts]
    lifted = CodingSequence("g", strand, tuple(parts))
    first = rng.randint(1, length)
    last = rng.randint(first, length)
    bases = "".join(text[start - 1 : end] for start, end in lifted.lift(first, last))
    assert (bases if strand == "+" else complement(bases)) == coding[3 * first - 3 : 3 * last]


def complement(text):
    return text.translate(str.maketrans("ACGT", "TGCA"))[::-1]


def test_names_are_unescaped_and_fasta_is_left_alone(tmp_path):
    annotation = genome(
        tmp_path,
        gff3_line("chr%201", "CDS", 1, 9, "+", 0, "Name=a%3Bb"),
        "##FASTA\n",
        ">x\n",
        "ACGT\n",
    )
    assert annotation.place("a;b", 3)(1, 1) == ("chr 1", "+", [(1, 3)])


def test_proteins_that_cannot_be_lifted_are_named(tmp_path, capsys):
    trans = [
        gff3_line("c", "CDS", 1, 9, "+", 0, "ID=t"),
        gff3_line("c", "CDS", 21, 29, "-", 0, "ID=t"),
    ]
    fitting = genome(tmp_path, gff3_line("c", "CDS", 1, 9, "+", 0, "ID=a"), *trans)
    assert fitting.place("a", 3) and fitting.place("a", 2)  # with the stop codon
    fitting.place("t", 6)
    fitting.check()
    annotation = genome(tmp_path, gff3_line("c", "CDS", 1, 9, "+", 0, "ID=a"), *trans)
    for name, length in (("a", 5), ("nobody", 3), ("t", 6), ("nobody", 3)):
        assert annotation.place(name, length) is None
    with pytest.raises(
        InputError,
        match=re.escape(
            "found none of the 3 called proteins: a (5 residues, but 9 coding bases); nobody (no "
            "CDS of that name); t (a CDS on several strands); wanted an annotation of the same"
        ),
    ):
        annotation.check()


@pytest.mark.parametrize(
    "text, message",
    [
        ("chr1\tCDS\n", "line 2: found 2 columns; wanted 9 columns of GFF3"),
        (gff3_line("c", "CDS", 9, 1, "+", 0, "ID=a"), "line 2: found start 9 and end 1"),
        (gff3_line("c", "CDS", "²", 9, "+", 0, "ID=a"), "line 2: found start ² and end 9"),
        (gff3_line("c", "CDS", 1, "٣", "+", 0, "ID=a"), "line 2: found start 1 and end ٣"),
        (gff3_line("c", "CDS", 1, "9" * 5000, "+", 0, "ID=a"), "line 2: found start 1 and end 999"),
        (
            gff3_line("c", "CDS", 1, 9, ".", 0, "ID=a"),
            "line 2: found strand . and phase 0 of a CDS; wanted + or - and 0, 1 or 2",
        ),
        (
            gff3_line("c", "CDS", 1, 9, "+", "12", "ID=a"),
            "line 2: found strand + and phase 12 of a CDS; wanted + or - and 0, 1 or 2",
        ),
        (
            gff3_line("c", "CDS", 1, 9, "+", 0, "note=x"),
            "line 2: found a CDS without Parent, protein_id, ID, Name; wanted one of them",
        ),
        (
            gff3_line("c", "gene", 1, 9, "+", ".", "ID=a"),
            "genome.gff3: found no CDS; wanted an annotation in GFF3",
        ),
    ],
)
def test_a_bad_annotation_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        genome(tmp_path, text)


def test_order_of_segments_does_not_matter(tmp_path):
    lines = [gff3_line("c", "CDS", start, start + 5, "-", 0, "ID=a") for start in (1, 11, 21)]
    random.Random(1).shuffle(lines)
    assert genome(tmp_path, *lines).place("a", 6)(1, 2) == ("c", "-", [(21, 26)])


def test_of_two_coding_sequences_with_one_name_the_first_counts(tmp_path):
    annotation = genome(
        tmp_path,
        gff3_line("c", "CDS", 1, 9, "+", 0, "Parent=t1;protein_id=p"),
        gff3_line("c", "CDS", 21, 29, "+", 0, "Parent=t2;protein_id=p"),
    )
    assert annotation.place("p", 3)(1, 1).intervals == [(1, 3)]
    assert annotation.place("t2", 3)(1, 1).intervals == [(21, 23)]


def test_an_exon_of_several_transcripts_belongs_to_each(tmp_path):
    annotation = genome(
        tmp_path,
        gff3_line("c", "CDS", 1, 6, "+", 0, "Parent=t1,t2"),
        gff3_line("c", "CDS", 11, 13, "+", 0, "Parent=t1"),
        gff3_line("c", "CDS", 21, 26, "+", 0, "Parent=t2"),
    )
    assert annotation.place("t1", 3)(1, 3).intervals == [(1, 6), (11, 13)]
    assert annotation.place("t2", 4)(1, 4).intervals == [(1, 6), (21, 26)]


def test_a_comma_in_escapes_is_a_part_of_a_name(tmp_path):
    annotation = genome(
        tmp_path,
        gff3_line("c", "mRNA", 1, 9, "+", ".", "ID=t%2C1;Parent=g%2C1;Name=p"),
        gff3_line("c", "CDS", 1, 9, "+", 0, "ID=c;Parent=t%2C1"),
    )
    assert annotation.place("p", 3)(1, 1).intervals == [(1, 3)]
    assert annotation.gene_of["p"] == "g,1"


def test_proteins_of_a_gene_without_transcripts_are_told_apart(tmp_path):
    annotation = genome(
        tmp_path,
        gff3_line("c", "gene", 1, 29, "+", ".", "ID=g"),
        gff3_line("c", "CDS", 1, 9, "+", 0, "ID=c1;Parent=g;protein_id=p1"),
        gff3_line("c", "CDS", 1, 6, "+", 0, "ID=c2;Parent=g;protein_id=p2"),
        gff3_line("c", "CDS", 21, 29, "+", 0, "ID=c2;Parent=g;protein_id=p2"),
    )
    assert annotation.place("p1", 3)(1, 3).intervals == [(1, 9)]
    assert annotation.place("p2", 5)(1, 5).intervals == [(1, 6), (21, 29)]
    assert annotation.genes == [Gene("g", "c", 1, 29)]


def test_genes_span_the_coding_exons_of_their_isoforms(tmp_path):
    mrna = ("mRNA", 1, 99, "+", ".")
    annotation = genome(
        tmp_path,
        gff3_line("chr%201", "gene", 1, 99, "+", ".", "ID=g1"),
        gff3_line("chr%201", *mrna, "ID=t1;Parent=g1"),
        gff3_line("chr%201", *mrna, "ID=t2;Parent=g1"),
        gff3_line("chr%201", "CDS", 21, 29, "+", 0, "Parent=t1;protein_id=p1"),
        gff3_line("chr%201", "CDS", 41, 49, "+", 0, "Parent=t1;protein_id=p1"),
        gff3_line("chr%201", "CDS", 11, 16, "+", 0, "Parent=t2;protein_id=p2"),
        gff3_line("chr2", "CDS", 1, 9, "-", 0, "ID=p3"),
        gff3_line("chr2", "CDS", 11, 19, "-", 0, "ID=p4"),
        gff3_line("chr3", "CDS", 11, 19, "-", 0, "ID=p4"),
    )
    assert annotation.genes == [Gene("g1", "chr 1", 11, 49), Gene("p3", "chr2", 1, 9)]
    named = {name: annotation.gene_of[name] for name in ("p1", "t1", "p2", "t2", "p3", "p4")}
    assert named == {"p1": "g1", "t1": "g1", "p2": "g1", "t2": "g1", "p3": "p3", "p4": "p4"}


def test_only_the_first_proteins_of_many_are_named(tmp_path):
    annotation = genome(tmp_path, gff3_line("c", "CDS", 1, 9, "+", 0, "ID=a"))
    for k in range(7):
        annotation.place(f"p{k}", 3)
    with pytest.raises(InputError, match=r"p4 \(no CDS of that name\) and 2 others; wanted"):
        annotation.check()


def test_a_warning_names_the_proteins_that_are_missing(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("tpspred.console.log.propagate", True)
    annotation = genome(tmp_path, gff3_line("c", "CDS", 1, 9, "+", 0, "ID=a"))
    annotation.place("a", 3)
    annotation.place("nobody", 3)
    annotation.check()
    message = "1 of 2 called proteins are not in the GFF3: nobody (no CDS of that name)"
    assert message in caplog.text
