"""Profiles: the search for proteins that match them, and their alignment."""

import dataclasses
import random

import numpy as np
import pyhmmer
import pytest
from pyhmmer import easel

from tpspred.family import profiles
from tpspred.family.profiles import ProfileHit
from tpspred.io.fasta import AMINO_ACIDS


@pytest.fixture(scope="module")
def library(model):
    """The profiles of the bundled model by name."""
    return {profile.name: profile for profile in model.encoder.profiles}


def test_members_match_and_random_proteins_do_not(proteins):
    assert [bool(protein.hits) for protein in proteins] == [True] * 4 + [False] * 3


def test_alignment_names_the_residues_of_the_protein(proteins):
    for protein in proteins[:4]:
        for hit in protein.hits:
            placed = hit.positions > 0
            aligned = [protein.record.sequence[i - 1] for i in hit.positions[placed]]
            codes = [profiles.CODES[ord(letter)] for letter in aligned]
            assert codes == hit.residues[placed].tolist()
            assert (np.diff(hit.positions[placed]) > 0).all()


def test_columns_without_a_residue_have_the_code_of_an_unknown_one(proteins):
    hit = proteins[0].hits[0]
    assert (hit.positions == 0).any()
    assert (hit.residues[hit.positions == 0] == profiles.UNKNOWN).all()


def test_neighbours_and_threads_change_no_score(model, records, proteins):
    sequences = [record.sequence for record in records]
    alone = profiles.search(model.encoder.profiles, sequences[2:3], 1)
    reversed_order = profiles.search(model.encoder.profiles, sequences[::-1], 2)
    for hits, protein in zip([*alone, *reversed_order[::-1]], [proteins[2], *proteins]):
        assert [hit.profile.name for hit in hits] == [hit.profile.name for hit in protein.hits]
        assert [hit.bits for hit in hits] == [hit.bits for hit in protein.hits]
        for hit, other in zip(hits, protein.hits):
            assert np.array_equal(hit.residues, other.residues)
            assert np.array_equal(hit.positions, other.positions)


@pytest.mark.parametrize("copy_comes_first", [False, True])
def test_where_domains_overlap_the_best_one_stays(library, records, copy_comes_first):
    member = records[1].sequence
    rng = random.Random(0)
    letters = [rng.choice(AMINO_ACIDS) if rng.random() < 0.3 else c for c in member[:300]]
    copy = "".join(letters)
    sequence = copy + member if copy_comes_first else member + copy
    (hit,) = profiles.search([library["bacteria_sesq_di"]], [sequence])[0]
    placed = hit.positions[:290][hit.positions[:290] > 0]
    assert len(placed) > 200
    assert ((placed > 300) == copy_comes_first).all()


def test_what_is_a_little_like_a_profile_is_a_weak_hit(model, records):
    """The longer the beginning of a member, the more it is like its profile."""
    search = profiles.Search(model.encoder.profiles)
    beginnings = [records[2].sequence[:length] for length in (20, 27, 28, 40)]
    nothing, weak, stronger, match = search.matches(beginnings)
    assert nothing == ([], None)
    assert weak.hits == stronger.hits == [] and weak.weak.profile == "plantae_tri"
    assert profiles.WEAK_E_VALUE > weak.weak.e_value > stronger.weak.e_value > profiles.E_VALUE
    assert weak.weak.bits < stronger.weak.bits < match.hits[0].bits
    assert match.weak is None
    assert search.matches(beginnings[1:2]) == [weak] and search.matches([""]) == [([], None)]


def test_hits_are_sorted_by_bits(proteins):
    bits = [hit.bits for hit in proteins[1].hits]
    assert len(bits) > 1 and bits == sorted(bits, reverse=True)


def test_empty_sequences_match_nothing_and_keep_their_place(library, records):
    wanted = [library["bacteria_sesq_di"]]
    assert profiles.search(wanted, []) == []
    assert profiles.search(wanted, ["", ""]) == [[], []]
    empty, found = profiles.search(wanted, ["", records[1].sequence])
    assert empty == [] and found[0].bits > 600


def test_codes_are_the_same_for_lower_case():
    assert [profiles.CODES[ord(letter)] for letter in AMINO_ACIDS] == list(range(20))
    assert [profiles.CODES[ord(letter)] for letter in AMINO_ACIDS.lower()] == list(range(20))
    assert profiles.CODES[ord("X")] == profiles.CODES[ord("-")] == profiles.UNKNOWN == 20


