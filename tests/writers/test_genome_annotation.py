"""Calls in the annotation of a genome."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.errors import InputError
from tpspred.model.calls import Call
from tpspred.writers.genome_annotation import annotate

# Nine residues and a stop in two exons, and a gene that is no synthase. The file has a comment, two
# kinds of line ends, a directive, an empty line and a sequence whose letters are in no encoding.
ROWS = [
    b"##gff-version 3",
    b"#!genome-build x",
    b"c\tx\tgene\t1\t200\t.\t+\t.\tID=g1",
    b"c\tx\tmRNA\t1\t200\t.\t+\t.\tID=t1;Parent=g1;product=hypothetical protein",
    b"c\tx\texon\t1\t10\t.\t+\t.\tParent=t1",
    b"c\tx\tCDS\t1\t10\t.\t+\t0\tID=c1;Parent=t1;protein_id=p1;Dbxref=Pfam:PF01397",
    b"c\tx\tCDS\t101\t120\t.\t+\t2\tID=c1;Parent=t1;protein_id=p1;",
    b"###",
    b"",
    b"c\tx\tmRNA\t301\t330\t.\t-\t.\tID=t2;note=\xce\xb2",
    b"c\tx\tCDS\t301\t330\t.\t-\t0\tParent=t2",
    b"##FASTA",
    b">c\xff",
    b"ACGT",
]
CONTENT = b"\n".join(ROWS[:6]) + b"\n" + b"\r\n".join(ROWS[6:])


def call(name, **fields):
    return Call(name, 9, "not_tps", "m")._replace(**fields)


SYNTHASE = call("p1", status="tps", product_type="sesq", product_type_probability=0.9)


def changes(calls, content=CONTENT, **options):
    """Return {line number: new text} of the lines that are changed."""
    lines = list(annotate(content, "g.gff3", calls, **options))
    pairs = itertools.zip_longest(content.splitlines(keepends=True), lines)
    return {k: new for k, (old, new) in enumerate(pairs, 1) if old != new}


def test_transcript_and_cds_get_the_attributes_and_nothing_else_changes():
    assert changes([SYNTHASE]) == {
        4: ROWS[3] + b";Dbxref=EC:4.2.3.-;Ontology_term=GO:0010333\n",
        6: ROWS[5] + b",EC:4.2.3.-;Ontology_term=GO:0010333;"
        b"product=putative sesquiterpene synthase\n",
        7: ROWS[6] + b"Dbxref=EC:4.2.3.-;Ontology_term=GO:0010333;"
        b"product=putative sesquiterpene synthase;\r\n",
    }


def test_a_product_can_be_replaced():
    changed = changes([SYNTHASE], replace_product=True)
    assert b";product=putative sesquiterpene synthase;Dbxref=" in changed[4]
    assert b"hypothetical" not in changed[4]


def test_a_second_run_changes_nothing():
    once = b"".join(annotate(CONTENT, "g.gff3", [SYNTHASE]))
    assert changes([SYNTHASE], once) == {}


def test_a_value_that_is_there_in_escapes_is_not_repeated():
    content = CONTENT.replace(b"Dbxref=Pfam:PF01397", b"Dbxref=EC%3A4.2.3.-")
    assert changes([SYNTHASE], content)[6].count(b"4.2.3.-") == 1


def test_an_attribute_that_is_there_twice_is_extended_once():
    content = CONTENT.replace(b"Dbxref=Pfam:PF01397", b"Dbxref=Pfam:PF01397;Dbxref=A:1")
    assert b";Dbxref=Pfam:PF01397;Dbxref=A:1,EC:4.2.3.-;" in changes([SYNTHASE], content)[6]


def test_a_protein_is_found_by_its_transcript():
    assert list(changes([SYNTHASE._replace(id="t2")])) == [10, 11]


def test_each_transcript_of_a_protein_is_annotated():
    rows = [b"c\tx\tmRNA\t1\t30\t.\t+\t.\tID=%s" % name for name in (b"t1", b"t2", b"t3")]
    rows += [
        b"c\tx\tCDS\t1\t30\t.\t+\t0\tID=c1;Parent=t1,t2;protein_id=p1",
        b"c\tx\tCDS\t1\t27\t.\t+\t0\tID=c2;Parent=t3;protein_id=p3",
    ]
    changed = changes([SYNTHASE], b"\n".join(rows))
    assert list(changed) == [1, 2, 4]
    assert changed[4].count(b"EC:4.2.3.-") == 1


def test_only_the_called_protein_of_a_gene_without_transcripts_is_annotated():
    rows = [
        b"c\tx\tgene\t1\t30\t.\t+\t.\tID=g",
        b"c\tx\tCDS\t1\t30\t.\t+\t0\tID=c1;Parent=g;protein_id=p1",
        b"c\tx\tCDS\t1\t24\t.\t+\t0\tID=c2;Parent=g;protein_id=p2",
    ]
    assert list(changes([SYNTHASE], b"\n".join(rows))) == [2]


def test_without_a_called_protein_the_file_is_as_it_was():
    assert changes([call("p1"), call("other")]) == {}


def test_proteins_that_are_not_in_the_annotation_are_an_error():
    with pytest.raises(InputError, match="none of the 1 called proteins: x"):
        list(annotate(CONTENT, "g.gff3", [SYNTHASE._replace(id="x")] * 2))
    with pytest.raises(InputError, match="8 residues, but 30 coding bases"):
        list(annotate(CONTENT, "g.gff3", [SYNTHASE._replace(length_aa=8)]))


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\t\r\n\0"), max_size=20).map(
            lambda text: f"# {text}"
        )
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_other_lines_stay_as_they_are(comments, end):
    rows = [*comments, "c\tx\tCDS\t1\t30\t.\t+\t0\tID=p1", *comments]
    content = end.join(rows).encode()
    assert list(changes([SYNTHASE], content)) == [len(comments) + 1]
