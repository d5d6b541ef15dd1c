"""Groups of neighbouring genes, held against a slower way to find them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.writers.loci import Gene, Nearness, locus_groups

LIMITS = st.one_of(st.none(), st.integers(0, 12))
NEARNESS = st.builds(Nearness, LIMITS, LIMITS)


@st.composite
def genomes(draw):
    """Genes on two sequences, which may overlap, and the names of some of them."""
    genes = []
    for number in range(draw(st.integers(0, 14))):
        start = draw(st.integers(1, 60))
        end = start + draw(st.integers(0, 20))
        genes.append(Gene(f"g{number}", draw(st.sampled_from(["c:1", "c2"])), start, end))
    return genes, {gene.name for gene in genes if draw(st.booleans())}


def are_neighbours(first, second, genes, nearness):
    """Whether two genes are neighbours, from the definition alone."""
    if first.sequence != second.sequence:
        return False
    order = [gene for gene in genes if gene.sequence == first.sequence]
    order.sort(key=lambda gene: (gene.start, gene.end, gene.name))
    between = abs(order.index(first) - order.index(second)) - 1
    bases = max(first.start, second.start) - min(first.end, second.end) - 1
    return (nearness.genes is not None and between <= nearness.genes) or (
        nearness.bases is not None and bases <= nearness.bases
    )


@given(genomes(), NEARNESS)
def test_groups_are_the_hits_that_neighbours_connect(genome, nearness):
    genes, hits = genome
    group_of = locus_groups(genes, hits, nearness)
    # Merge sets of genes as long as two of them have neighbours.
    sets = [{gene} for gene in genes if gene.name in hits]
    merged = True
    while merged:
        merged = False
        for one, other in itertools.combinations(sets, 2):
            pairs = itertools.product(one, other)
            if any(are_neighbours(*pair, genes, nearness) for pair in pairs):
                sets.remove(other)
                one |= other
                merged = True
                break
    expected = {frozenset(gene.name for gene in one) for one in sets if len(one) > 1}
    found = {
        frozenset(name for name in group_of if group_of[name] == group)
        for group in group_of.values()
    }
    assert found == expected


@given(genomes(), NEARNESS)
def test_groups_are_numbered_along_their_sequence(genome, nearness):
    genes, hits = genome
    group_of = locus_groups(genes, hits, nearness)
    numbers = {"c:1": [], "c2": []}
    for gene in sorted(genes, key=lambda gene: (gene.start, gene.end, gene.name)):
        if gene.name in group_of:
            sequence, _, number = group_of[gene.name].rpartition(":")
            assert sequence == gene.sequence
            numbers[sequence].append(int(number))
    for along in numbers.values():
        assert along == sorted(along) and set(along) == set(range(1, len(set(along)) + 1))


@given(genomes(), NEARNESS, st.randoms(use_true_random=False))
def test_order_of_the_genes_changes_nothing(genome, nearness, rng):
    genes, hits = genome
    expected = locus_groups(genes, hits, nearness)
    rng.shuffle(genes)
    assert locus_groups(genes, hits, nearness) == expected


@given(genomes(), NEARNESS, NEARNESS)
def test_wider_limits_never_part_what_was_together(genome, some, more):
    genes, hits = genome
    pairs = [(some.genes, more.genes), (some.bases, more.bases)]
    wide = Nearness(*(max((n for n in pair if n is not None), default=None) for pair in pairs))
    narrow_groups = locus_groups(genes, hits, some)
    wide_groups = locus_groups(genes, hits, wide)
    assert set(narrow_groups) <= set(wide_groups)
    for one, other in itertools.combinations(narrow_groups, 2):
        if narrow_groups[one] == narrow_groups[other]:
            assert wide_groups[one] == wide_groups[other]


@pytest.mark.parametrize(
    "nearness, groups",
    [
        (Nearness(genes=0), {}),
        (Nearness(genes=1), {"a": "c:1", "b": "c:1"}),
        (Nearness(None, 149), {}),
        (Nearness(None, 150), {"a": "c:1", "b": "c:1"}),
        (Nearness(0, 150), {"a": "c:1", "b": "c:1"}),
        (Nearness(1, 0), {"a": "c:1", "b": "c:1"}),
        (Nearness(2, 0), {"a": "c:1", "b": "c:1"}),
        (Nearness(None, None), {}),
    ],
)
def test_limits_are_inclusive_and_either_suffices(nearness, groups):
    genes = [Gene("a", "c", 1, 50), Gene("x", "c", 101, 150), Gene("b", "c", 201, 300)]
    assert locus_groups(genes, {"a", "b"}, nearness) == groups


def test_a_long_gene_reaches_over_those_within_it():
    genes = [Gene("long", "c", 1, 9000), Gene("in", "c", 10, 20), Gene("after", "c", 9005, 9100)]
    groups = locus_groups(genes, {"long", "in", "after"}, Nearness(None, 10))
    assert groups == {"long": "c:1", "in": "c:1", "after": "c:1"}
