"""Building the family profiles from characterised enzymes."""

import collections
import dataclasses

import numpy as np
import pytest

from tpspred.errors import ModelError
from tpspred.family import profile_building
from tpspred.family.alignment import identity_matrix
from tpspred.family.motifs import Site
from tpspred.family.profile_building import build_hmm, build_profiles, domain_regions
from tpspred.family.profiles import search, to_bytes


@pytest.fixture(scope="module")
def identities(enzymes):
    return identity_matrix([enzyme.sequence for enzyme in enzymes])


def test_families_of_the_design_are_in_the_bundled_library(model):
    library = {profile.name: profile for profile in model.encoder.profiles}
    for wanted in (
        "plantae_sesq_mono",
        "bacteria_sesq_di",
        "plantae_tri",
        "plantae_sqs",
        "plantae_psy",
        "animalia_pt",
    ):
        assert wanted in library
    assert [name for name, *_ in library["plantae_sesq_mono"].regions] == [
        "N-terminal",
        "class_I_alpha",
    ]
    assert library["plantae_tri"].regions[0][0] == "class_II"
    plant = {site.motif for site in library["plantae_sesq_mono"].sites}
    assert plant >= {"DDxxD", "NSE/DTE", "DxDD", "RRx8W"}


def test_every_family_gets_a_profile_that_fits_its_own_members_best(enzymes, small_encoder):
    names = [profile.name for profile in small_encoder.profiles]
    assert names == ["plantae_mono", "bacteria_sesq", "plantae_tri", "animalia_pt"]
    hits_of = search(small_encoder.profiles, [enzyme.sequence for enzyme in enzymes])
    best = [hits[0].profile.name for hits in hits_of]
    assert best == [name for name in names for _ in range(6)]


def test_regions_of_a_profile_cover_all_columns(model):
    for profile in model.encoder.profiles:
        columns = [
            column for _, first, last in profile.regions for column in range(first, last + 1)
        ]
        assert columns == list(range(1, profile.columns + 1))


def test_two_families_of_one_name_are_numbered(enzymes, identities):
    kingdom_and_types = {"kingdom": ("Fungi",), "product_types": ("sesq",)}
    rows = [6, 7, 8, 18, 19, 20]
    alike = [dataclasses.replace(enzymes[i], **kingdom_and_types) for i in rows]
    built = build_profiles(alike, identities[np.ix_(rows, rows)])
    assert [profile.name for profile in built] == ["fungi_sesq", "fungi_sesq_2"]


def test_lonely_sequences_make_no_family(enzymes, identities):
    rows = [0, 6]
    with pytest.raises(ModelError, match="no group of three related sequences"):
        build_profiles([enzymes[i] for i in rows], identities[np.ix_(rows, rows)])


def test_near_identical_sequences_make_no_family(enzymes):
    copies = [dataclasses.replace(enzymes[0], id=str(i)) for i in range(5)]
    with pytest.raises(ModelError, match="no group of three related sequences"):
        build_profiles(copies, np.ones((5, 5), np.float32))


def test_a_small_cluster_joins_the_family_that_it_fits():
    # Six enzymes: a group of three, another group, and an enzyme that fits the first group.
    groups = [np.array([0, 1, 2]), np.array([3, 4, 6])]
    cluster_of = np.array([0, 0, 0, 3, 3, 5, 3])
    bits = np.array([[500.0, 0.0], [0.0, 500.0], [100.0, 80.0]])
    lengths = np.array([500, 500])
    join = profile_building._join_groups
    clusters = np.array([0, 3, 5])
    assert join(groups, clusters, cluster_of, bits, lengths) == [[0, 1, 2, 5], [3, 4, 6]]
    weak = np.array([[500.0, 0.0], [0.0, 500.0], [89.0, 80.0]])
    assert join(groups, clusters, cluster_of, weak, lengths) == [[0, 1, 2], [3, 4, 6]]


def test_the_largest_family_comes_first():
    groups = [np.array([0, 1, 2]), np.array([3, 4, 5, 6])]
    cluster_of = np.array([0, 0, 0, 3, 3, 3, 3])
    families = profile_building._join_groups(
        groups, np.array([0, 3]), cluster_of, 500 * np.eye(2), np.array([500, 500])
    )
    assert families == [[3, 4, 5, 6], [0, 1, 2]]


