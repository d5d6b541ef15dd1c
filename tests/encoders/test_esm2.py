"""ESM-2 as an encoder, on random weights in fair-esm's layout, through the real loader."""

import argparse
import os
import pickle
import re
import subprocess
import sys
import types

import esm
import numpy as np
import pytest
import torch
from support import ROOT, random_weights

from tpspred.encoders import esm2, esm2_forward, esm2_layout
from tpspred.encoders.runtime import Runtime
from tpspred.errors import MissingDependency, ModelError


def test_identical_sequences_are_computed_once(tiny_esm2, encode, monkeypatch):
    computed = []
    means = esm2_forward.LanguageModel._weighted_means
    monkeypatch.setattr(
        esm2_forward.LanguageModel,
        "_weighted_means",
        lambda self, batch, sequences: computed.extend(batch) or means(self, batch, sequences),
    )
    assert len(encode(tiny_esm2(), ["MKV", "MKVL", "MKV"])) == 2
    assert len(computed) == 2


def test_the_longest_proteins_come_first(tiny_esm2, encode, random_proteins):
    lengths = [len(sequence) for sequence in encode(tiny_esm2(), random_proteins)]
    # The windows of a protein of 2,500 residues are shorter than one of 1,022 residues.
    assert lengths == [1022, 2500, 1023, 200, 70, 70, 30, 5, 1]


def test_a_resumed_run_keeps_the_batches(tiny_esm2, encode, random_proteins):
    """A resumed run gives the missing vectors to the last bit, and does not repeat the others."""
    whole = encode(tiny_esm2(batch_residues=120), random_proteins)
    finished = set(random_proteins[2:5])
    rest = encode(tiny_esm2(batch_residues=120), random_proteins, finished=finished)
    assert set(rest) == set(random_proteins) - finished
    assert all(np.array_equal(rest[sequence], whole[sequence]) for sequence in rest)


def test_weights_are_loaded_only_for_sequences_that_are_not_finished(encode):
    absent = esm2.ESM2Encoder("esm2_tiny", [], Runtime(weights="absent.pt"))
    assert encode(absent, ["MKV"], finished={"MKV"}) == {}
    with pytest.raises(ModelError, match="no weights at absent.pt"):
        encode(absent, ["MKV", "MKVL"], finished={"MKV"})


def test_what_is_known_needs_no_weights():
    encoder = esm2.ESM2Encoder("esm2_tiny", [], None, checksum="abc", dimension=32)
    assert encoder.to_tree() == {"weights": {"sha256": "abc", "dimension": 32}}
    (part,) = encoder.parts
    assert part.width == 32 and part.standardise


def test_precision_follows_the_runtime(tiny_esm2):
    assert tiny_esm2(device="cpu").precision == "float32"
    assert tiny_esm2(precision="bfloat16").precision == "bfloat16"


def test_a_protein_has_as_many_passes_as_windows(tiny_esm2):
    assert [tiny_esm2().window_count(length_aa) for length_aa in (1, 1022, 1023, 2500)] == [
        1,
        1,
        2,
        3,
    ]


def test_a_model_refuses_other_weights(tiny_esm2, encode, tmp_path):
    other = random_weights(tmp_path / "other.pt", seed=1)
    trained = tiny_esm2()
    trained.ready()
    kept = esm2.ESM2Encoder.from_tree(
        {"name": trained.name} | trained.to_tree(), [], Runtime(weights=str(other))
    )
    with pytest.raises(
        ModelError,
        match=f"other.pt: found weights with SHA-256 [0-9a-f]+; wanted {trained.checksum[:12]}",
    ):
        encode(kept, ["MKV"])


