"""Representations of streams, lists and stores of proteins."""

import dataclasses

import numpy as np
import pytest

from tpspred.encoders.esm2 import ESM2Encoder
from tpspred.encoders.profile import ProfileEncoder
from tpspred.encoders.representations import (
    embed,
    featurize,
    represent,
    represent_records,
    represent_rows,
)
from tpspred.encoders.runtime import Runtime
from tpspred.errors import StoreError
from tpspred.family import features
from tpspred.io import store
from tpspred.io.embedding_journal import open_journal
from tpspred.io.fasta import PROBLEMS, ProteinRecord, protein_record, read_fasta


@pytest.fixture(scope="module")
def table(fitted):
    """The representations of the sampled enzymes."""
    encoder, proteins = fitted
    return represent(proteins, encoder)


@pytest.fixture
def records(enzymes):
    return [ProteinRecord(enzyme.id, "", enzyme.sequence) for enzyme in enzymes]


def test_store_of_another_encoder_is_refused(table, model):
    with pytest.raises(
        StoreError, match="found an embedding by profile [0-9a-f]+; wanted profile [0-9a-f]+"
    ):
        store.check_encoder(table, model.encoder, "s.h5")


def test_known_sequences_are_not_computed_again(table, small_encoder, records, monkeypatch):
    def forbidden(*args):
        raise AssertionError("computed again")

    monkeypatch.setattr(ProfileEncoder, "vector", forbidden)
    again = embed(records, small_encoder, known=table)
    assert np.array_equal(again.embedding, table.embedding)
    with pytest.raises(AssertionError, match="computed again"):
        embed(records[:1], small_encoder)


def test_records_that_cannot_be_scored_keep_their_row(small_encoder):
    stream = [
        protein_record("a", "MK*L"),
        protein_record("b", ""),
        protein_record("c", "MKVL"),
    ]
    table = featurize(embed(stream, small_encoder), small_encoder.profiles)
    assert table.problems == ["internal_stop", "empty", store.NO_MATCH]
    assert table.lengths.tolist() == [4, 0, 4]
    assert not table.embedding.any() and not table.features.any()


# One record of each kind, as FASTA. The unscored ones have no sequence in common but ''.
EVERY_KIND = (
    ">empty\n>stop\nMK*L\n>long\n" + "M" * 100_001 + "\n>unknown a description\nXXX\n"
    ">invalid\nMK!VL\n>dna\n" + "ACGT" * 20 + "\n>stranger\nMKVLAWMKVLAW\n>stop again\nM*K*LW\n"
)
PROBLEMS_OF_EVERY_KIND = [*PROBLEMS, store.NO_MATCH, "internal_stop"]


@pytest.fixture
def every_kind(records, tmp_path):
    """FASTA file with a record of each kind, the first of which is a terpene synthase."""
    path = tmp_path / "every.faa"
    path.write_text(f">first\n{records[0].sequence}\n{EVERY_KIND}")
    return path


def test_records_of_every_kind_come_back_from_a_store(small_encoder, every_kind, tmp_path):
    """Each has its own problem and length, though all of them have the same sequence, ''."""
    all_records = list(read_fasta(every_kind))
    store.write(embed(all_records, small_encoder), tmp_path / "s.h5")
    table = store.read(tmp_path / "s.h5")
    assert table.problems == ["", *PROBLEMS_OF_EVERY_KIND]
    assert table.lengths.tolist()[1:] == [0, 4, 100_001, 3, 5, 80, 12, 6]
    rows = flat(represent_rows(table, range(len(table)), small_encoder, ["log_length"]))
    assert [row.protein.record for row in rows] == all_records
    again = embed(all_records, small_encoder, known=table)
    assert again.problems == table.problems and np.array_equal(again.lengths, table.lengths)
    assert np.array_equal(again.embedding, table.embedding)


@pytest.mark.slow
def test_a_store_gives_the_same_rows_as_its_fasta_file(run, every_kind, tmp_path):
    direct = run("predict", every_kind)
    assert run("embed", every_kind, "-o", tmp_path / "s.h5").code == 0
    for _ in range(2):  # the second time with features
        stored = run("predict", tmp_path / "s.h5")
        assert (stored.code, stored.out) == (0, direct.out)
        assert run("featurize", tmp_path / "s.h5").code == 0
    statuses = [line.split("\t")[2] for line in direct.out.decode().splitlines()[2:]]
    assert statuses == [*PROBLEMS, "not_tps", "internal_stop"]


