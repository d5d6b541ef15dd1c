"""The whole way from an input to calls."""

import dataclasses

import numpy as np
import pytest
import torch
from support import DATA

from tpspred import pipeline
from tpspred.encoders.protocol import encoder_by_name
from tpspred.encoders.representations import embed, featurize
from tpspred.errors import StoreError
from tpspred.io import files, store
from tpspred.io.fasta import read_fasta
from tpspred.io.shards import Shard

CPU = torch.device("cpu")


def test_the_store_of_an_encoder_is_read(small, tmp_path):
    store.write(small.table, tmp_path / "enzymes.h5")
    encoder, table = pipeline.read_store(tmp_path / "enzymes.h5", small.predictor.encoder)
    assert encoder is small.predictor.encoder
    assert table.ids == small.table.ids


def test_negatives_are_the_same_from_fasta_and_from_their_store(small, tmp_path):
    store.write(small.negatives[0], tmp_path / "n.h5")
    sources = [tmp_path / "n.h5", DATA / "negatives.faa"]
    stored, computed = pipeline.read_negatives(sources, small.predictor.encoder)
    assert stored.ids == computed.ids and stored.problems == computed.problems
    assert np.array_equal(stored.embedding, computed.embedding)
    assert np.array_equal(stored.features, computed.features)
    assert 0 < sum(not problem for problem in stored.problems) < len(stored)
    foreign = dataclasses.replace(small.negatives[0], encoder="oracle")
    store.write(foreign, tmp_path / "o.h5")
    with pytest.raises(StoreError, match="o.h5: found an embedding by oracle"):
        pipeline.read_negatives([tmp_path / "o.h5"], small.predictor.encoder)


def test_records_are_the_same_from_fasta_and_from_their_store(model, tmp_path):
    """Those that match no profile are there, and those that cannot be scored are not."""
    odd = DATA / "proteins.faa"
    (tmp_path / "p.faa").write_bytes(odd.read_bytes() + b">empty\n>broken\nMK4LV\n")
    table = embed(read_fasta(tmp_path / "p.faa"), model.encoder)
    store.write(table, tmp_path / "p.h5")
    assert {store.NO_MATCH, "empty", "invalid_residue"} <= set(table.problems)
    records = pipeline.read_records(tmp_path / "p.faa")
    assert [record.id for record in records] == [record.id for record in read_fasta(odd)]
    assert pipeline.read_records(tmp_path / "p.h5") == records


@pytest.mark.parametrize("lend_profiles", [False, True])
def test_a_store_of_another_encoder_is_named(small, tmp_path, lend_profiles):
    foreign = dataclasses.replace(small.negatives[0], encoder="oracle", checksum="0" * 64)
    store.write(foreign, tmp_path / "b.h5")
    with pytest.raises(StoreError, match="b.h5: found an embedding by oracle 000000000000; wanted"):
        pipeline.read_store(tmp_path / "b.h5", small.predictor.encoder, lend_profiles)


def test_profiles_are_lent_to_an_encoder_that_is_known_by_its_name(small, tmp_path):
    loaded, width = small.predictor.encoder, 32
    foreign = dataclasses.replace(
        small.table,
        encoder="esm2_tiny",
        checksum="1" * 64,
        embedding=np.ones((len(small.table), width), np.float32),
        pooling=encoder_by_name("esm2_tiny", loaded).pooling,
    )
    path = str(tmp_path / "a.h5")
    store.write(foreign, path)
    encoder, _ = pipeline.read_store(path, loaded, lend_profiles=True)
    assert (encoder.name, encoder.dimension, encoder.checksum) == ("esm2_tiny", width, "1" * 64)
    assert encoder.profiles is loaded.profiles
    with pytest.raises(StoreError, match="found an embedding by esm2_tiny"):
        pipeline.read_store(path, loaded)


def test_a_fasta_file_and_its_store_give_the_same_calls(model, tmp_path):
    records = read_fasta(DATA / "proteins.faa")
    table = featurize(embed(records, model.encoder), model.encoder.profiles)
    store.write(table, tmp_path / "s.h5")
    both = []
    for source in (DATA / "proteins.faa", tmp_path / "s.h5"):
        with files.open_input(source) as opened:
            both.append(list(pipeline.predict(opened, model, neighbours=2)))
        with files.open_input(source) as opened:
            (second,) = pipeline.predict(opened, model, Shard(2, 7))
        assert second.id == both[-1][1].id and len(second.neighbours) == 3
    first, other = both
    assert len(first) == 7 and len(first[0].neighbours) == 2
    assert [call.tps_probability for call in first] == [call.tps_probability for call in other]
    assert [(call.status, call.motifs, call.domains, call.flags) for call in first] == [
        (call.status, call.motifs, call.domains, call.flags) for call in other
    ]


@pytest.mark.parametrize("threads", [1, 3])
def test_several_inputs_give_the_calls_of_each(small, tmp_path, threads):
    """FASTA files, an empty one among them, and a store."""
    faa = (DATA / "proteins.faa").read_text().split(">")[1:]
    (tmp_path / "a.faa").write_text("".join(f">{record}" for record in faa[:3]))
    (tmp_path / "none.faa").write_text("")
    (tmp_path / "b.faa").write_text("".join(f">{record}" for record in faa[2:]))
    store.write(small.negatives[0], tmp_path / "n.h5")
    names = ["a.faa", "none.faa", "b.faa", "n.h5", "a.faa"]
    paths = [str(tmp_path / name) for name in names]

    def opened_in_turn():
        for path in paths:
            with files.open_input(path) as opened:
                yield opened

    found = list(pipeline.predict_each(opened_in_turn(), small.predictor, threads=threads))
    wanted = []
    for path in paths:
        with files.open_input(path) as opened:
            calls = pipeline.predict(opened, small.predictor, threads=threads)
            wanted += [(path, call.id, call.tps_probability) for call in calls]
    assert [(name, call.id, call.tps_probability) for name, call in found] == wanted
    second = pipeline.predict_each(opened_in_turn(), small.predictor, Shard(2, 3))
    assert [(name, call.id) for name, call in second] == [one[:2] for one in wanted[1::3]]