def test_damaged_and_foreign_files_are_refused(tiny_weights, tmp_path):
    path = tmp_path / "w.pt"
    data = tiny_weights.read_bytes()
    for size in (0, 10, len(data) // 2, len(data) - 100):
        path.write_bytes(data[:size])
        with pytest.raises(ModelError, match="w.pt: found a file that is cut short or damaged"):
            esm2.load(path, "esm2_tiny")
    torch.save({"args": argparse.Namespace(arch="roberta_large"), "model": {}}, path)
    with pytest.raises(ModelError, match="found weights of another model; wanted ESM-2"):
        esm2.load(path, "esm2_tiny")
    whole = torch.load(tiny_weights, weights_only=False)
    torch.save(whole | {"model": dict(list(whole["model"].items())[:-5])}, path)
    with pytest.raises(ModelError, match="found a network that is no ESM-2"):
        esm2.load(path, "esm2_tiny")
    with pytest.raises(
        ModelError, match="found an ESM-2 of 2 layers and 32 dimensions; wanted 6 layers and 320"
    ):
        esm2.load(tiny_weights, "esm2_t6_8M_UR50D")


def test_file_that_changes_while_it_is_loaded_is_refused(tiny_weights, tmp_path, monkeypatch):
    """Its checksum, which a store or model would record, is that of the file before."""
    path = tmp_path / "w.pt"
    path.write_bytes(tiny_weights.read_bytes())
    read = esm2_layout.read

    def replaced(path):
        random_weights(path, seed=1)
        return read(path)

    monkeypatch.setattr(esm2_layout, "read", replaced)
    with pytest.raises(ModelError, match="w.pt: found a file that changes; wanted the file that"):
        esm2.ESM2Encoder("esm2_tiny", [], Runtime(weights=str(path))).ready()


@pytest.mark.slow
def test_lack_of_memory_is_named(tmp_path):
    """Whether it shows when the file is mapped, checked, or copied into the network."""
    path = random_weights(tmp_path / "w.pt", dimension=1024)  # 105 MB
    program = (
        "import resource, sys, tpspred.encoders.esm2 as esm2, esm.pretrained\n"
        "from tpspred.errors import ModelError\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "for megabytes in (50, 120, 150, 200, 1000):\n"
        "    limit = used + megabytes * 1_000_000\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))\n"
        "    try:\n"
        "        esm2.load(sys.argv[1], 'esm2_tiny')\n"
        "        print('loaded')\n"
        "    except ModelError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},  # stacks of threads need memory, too
    )
    assert done.returncode == 0, done.stderr
    *failures, last = done.stdout.splitlines()
    assert len(failures) == 4 and last == "loaded"
    assert all(re.match(f"{path}: cannot be loaded .*[Mm]emory", line) for line in failures)


class Trap:
    def __reduce__(self):
        return os.mkdir, ("trap",)


@pytest.mark.parametrize(
    "save", [lambda value, path: path.write_bytes(pickle.dumps(value)), torch.save]
)
def test_nothing_in_a_file_is_executed(tmp_path, monkeypatch, save):
    monkeypatch.chdir(tmp_path)
    save({"cfg": Trap(), "model": {}}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match="w.pt: found"):
        esm2.load(tmp_path / "w.pt", "esm2_tiny")
    assert not (tmp_path / "trap").exists()


def test_error_names_the_other_package_called_esm(tiny_weights, monkeypatch):
    other = types.ModuleType("esm")
    other.__spec__ = esm.__spec__
    monkeypatch.setitem(sys.modules, "esm", other)
    with pytest.raises(
        MissingDependency, match="another package called esm.*pip install --force-reinstall"
    ):
        esm2.load(tiny_weights, "esm2_tiny")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_saved_weights_are_those_of_the_network(tiny_weights, tmp_path, dtype):
    """Half precision rounds the weights, and fair-esm ignores further parts of the file."""
    model, _ = esm2.load(tiny_weights, "esm2_tiny")
    path = tmp_path / "w.pt"
    esm2.save(model, path, dtype, training={"seconds": 5})
    data = torch.load(path, weights_only=False)
    assert data["training"] == {"seconds": 5}
    assert not any("contact_head" in name for name in data["model"])
    parameters = {
        name: value
        for name, value in model.named_parameters(remove_duplicate=False)
        if not name.startswith("contact_head")
    }
    assert "lm_head.weight" in parameters  # another name of embed_tokens.weight
    for name, value in parameters.items():
        prefix = "encoder." if name.startswith("lm_head") else "encoder.sentence_encoder."
        assert data["model"][prefix + name].dtype == dtype
        assert torch.equal(data["model"][prefix + name], value.detach().to(dtype))
    again, _ = esm2.load(path, "esm2_tiny")
    rounded = {name: torch.finfo(dtype).eps * value.abs() for name, value in parameters.items()}
    for name, value in again.named_parameters():
        if name in parameters:
            assert ((value - parameters[name]).abs() <= rounded[name] + 1e-7).all()