def test_domains_lie_where_their_columns_align(library):
    profile = library["plantae_sesq_mono"]
    (_, _, last), (_, first, _) = profile.regions
    positions = np.zeros(profile.columns, np.int32)
    positions[last - 29 : last] = np.arange(11, 40)  # 29 residues are too few
    positions[first - 1 : first + 29] = np.arange(41, 71)  # 30 residues are enough
    hit = ProfileHit(profile, 99.0, np.zeros(profile.columns, np.uint8), positions)
    (domain,) = hit.domains()
    assert (domain.region, domain.start, domain.end) == ("class_I_alpha", 41, 70)
    assert (domain.profile, domain.bits) == ("plantae_sesq_mono", 99.0)


def test_profile_knows_its_columns_and_motifs(library):
    profile = library["plantae_sesq_mono"]
    assert profile.columns == profile.hmm.M
    assert profile.has_site("DCTAE", "DDxxD") and not profile.has_site("DCTAE")


def test_profiles_survive_their_arrays(library):
    before = [profiles.to_bytes(profile.hmm) for profile in library.values()]
    packed = profiles.pack(profile.hmm for profile in library.values())
    after = profiles.unpack(list(library), packed)
    assert list(map(profiles.to_bytes, after)) == before
    assert [profiles.to_bytes(profiles.rounded(hmm)) for hmm in after] == before
    assert profiles.unpack([], {name: array[:0] for name, array in packed.items()}) == []


@pytest.mark.parametrize("part", profiles.HMM_ARRAYS)
def test_arrays_of_profiles_that_do_not_fit_are_refused(library, part):
    packed = profiles.pack(profile.hmm for profile in library.values())
    array = packed[part]
    for change in (array[1:], array.astype(np.float64), array[None]):
        with pytest.raises(ValueError, match=f"^{part}: shape"):
            profiles.unpack(list(library), packed | {part: change})
    with pytest.raises(KeyError):
        profiles.unpack(list(library), {k: v for k, v in packed.items() if k != part})
    with pytest.raises(ValueError, match="columns or names"):
        profiles.unpack(["a b", *list(library)[1:]], packed)


@pytest.mark.parametrize("number", [np.nan, -0.1, 2.0, 1e30, np.inf])
@pytest.mark.parametrize("part", ["mat", "ins", "compo", "t"])
def test_arrays_that_crash_hmmer_are_refused(library, part, number):
    packed = profiles.pack(profile.hmm for profile in library.values())
    for column in range(packed[part].shape[1]):
        damaged = packed[part].copy()
        damaged[1, column] = number
        with pytest.raises(ValueError, match=f"^{part}: no shares of one"):
            profiles.unpack(list(library), packed | {part: damaged})
    scores = packed["evparam"].copy()
    scores[0, 0] = np.nan
    with pytest.raises(ValueError, match="evparam"):
        profiles.unpack(list(library), packed | {"evparam": scores})


def test_checksum_depends_on_names_hmms_and_their_order(library):
    first, second = library["bacteria_sesq_di"], library["plantae_sqs"]
    renamed = dataclasses.replace(first, name="other")
    swapped = dataclasses.replace(first, hmm=second.hmm)
    sets = [[first, second], [second, first], [first], [renamed, second], [swapped, second]]
    assert len({profiles.checksum(members) for members in sets}) == len(sets)
    assert profiles.checksum(iter([first, second])) == profiles.checksum([first, second])


def test_many_weak_pieces_are_no_hit(library, records):
    """Pieces of 20 residues among random ones add up to a score, but none is a domain."""
    rng = random.Random(0)
    member = records[1].sequence
    chimera = ""
    for start in range(rng.randrange(40), len(member), 80):
        chimera += "".join(rng.choices(AMINO_ACIDS, k=60)) + member[start : start + 20]
    profile = library["bacteria_sesq_di"]
    target = easel.TextSequence(name=b"0", sequence=chimera).digitize(profiles.ALPHABET)
    (top,) = pyhmmer.hmmsearch([profile.hmm], [target], cpus=1, E=1e-3, Z=10_000, seed=42)
    assert len(top.reported) == 1  # HMMER alone reports it
    assert profiles.search([profile], [chimera]) == [[]]
    (matches,) = profiles.Search([profile]).matches([chimera])
    assert matches.hits == [] and matches.weak.e_value < profiles.E_VALUE
