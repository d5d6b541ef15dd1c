"""Calls with the places of their proteins."""

import pytest

from tpspred.errors import InputError
from tpspred.writers import Place
from tpspred.writers.loci import Nearness
from tpspred.writers.places import placed


def cds(start, attributes, sequence="c", length=1800):
    return f"{sequence}\tx\tCDS\t{start}\t{start + length - 1}\t.\t+\t0\t{attributes}\n"


def feature(kind, attributes):
    return f"c\tx\t{kind}\t1\t90000\t.\t+\t.\t{attributes}\n"


@pytest.fixture
def annotated(tmp_path):
    """Write an annotation with these lines."""

    def read(*lines):
        path = tmp_path / "g.gff3"
        path.write_text("".join(lines))
        return {"p": path}

    return read


def of_input(calls, name="p"):
    """The calls of an input."""
    return [(name, call) for call in calls]


def groups(calls, annotation, nearness=None):
    nearness = nearness or Nearness()
    return [place.locus_group for _, place in placed(of_input(calls), annotation, nearness)]


def test_without_an_annotation_only_the_source_is_known(awkward_call, unscored_call):
    calls = [awkward_call, unscored_call]
    named = [*of_input(calls, "a b.faa"), *of_input(calls, "c.faa")]
    assert list(placed(iter(named), {})) == [(call, Place(name)) for name, call in named]


def test_hits_with_neighbouring_genes_have_a_group(annotated, awkward_call, unscored_call):
    annotation = annotated(*(cds(3000 * k, f"ID=p{k}") for k in range(1, 40)))
    status_of = {1: "tps", 2: "related", 3: "uncertain", 20: "tps", 35: "tps", 36: "tps"}
    calls = [awkward_call._replace(id=f"p{k}", status=status) for k, status in status_of.items()]
    calls.insert(1, unscored_call._replace(id="p4"))
    assert groups(calls, annotation) == ["c:1", None, None, "c:1", None, "c:2", "c:2"]
    assert groups(calls, annotation, Nearness(0)) == [None] * 5 + ["c:1", "c:1"]
    ungrouped = placed(of_input(calls), annotation)
    assert {place.locus_group for _, place in ungrouped} == {None}


def test_places_lie_on_the_genome(annotated, awkward_call, unscored_call):
    annotation = annotated(cds(101, "ID=p"))
    call = awkward_call._replace(id="p")
    (_, place), (_, other) = placed(of_input([call, unscored_call]), annotation)
    assert place.lift(1, 2) == ("c", "+", [(101, 106)]) and other.lift is None


@pytest.mark.parametrize(
    "lines",
    [
        (
            feature("gene", "ID=g1"),
            feature("mRNA", "ID=t1;Parent=g1"),
            feature("mRNA", "ID=t2;Parent=g1"),
        ),
        (feature("mRNA", "ID=t1;geneID=g1"), feature("mRNA", "ID=t2;geneID=g1")),
        (feature("transcript", "ID=t1;gene_id=g1"), feature("transcript", "ID=t2;gene_id=g1")),
        (
            feature("operon", "ID=o"),
            feature("pseudogene", "ID=g1;Parent=o"),
            feature("mRNA", "ID=t1;Parent=g1"),
            feature("mRNA", "ID=t2;Parent=g1"),
        ),
    ],
)
def test_isoforms_of_a_gene_are_one_gene(annotated, awkward_call, lines):
    isoforms = [cds(101, "Parent=t1;protein_id=p1"), cds(401, "Parent=t2;protein_id=p2")]
    calls = [awkward_call._replace(id=name) for name in ("p1", "p2")]
    assert groups(calls, annotated(*lines, *isoforms)) == [None, None]
    # With another gene beside it, both are in its group.
    third = cds(5001, "ID=p3")
    calls.append(awkward_call._replace(id="p3"))
    assert groups(calls, annotated(*lines, *isoforms, third)) == ["c:1"] * 3


def test_genes_of_an_operon_are_several_genes(annotated, awkward_call):
    annotation = annotated(
        feature("operon", "ID=o"),
        feature("gene", "ID=g1;Parent=o"),
        feature("gene", "ID=g2;Parent=o"),
        cds(101, "Parent=g1;ID=p1"),
        cds(2001, "Parent=g2;ID=p2"),
    )
    calls = [awkward_call._replace(id=name) for name in ("p1", "p2")]
    assert groups(calls, annotation) == ["c:1", "c:1"]


def test_isoforms_count_once_among_the_genes_between(annotated, awkward_call):
    between = [cds(3000 + 10 * k, f"Parent=t{k}") for k in range(20)]
    transcripts = [feature("mRNA", f"ID=t{k};Parent=g") for k in range(20)]
    annotation = annotated(*transcripts, cds(101, "ID=a"), *between, cds(9001, "ID=b"))
    calls = [awkward_call._replace(id=name) for name in "ab"]
    assert groups(calls, annotation, Nearness(genes=1)) == ["c:1", "c:1"]
    assert groups(calls, annotation, Nearness(genes=0)) == [None, None]


def test_a_hit_that_does_not_fit_its_coding_sequence_has_no_place(
    annotated, awkward_call, caplog, monkeypatch
):
    monkeypatch.setattr("tpspred.console.log.propagate", True)
    annotation = annotated(cds(1, "ID=a"), cds(2001, "ID=b", length=99), cds(3001, "ID=d"))
    calls = [awkward_call._replace(id=name) for name in "abcd"]
    places = [place for _, place in placed(of_input(calls), annotation, Nearness())]
    assert [place.locus_group for place in places] == ["c:1", None, None, "c:1"]
    assert [place.lift is None for place in places] == [False, True, True, False]
    assert "2 of 4 called proteins are not in the GFF3: b (600 residues, but 99" in caplog.text


def test_an_annotation_of_other_proteins_is_refused(annotated, awkward_call):
    with pytest.raises(InputError, match="none of the 1 called proteins"):
        next(placed([("p", awkward_call)], annotated(cds(1, "ID=a"))))
