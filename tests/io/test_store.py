import dataclasses

import h5py
import numpy as np
import pytest

from tpspred import encoders
from tpspred.errors import StoreError
from tpspred.io import fasta, store


@pytest.fixture
def saved(small, tmp_path):
    store.write(small.table, tmp_path / "s.h5")
    return tmp_path / "s.h5"


def test_round_trip(small, saved):
    table = store.read(saved)
    for field in dataclasses.fields(table):
        assert np.array_equal(getattr(table, field.name), getattr(small.table, field.name))


def test_ids_may_hold_anything(small, tmp_path):
    odd = dataclasses.replace(small.table, ids=["a/b|c é"] * len(small.table))
    store.write(odd, tmp_path / "o.h5")
    assert store.read(tmp_path / "o.h5").ids[0] == "a/b|c é"


def test_damaged_stores_are_refused(saved):
    data = saved.read_bytes()
    saved.write_bytes(data[: len(data) // 2])
    with pytest.raises(StoreError, match="a file that HDF5 cannot open"):
        store.read(saved)
    saved.write_bytes(data)
    with h5py.File(saved, "r+") as handle:
        del handle["embedding"]
    with pytest.raises(StoreError, match="found no embedding"):
        store.read(saved)
    with h5py.File(saved, "r+") as handle:
        handle["embedding"] = np.zeros((2, 3))
    with pytest.raises(StoreError, match="24 ids.* 2 embedding"):
        store.read(saved)
    with h5py.File(saved, "r+") as handle:
        handle.attrs["format_version"] = 7
    with pytest.raises(StoreError, match="found format version 7; wanted 3"):
        store.read(saved)


def test_store_of_another_encoder_is_refused(small, model):
    with pytest.raises(
        StoreError, match="found an embedding by profile [0-9a-f]+; wanted profile [0-9a-f]+"
    ):
        store.check_encoder(small.table, model.encoder, "s.h5")


def test_known_sequences_are_not_computed_again(small, enzymes, monkeypatch):
    def forbidden(*args):
        raise AssertionError("computed again")

    monkeypatch.setattr(type(small.predictor.encoder), "vector", forbidden)
    stream = [fasta.ProteinRecord(enzyme.id, "", enzyme.sequence) for enzyme in enzymes]
    again = encoders.embed(stream, small.predictor.encoder, known=small.table)
    assert np.array_equal(again.embedding, small.table.embedding)


def test_records_that_cannot_be_scored_keep_their_row(small):
    stream = [
        fasta.protein_record("a", "MK*L"),
        fasta.protein_record("b", ""),
        fasta.protein_record("c", "MKVL"),
    ]
    table = encoders.featurize(
        encoders.embed(stream, small.predictor.encoder), small.predictor.encoder.profiles
    )
    assert table.problems == ["internal_stop", "empty", store.NO_MATCH]
    assert not table.embedding.any() and not table.features.any()
