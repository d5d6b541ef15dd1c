"""The screen, and the protein that has passed it."""

import pytest

from tpspred.family import screening
from tpspred.family.motifs import MotifHit
from tpspred.family.screening import ScreenedProtein, screen, screened_batches
from tpspred.io.fasta import ProteinRecord, protein_record


def test_records_keep_their_order_and_identity(records, proteins):
    assert all(protein.record is record for protein, record in zip(proteins, records, strict=True))


def test_motifs_are_read_at_the_sites_of_the_best_profile(proteins):
    for protein in proteins[:4]:
        sites = protein.hits[0].profile.sites
        assert [hit.motif for hit in protein.motifs] == [site.motif for site in sites]
    assert all(not protein.motifs for protein in proteins[4:])


def test_neighbours_and_threads_change_nothing(model, records, proteins):
    for threads, subset in ((1, records[2:3]), (2, records[::-1])):
        for other in screen(subset, model.encoder.profiles, threads):
            protein = proteins[records.index(other.record)]
            assert [hit.bits for hit in other.hits] == [hit.bits for hit in protein.hits]
            assert other.motifs == protein.motifs


@pytest.mark.parametrize("batch_residues", [1, 700, 10**6])
def test_batches_change_nothing(model, records, proteins, batch_residues, monkeypatch):
    monkeypatch.setattr(screening, "SEARCH_RESIDUES", 500)
    stream = iter(records * 3)
    batches = list(screened_batches(stream, model.encoder.profiles, 2, batch_residues))
    screened = [protein for batch in batches for protein in batch]
    assert [protein.record for protein in screened] == records * 3
    for protein, other in zip(screened, proteins * 3):
        assert protein.motifs == other.motifs
        assert [hit.bits for hit in protein.hits] == [hit.bits for hit in other.hits]


def test_a_record_with_a_problem_is_not_searched(model, records):
    stopped = protein_record("p", records[0].sequence + "*" + "MKV")
    empty = protein_record("q", "")
    screened = screen([stopped, records[0], empty], model.encoder.profiles)
    assert [bool(protein.hits) for protein in screened] == [False, True, False]


@pytest.mark.parametrize("count", [0, 1])
def test_no_record_or_no_profile_is_no_problem(model, records, count):
    assert screen([], model.encoder.profiles[:count]) == []
    assert screen(records[:count], []) == [ScreenedProtein(record) for record in records[:count]]


def test_a_protein_without_hits_says_what_it_is_like(model, records):
    fragment = protein_record("p", records[2].sequence[:28])
    (protein,) = screen([fragment], model.encoder.profiles)
    assert not protein.hits and not protein.motifs
    assert protein.weak.profile == "plantae_tri"


def test_unknown_residues_are_left_out():
    protein = ScreenedProtein(ProteinRecord("p", "", "XMX" + "KX" * 70))
    assert protein.known_residues == "M" + "K" * 70
    assert protein.n_terminus == "M" + "K" * 59
    assert protein.record.sequence.startswith("XMX")


def test_states_of_a_motif_stand_in_the_order_of_its_sites():
    hits = [
        MotifHit("DDxxD", "intact", 3, 7, "DDAAD"),
        MotifHit("QW", "missing", 0, 0, ""),
        MotifHit("DDxxD", "altered", 30, 34, "DNAAD"),
    ]
    protein = ScreenedProtein(ProteinRecord("p", "", "M" * 40), (), hits)
    assert protein.motif_states("DDxxD") == ["intact", "altered"]
    assert protein.motif_states("DxDD") == []
    assert protein.motifs_by_name["QW"] == [hits[1]]
