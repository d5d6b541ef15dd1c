"""Motifs: the columns at which families keep them, and what proteins have there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.family import motifs
from tpspred.family.motifs import MOTIFS, MotifHit, Site, find_motifs, find_sites
from tpspred.family.screening import screen
from tpspred.io.fasta import AMINO_ACIDS, ProteinRecord


def test_motif_hits_are_where_they_say(proteins):
    intact = {
        hit.motif for protein in proteins for hit in protein.motifs if hit.state == motifs.INTACT
    }
    assert intact >= {"DDxxD", "NSE/DTE", "QW"}
    for protein in proteins:
        for hit in protein.motifs:
            if hit.state != motifs.MISSING:
                assert protein.record.sequence[hit.start - 1 : hit.end] == hit.residues


def test_a_motif_away_from_its_site_is_not_found(model, proteins):
    hit = proteins[0].hits[0]
    site = next(site for site in hit.profile.sites if site.motif == "DDxxD")
    start = int(hit.positions[site.column - 1])
    sequence = proteins[0].record.sequence
    broken = sequence[: start - 6] + "G" * 15 + sequence[start + 9 :] + "DDAADAA"
    (protein,) = screen([ProteinRecord("p", "", broken)], model.encoder.profiles)
    states = protein.motif_states("DDxxD")
    assert states and motifs.INTACT not in states


@pytest.mark.parametrize(
    "name, sequence, starts",
    [
        ("DDxxD", "DDAADAADDAAEA", [1, 8]),
        ("DDxxD", "DDAAAADA", [1]),
        ("DDxxD", "DDDAADD", [1, 2]),  # matches overlap
        ("DDxxD", "DDAAA", []),
        ("NSE/DTE", "ANDLASAAAEA", [2]),
        ("NSE/DTE", "DDIATAAADDD", [1]),
        ("NSE/DTE", "EDIATAAAD", []),
        ("DxxxD", "DAAADAADAAADAAE", [1, 8]),
        ("DxxxD", "DAAAEDAAD", []),
        ("NDxxDxxxD", "ANDAADAAADNQAAGAAED", [2, 11]),
        ("NDxxDxxxD", "NAAADAAADNDAAKAAAD", []),
        ("DxDD", "ADADDA", [2]),
        ("RRx8W", "RRAAAAAAAAWRRAW", [1]),
        ("QW", "QAAGAWQAAAAAGAW", [1, 7]),
        ("DCTAE", "DCTAEDDTAVDATAE", [1, 6]),
        ("DCTAE", "DCVSEDTTSEDCIGHDCSAE", [1, 6, 11, 16]),
        ("DCTAE", "ECTAEDGTAEDCAAEDCTKE", []),
    ],
)
def test_patterns_match_what_the_literature_describes(name, sequence, starts):
    matches = MOTIFS[name].pattern.finditer(sequence)
    assert [match.start() + 1 for match in matches] == starts


def aligned(sequences):
    """Sequences of the same length, aligned without gaps."""
    return np.tile(np.arange(1, len(sequences[0]) + 1), (len(sequences), 1))


def test_a_site_needs_three_members_and_two_fifths_of_the_family():
    has, lacks = "A" * 20 + "DDAAD" + "A" * 20, "A" * 45
    for count, others, expected in [(3, 4, 3 / 7), (2, 0, None), (3, 5, None)]:
        sequences = [has] * count + [lacks] * others
        sites = find_sites(sequences, aligned(sequences))
        if expected is None:
            assert sites == []
        else:
            assert sites == [Site("DDxxD", 21, round(expected, 3))]


def test_members_that_do_not_reach_a_column_do_not_count():
    sequences = ["A" * 20 + "DDAAD" + "A" * 20] * 3 + ["A" * 45] * 13
    positions = aligned(sequences)
    positions[3:, 15:] = 0  # but a column counts for a quarter of the family, here four members
    assert find_sites(sequences, positions) == [Site("DDxxD", 21, 0.75)]


def test_members_whose_motif_is_near_count_too():
    sequences = ["A" * shift + "DDAAD" + "A" * (40 - shift) for shift in (20, 20, 22)]
    assert find_sites(sequences, aligned(sequences)) == [Site("DDxxD", 21, 1.0)]


def test_two_sites_of_one_motif_are_apart():
    near = ["A" * 20 + "DDAAD" + "A" * 5 + "DDAAD" + "A" * 20] * 3
    far = ["A" * 20 + "DDAAD" + "A" * 6 + "DDAAD" + "A" * 20] * 3
    assert [site.column for site in find_sites(near, aligned(near))] == [21]
    assert [site.column for site in find_sites(far, aligned(far))] == [21, 32]


@pytest.mark.parametrize("length, columns", [(460, [31]), (449, [])])
def test_a_class_two_motif_needs_a_profile_long_enough(length, columns):
    sequences = ["A" * 30 + "DADD" + "A" * (length - 34)] * 3
    assert [site.column for site in find_sites(sequences, aligned(sequences))] == columns


def test_a_class_two_motif_stands_before_those_of_class_one():
    before = ["A" * 30 + "DADD" + "A" * 300 + "DDAAD" + "A" * 200] * 3
    after = ["A" * 30 + "DDAAD" + "A" * 300 + "DADD" + "A" * 200] * 3
    assert [site.motif for site in find_sites(before, aligned(before))] == ["DDxxD", "DxDD"]
    assert [site.motif for site in find_sites(after, aligned(after))] == ["DDxxD"]


def sites_of(members):
    """Motif and column of every site of a family without gaps."""
    return [(site.motif, site.column) for site in find_sites(members, aligned(members))]


@pytest.mark.parametrize("count, others, is_site", [(9, 1, True), (8, 2, False)])
def test_a_loose_motif_is_one_if_nearly_the_whole_family_has_it(count, others, is_site):
    has = "A" * 20 + "DAAAD" + "A" * 100 + "DAAAD" + "A" * 20
    members = [has] * count + ["A" * len(has)] * others
    assert sites_of(members) == ([("DxxxD", 21), ("DxxxD", 126)] if is_site else [])


def test_both_aspartate_rich_motifs_of_a_membrane_synthase_are_sites():
    members = ["A" * 20 + "NQAAGAAED" + "A" * 100 + "DAADAAGD" + "A" * 20] * 3
    assert sites_of(members) == [("DxxxD", 133), ("NDxxDxxxD", 21)]


@pytest.mark.parametrize("distance, columns", [(10, []), (11, [32])])
def test_a_loose_motif_is_away_from_the_first_metal_site(distance, columns):
    members = ["A" * 20 + "DDAAE" + "A" * (distance - 5) + "DAAAD" + "A" * 20] * 3
    assert [column for motif, column in sites_of(members) if motif == "DxxxD"] == columns


@pytest.mark.parametrize("strict, name", [(4, "DxxxD"), (5, "DDxxD")])
def test_the_first_metal_site_is_loose_if_less_than_half_of_the_family_has_it(strict, name):
    second = "A" * 100 + "DAAAD"
    has, lacks = "A" * 20 + "DDAAD" + second, "A" * 20 + "DAAAD" + second
    assert sites_of([has] * strict + [lacks] * (10 - strict)) == [(name, 21), ("DxxxD", 126)]


def test_a_family_with_the_second_metal_site_has_no_loose_motif():
    loose = "A" * 20 + "DAAAD" + "A" * 20 + "NQAAGAAAD" + "A" * 20
    assert sites_of([loose + "A" * 9] * 3) == [("DxxxD", 21), ("NDxxDxxxD", 46)]
    assert sites_of([loose + "NDLASAAAE"] * 3) == [("NSE/DTE", 75)]


def test_a_loose_motif_before_that_of_class_two_does_not_remove_it():
    members = ["A" * 20 + "DAAAD" + "A" * 100 + "DAKDDA" + "DCVSE" + "A" * 400] * 3
    assert ("DCTAE", 132) in sites_of(members)


PROTEIN = "AAAAAAAAAADDAADAAAAAAAAA"  # DDAAD at residue 11
ONE_TO_ONE = np.arange(1, len(PROTEIN) + 1)
NOTHING = MotifHit("DDxxD", "missing", 0, 0, "")


@pytest.mark.parametrize(
    "column, hit",
    [
        (11, MotifHit("DDxxD", "intact", 11, 15, "DDAAD")),
        (15, MotifHit("DDxxD", "intact", 11, 15, "DDAAD")),  # four columns away
        (16, MotifHit("DDxxD", "altered", 16, 20, "AAAAA")),  # five columns away
        (1, MotifHit("DDxxD", "altered", 1, 5, "AAAAA")),
        (24, MotifHit("DDxxD", "altered", 24, 24, "A")),  # cut by the end of the protein
    ],
)
def test_a_motif_is_read_within_four_columns_of_its_site(column, hit):
    assert find_motifs(PROTEIN, [Site("DDxxD", column, 1.0)], ONE_TO_ONE) == [hit]


def test_a_motif_that_half_of_the_family_lacks_is_never_altered():
    (hit,) = find_motifs(PROTEIN, [Site("DDxxD", 18, 0.49)], ONE_TO_ONE)
    assert hit == MotifHit("DDxxD", "missing", 0, 0, "", 0.49)


@pytest.mark.parametrize("column, state", [(11, "intact"), (18, "altered")])
def test_hits_say_how_frequent_the_motif_is_in_the_family(column, state):
    (hit,) = find_motifs(PROTEIN, [Site("DDxxD", column, 0.7)], ONE_TO_ONE)
    assert (hit.state, hit.frequency) == (state, 0.7)


def test_a_motif_where_nothing_aligns_is_missing():
    nothing_aligned = np.zeros(len(PROTEIN), int)
    assert find_motifs(PROTEIN, [Site("DDxxD", 11, 1.0)], nothing_aligned) == [NOTHING]


def test_of_two_matches_the_closest_is_read():
    sequence = "AAAAADDDDADDAAAA"  # DDxxD begins at residues 6, 7 and 8
    positions = np.arange(1, len(sequence) + 1)
    for column in (7, 8):
        (hit,) = find_motifs(sequence, [Site("DDxxD", column, 1.0)], positions)
        assert hit.start == column
    (hit,) = find_motifs(sequence, [Site("DDxxD", 4, 1.0)], positions)
    assert hit.start == 6


@given(
    st.text(AMINO_ACIDS, min_size=5, max_size=60),
    st.lists(st.sampled_from(sorted(MOTIFS)), max_size=6),
    st.randoms(),
)
def test_hits_quote_the_protein_whatever_the_sites(sequence, names, rng):
    positions = np.array([i if rng.random() < 0.8 else 0 for i in range(1, len(sequence) + 1)])
    sites = [Site(name, rng.randint(1, len(sequence)), rng.random()) for name in names]
    hits = find_motifs(sequence, sites, positions)
    assert [hit.motif for hit in hits] == names
    for hit in motifs.present(hits):
        assert sequence[hit.start - 1 : hit.end] == hit.residues != ""
    intact = [hit for hit in hits if hit.state == motifs.INTACT]
    assert all(MOTIFS[hit.motif].pattern.match(hit.residues) for hit in intact)


def test_classes_are_those_of_intact_active_sites():
    def hit(motif, state):
        return MotifHit(motif, state, 1, 5, "DDAAD")

    assert motifs.classes([hit("DDxxD", "intact"), hit("DCTAE", "intact")]) == {"1", "2"}
    assert motifs.classes([hit("NSE/DTE", "intact"), hit("DxDD", "altered")]) == {"1"}
    assert motifs.classes([hit("DxxxD", "intact"), hit("DxxxD", "altered")]) == {"1"}
    assert motifs.classes([hit("NDxxDxxxD", "intact")]) == {"1"}
    assert motifs.classes([hit("QW", "intact"), hit("RRx8W", "intact")]) == set()


def test_expected_classes_are_those_that_half_of_the_family_has():
    def hit(motif, frequency):
        return MotifHit(motif, "missing", 0, 0, "", frequency)

    assert motifs.expected_classes([hit("DDxxD", 0.5), hit("DxDD", 0.49)]) == {"1"}
    assert motifs.expected_classes([hit("DxxxD", 0.9), hit("DCTAE", 0.8)]) == {"1", "2"}
    assert motifs.expected_classes([hit("QW", 1.0)]) == set()


@pytest.mark.parametrize(
    "hit, offsets",
    [
        (MotifHit("DDxxD", "intact", 3, 7, "DDAAD"), [0, 4]),
        (MotifHit("DDxxD", "intact", 3, 9, "DDAAAAD"), [0, 6]),
        (MotifHit("DxxxD", "intact", 3, 7, "DAAAD"), [0, 4]),
        (MotifHit("DDxxD", "altered", 3, 7, "DNAAD"), []),
        (MotifHit("DxDD", "intact", 3, 6, "DADD"), []),
    ],
)
def test_magnesium_is_bound_by_the_outer_acids(hit, offsets):
    assert motifs.metal_contacts(hit) == offsets


def test_hits_are_grouped_by_name_in_order():
    first, second = MotifHit("QW", "intact", 9, 14, "QAAGAW"), MotifHit("QW", "missing", 0, 0, "")
    groups = motifs.by_name([first, NOTHING, second])
    assert groups == {"QW": [first, second], "DDxxD": [NOTHING]}
    assert motifs.by_name([]).get("QW") is None


def test_a_cell_has_every_motif_that_is_present():
    hits = [
        MotifHit("QW", "altered", 9, 14, "QAAGAA"),
        NOTHING,
        MotifHit("DxDD", "intact", 1, 4, "DADD"),
    ]
    assert motifs.summary(hits) == "QW:9-14:QAAGAA:altered;DxDD:1-4:DADD"
    assert motifs.summary([NOTHING]) == ""