def test_a_stream_and_screened_proteins_give_the_same_table(table, small_encoder, records):
    streamed = featurize(embed(records, small_encoder), small_encoder.profiles)
    for field in dataclasses.fields(table):
        assert np.array_equal(getattr(streamed, field.name), getattr(table, field.name))


def flat(batches):
    """All represented proteins of a stream of batches."""
    return [represented for batch in batches for represented in batch]


@pytest.mark.parametrize("with_features", [True, False])
def test_rows_of_a_store_are_represented_as_their_records_are(
    table, small_encoder, records, with_features
):
    stranger = protein_record("random", "MKVL" * 30)
    unscored = protein_record("stopped", "MK*L")
    everything = [records[0], stranger, unscored, *records[1:]]
    names = features.feature_names()[::-1]
    stored = embed(everything, small_encoder)
    if with_features:
        stored = featurize(stored, small_encoder.profiles)
    from_store = flat(represent_rows(stored, range(len(stored)), small_encoder, names))
    from_records = flat(represent_records(everything, small_encoder, names))
    assert len(from_store) == len(from_records) == len(everything)
    for first, second in zip(from_store, from_records):
        assert first.protein.record == second.protein.record
        assert first.protein.motifs == second.protein.motifs
        assert np.array_equal(first.embedding, second.embedding)
        assert np.array_equal(first.features, second.features)
    assert [one.embedding is None for one in from_store[:4]] == [False, True, True, False]
    some = flat(represent_rows(stored, [4, 0], small_encoder, names))
    assert [one.protein.record.id for one in some] == [records[2].id, records[0].id]


def test_a_sequence_that_occurs_twice_is_computed_once(small_encoder, records, monkeypatch):
    computed = []
    vector = ProfileEncoder.vector

    def counted(encoder, protein):
        computed.append(protein.record.id)
        return vector(encoder, protein)

    monkeypatch.setattr(ProfileEncoder, "vector", counted)
    twin = records[0]._replace(id="twin")
    stored = embed([records[0], records[1], twin], small_encoder)
    assert stored.ids == [records[0].id, records[1].id, "twin"]
    assert len(computed) == 2 and np.array_equal(stored.embedding[0], stored.embedding[2])


def test_a_journal_gives_back_what_an_earlier_run_computed(
    table, small_encoder, records, tmp_path, monkeypatch
):
    made_by = {"encoder": small_encoder.name}
    target = str(tmp_path / "s.h5")
    with (
        pytest.raises(KeyboardInterrupt),
        open_journal(target, made_by, small_encoder.dimension) as interrupted,
    ):
        embed(records[:3], small_encoder, journal=interrupted)
        raise KeyboardInterrupt
    monkeypatch.setattr(ProfileEncoder, "vector", None)
    with open_journal(target, made_by, small_encoder.dimension) as resumed:
        stored = embed(records[:3], small_encoder, journal=resumed)
    assert np.array_equal(stored.embedding, table.embedding[:3])


def test_without_a_screen_every_protein_is_computed(tiny_weights):
    encoder = ESM2Encoder("esm2_tiny", [], Runtime(weights=str(tiny_weights)))
    stranger = protein_record("random", "MKVL" * 30)
    unscored = protein_record("stopped", "MK*L")
    stored = embed([stranger, unscored], encoder, screened=False)
    assert stored.problems == ["", "internal_stop"] and stored.screen == store.UNSCREENED
    assert stored.embedding[0].any() and not stored.embedding[1].any()
    assert stored.windows.tolist() == [1, 0]


def test_features_that_other_profiles_gave_are_not_used(table, small_encoder, records):
    """A store without a screen does not say which profiles its features come from."""
    names = features.feature_names()
    lie = dataclasses.replace(table, features=table.features + 1)
    (honest,) = represent_rows(table, [0], small_encoder, names)
    (trusted,) = represent_rows(lie, [0], small_encoder, names)
    assert np.array_equal(trusted[0].features, honest[0].features + 1)
    unscreened = dataclasses.replace(lie, screen=store.UNSCREENED)
    incomplete = dataclasses.replace(lie, features=lie.features[:, 1:], feature_names=names[1:])
    for other in (unscreened, incomplete):
        (computed,) = represent_rows(other, [0], small_encoder, names)
        assert np.array_equal(computed[0].features, honest[0].features)