def test_groups_that_recognise_each_other_are_one_family_if_as_long():
    groups = [np.array([0, 1, 2]), np.array([3, 4, 5])]
    clusters, cluster_of = np.array([0, 3]), np.array([0, 0, 0, 3, 3, 3])
    join = profile_building._join_groups
    mutual = np.array([[500.0, 90.0], [95.0, 500.0]])
    one_way = np.array([[500.0, 80.0], [95.0, 500.0]])
    alike, unlike = np.array([500, 300]), np.array([500, 200])
    together, apart = [[0, 1, 2, 3, 4, 5]], [[0, 1, 2], [3, 4, 5]]
    assert join(groups, clusters, cluster_of, mutual, alike) == together
    assert join(groups, clusters, cluster_of, one_way, alike) == apart
    assert join(groups, clusters, cluster_of, mutual, unlike) == apart


def test_a_family_is_named_by_its_commonest_kingdom_and_frequent_types(enzymes):
    def enzyme(kingdom, *types):
        return dataclasses.replace(enzymes[0], kingdom=(kingdom,), product_types=types)

    members = [
        enzyme("Plantae", "mono"),
        enzyme("Plantae", "sesq"),
        enzyme("Plantae", "sesq"),
        enzyme("Plantae", "sesq"),
        enzyme("Bacteria (x)", "di"),
    ]
    assert profile_building._family_name(members) == "plantae_sesq"
    assert profile_building._family_name(members[:4]) == "plantae_sesq_mono"
    assert profile_building._family_name(members[4:]) == "bacteria_di"


def test_threads_change_no_hmm(enzymes):
    sequences = [enzyme.sequence for enzyme in enzymes[18:]]
    one = to_bytes(build_hmm("f", sequences, 1))
    assert to_bytes(build_hmm("f", sequences, 2)) == one


def test_an_hmm_does_not_remember_when_and_how_it_was_built(enzymes):
    sequence = enzymes[18].sequence
    hmm = build_hmm("f", [sequence])
    assert len(sequence) == hmm.M
    keys = {line.split()[0] for line in to_bytes(hmm).splitlines()}
    assert b"NAME" in keys and not keys & {b"DATE", b"COM"}


@pytest.mark.parametrize(
    "sites, columns, regions",
    [
        ([], 300, [("whole", 1, 300)]),
        ([("DxDD", 100, 0.5)], 700, [("class_II", 1, 700)]),
        ([("DxDD", 100, 0.4)], 700, [("whole", 1, 700)]),
        # 60 columns before the first alpha domain are no domain, 61 are one.
        ([("DDxxD", 135, 1.0)], 400, [("class_I_alpha", 1, 400)]),
        ([("DDxxD", 136, 1.0)], 400, [("N-terminal", 1, 60), ("class_I_alpha", 61, 400)]),
        # Before column 1 there is nothing.
        ([("DDxxD", 50, 1.0)], 400, [("class_I_alpha", 1, 400)]),
        (
            [("DCTAE", 200, 0.9), ("DDxxD", 600, 1.0)],
            900,
            [("class_II", 1, 524), ("class_I_alpha", 525, 900)],
        ),
        # Two alpha domains, and a second DDxxD of the first that begins none.
        (
            [("DDxxD", 600, 1.0), ("DDxxD", 225, 1.0), ("DDxxD", 100, 1.0)],
            800,
            [("class_I_alpha", 1, 524), ("class_I_alpha", 525, 800)],
        ),
    ],
)
def test_domains_follow_from_the_motifs(sites, columns, regions):
    assert domain_regions([Site(*site) for site in sites], columns) == tuple(regions)


def test_a_name_that_is_used_again_gets_a_number(enzymes):
    uses = collections.Counter({"animalia_pt": 1})
    profile = profile_building._family_profile(enzymes[18:24], uses, 1)
    assert profile.name == "animalia_pt_2"


def test_a_family_of_no_known_kingdom_has_a_name(enzymes):
    nowhere = [dataclasses.replace(enzyme, kingdom=()) for enzyme in enzymes[:6]]
    profiles = build_profiles(nowhere, identity_matrix([enzyme.sequence for enzyme in nowhere]))
    assert profiles and all(profile.name.startswith("unknown_") for profile in profiles)
