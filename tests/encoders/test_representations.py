import dataclasses

import numpy as np
import pytest

from tpspred.encoders.profile import ProfileEncoder
from tpspred.encoders.representations import embed, featurize, represent
from tpspred.errors import StoreError
from tpspred.io import store
from tpspred.io.fasta import ProteinRecord, protein_record


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
    assert not table.embedding.any() and not table.features.any()


def test_a_stream_and_screened_proteins_give_the_same_table(table, small_encoder, records):
    streamed = featurize(embed(records, small_encoder), small_encoder.profiles)
    for field in dataclasses.fields(table):
        assert np.array_equal(getattr(streamed, field.name), getattr(table, field.name))
