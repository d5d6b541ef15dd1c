"""Damaged and crafted weight files: each is read right or refused in one sentence."""

import argparse
import pathlib
import random
import subprocess
import sys
import types
import zipfile

import esm
import pytest
import torch
from support import random_weights

from tpspred.encoders import esm2, esm2_layout
from tpspred.errors import ModelError

EMBEDDING = "encoder.sentence_encoder.embed_tokens.weight"


@pytest.fixture
def crafted(tiny_weights, tmp_path):
    """Save the tiny weights after a change: crafted(change) → path."""

    def save(change):
        data = torch.load(tiny_weights, weights_only=False)
        path = tmp_path / "w.pt"
        changed = change(data)
        torch.save(data if changed is None else changed, path)
        return path

    return save


def refuse(path, message):
    """Assert that a file is refused, with one line that begins with its path."""
    with pytest.raises(ModelError, match=message) as error:
        esm2.load(path, "esm2_tiny")
    text = str(error.value)
    assert text.startswith(f"{path}: ") and text.isprintable() and len(text) < 500


def test_sound_file_is_read(tiny_weights):
    data = esm2_layout.read(tiny_weights)
    assert data["cfg"]["model"].encoder_layers == 2 and EMBEDDING in data["model"]


def test_shapes_are_those_of_the_network():
    for layers, dimension, heads in ((2, 32, 4), (1, 6, 1), (3, 40, 20)):
        network = esm.ESM2(layers, dimension, heads)
        shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
        assert esm2_layout.tensor_shapes(layers, dimension, heads) == shapes


def test_weights_of_the_contact_head_may_be_there(crafted):
    path = crafted(
        lambda data: data["model"].update({"contact_head.regression.bias": torch.ones(1)})
    )
    model, _ = esm2.load(path, "esm2_tiny")
    assert model.contact_head.regression.bias == 1
    path = crafted(
        lambda data: data["model"].update({"contact_head.regression.bias": torch.ones(9)})
    )
    refuse(path, r"contact_head.regression.bias has the shape \(9,\), not \(1,\)")


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "found a file that is cut short or damaged"),
        (b"PK\x03\x04", "found a file that is cut short or damaged"),
        (b"Dear reader,\n", "found a file of another kind; wanted ESM-2 weights"),
        (b"<html>", "found HTML or XML; wanted ESM-2 weights"),
        (b"\x89HDF\r\n\x1a\n", "found an HDF5 file; wanted ESM-2 weights"),
        (b"\x80\x02}q\x00.", "found a file of another kind; wanted ESM-2 weights"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / "w.pt").write_bytes(content)
    refuse(tmp_path / "w.pt", message)


def test_folder_is_refused(tmp_path):
    refuse(tmp_path, "Is a directory")


def test_format_before_torch_1_6_is_refused(tiny_weights, tmp_path):
    data = torch.load(tiny_weights, weights_only=False)
    torch.save(data, tmp_path / "w.pt", _use_new_zipfile_serialization=False)
    refuse(tmp_path / "w.pt", "found a file of another kind")


@pytest.mark.parametrize(
    "value", [[], [1], 5, None, "text", torch.ones(2), {}, {"cfg": {}}, {"model": {}}]
)
def test_files_with_other_content_are_refused(crafted, value):
    refuse(crafted(lambda data: (value,)[0] if value is not None else [None]), "another model")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(cfg=[]),
        lambda data: data.update(cfg=None),
        lambda data: data.update(cfg={}),
        lambda data: data.update(cfg={"model": {"encoder_layers": 2}}),
        lambda data: data.update(model=[]),
        lambda data: data.update(model=torch.ones(3)),
        lambda data: data.pop("cfg"),
        lambda data: data.pop("model") and None,
    ],
)
def test_parts_of_other_types_are_refused(crafted, change):
    refuse(crafted(lambda data: change(data) and None), "found weights of another model; wanted")


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("encoder_attention_heads", 0, "encoder_attention_heads 0; wanted a number of at least 1"),
        ("encoder_attention_heads", -4, "encoder_attention_heads -4; wanted"),
        ("encoder_attention_heads", 4.0, "encoder_attention_heads 4.0; wanted"),
        ("encoder_attention_heads", True, "encoder_attention_heads True; wanted"),
        ("encoder_attention_heads", "4" * 1000, "encoder_attention_heads '4444"),
        ("encoder_attention_heads", 3, "32 dimensions in 3 attention heads; wanted an even"),
        ("encoder_attention_heads", 32, "32 dimensions in 32 attention heads; wanted an even"),
        ("encoder_attention_heads", 10**30, "dimensions in 10+ attention heads"),
        ("encoder_layers", 0, "encoder_layers 0; wanted"),
        ("encoder_layers", 3, r"no layers.2.self_attn.rot_emb.inv_freq\)"),
        ("encoder_layers", 1, "an unknown tensor 'layers.1"),
        ("encoder_layers", 10**9, "found 1000000000 layers and 32 dimensions in .* bytes; wanted"),
        ("encoder_layers", None, "encoder_layers None"),
        ("encoder_embed_dim", 10**9, "2 layers and 1000000000 dimensions in .* bytes"),
        ("encoder_embed_dim", 24, r"embed_tokens.weight has the shape \(33, 32\), not \(33, 24\)"),
        ("token_dropout", "yes", "token_dropout 'yes'; wanted a bool"),
        ("token_dropout", None, "token_dropout None; wanted a bool"),
    ],
)
def test_descriptions_of_no_network_are_refused(crafted, name, value, message):
    refuse(crafted(lambda data: setattr(data["cfg"]["model"], name, value)), message)


def test_description_without_heads_is_refused(crafted):
    path = crafted(lambda data: delattr(data["cfg"]["model"], "encoder_attention_heads"))
    refuse(path, "encoder_attention_heads None")


@pytest.mark.parametrize(
    "value, message",
    [
        (torch.full((33, 32), float("nan")), "embed_tokens.weight has numbers that are not finite"),
        (torch.full((33, 32), float("inf")), "embed_tokens.weight has numbers that are not finite"),
        (torch.ones(33), r"embed_tokens.weight has the shape \(33,\), not \(33, 32\)"),
        (torch.ones(1).expand(10**9, 10**9), r"has the shape \(1000000000, 1000000000\)"),
        (torch.ones(33, 32, dtype=torch.int64), "embed_tokens.weight is no tensor of floats"),
        (torch.ones(33, 32, dtype=torch.complex64), "embed_tokens.weight is no tensor of floats"),
        (torch.ones(33, 32).to_sparse(), "embed_tokens.weight is no tensor of floats"),
        (torch.ones(33, 32, device="meta"), "embed_tokens.weight is no tensor of floats"),
        ([1.0], "embed_tokens.weight is no tensor of floats"),
        (None, "no embed_tokens.weight"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(crafted, value, message):
    refuse(crafted(lambda data: data["model"].update({EMBEDDING: value})), message)


@pytest.mark.parametrize("name", ["x", 5, "encoderXlm_head.bias", "a\nb\x1b[2J", "y" * 1000])
def test_unknown_tensors_are_refused(crafted, name):
    path = crafted(lambda data: data["model"].update({name: torch.ones(1)}))
    refuse(path, r"found a network that is no ESM-2 \(an unknown tensor '")


def repack(source, target, change, **options):
    """Write the archive of a weight file again, with right checksums, after a change of a part."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w", **options) as new:
        for name in archive.namelist():
            new.writestr(name, change(name, archive.read(name)))
    return target


@pytest.mark.parametrize("level", [0, 9])
def test_compressed_archive_is_refused(tiny_weights, tmp_path, level):
    """A small file could unpack to any size. Not compressed at all, torch reads other numbers."""
    path = repack(
        tiny_weights,
        tmp_path / "w.pt",
        lambda name, content: content if level == 0 else bytes(10**7),
        compression=zipfile.ZIP_DEFLATED,
        compresslevel=level,
    )
    refuse(path, "found a compressed archive; wanted ESM-2 weights of fair-esm")


def test_archive_whose_parts_overlap_is_refused(tiny_weights, tmp_path):
    """Many entries of one large part would take for ever to check."""
    path = tmp_path / "w.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", bytes(10**5))
        archive.filelist += [archive.filelist[0]] * 10
    refuse(path, "found a compressed archive")


def test_flipped_number_is_noticed(tiny_weights, tmp_path):
    """torch does not compare the checksums in the archive."""
    content = bytearray(tiny_weights.read_bytes())
    value = torch.load(tiny_weights, weights_only=False)["model"][EMBEDDING]
    content[content.index(value.numpy().tobytes()) + 100] ^= 1
    (tmp_path / "w.pt").write_bytes(content)
    torch.load(tmp_path / "w.pt", weights_only=False)
    refuse(tmp_path / "w.pt", r"damaged \(wrong checksum of 'archive/data/\d+'\)")


class Call:
    """A pickled call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "value",
    [
        Call(exec, "raise SystemExit('executed')"),
        Call(pathlib.Path.touch, pathlib.Path("executed")),
        Call(getattr, argparse.Namespace(), "x"),
        Call(bytearray, 10**18),
        Call(torch.FloatTensor, 10**15),
        types.SimpleNamespace(encoder_layers=2),
    ],
)
def test_objects_that_are_no_weights_are_refused(crafted, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = crafted(lambda data: data.update(more=value))
    refuse(path, "found objects that are no weights|found a file that is cut|cannot be loaded")
    assert [file.name for file in tmp_path.iterdir()] == ["w.pt"]


@pytest.mark.slow
def test_damaged_copies_give_the_same_numbers_or_an_error(tiny_weights, tmp_path):
    """Bytes are changed, most often where the archive describes itself, or the end is missing."""
    content = tiny_weights.read_bytes()
    original = esm2.load(tiny_weights, "esm2_tiny")[0].state_dict()
    path = tmp_path / "w.pt"
    refused = 0
    for seed in range(90):
        rng = random.Random(seed)
        damaged = bytearray(content[: rng.randrange(len(content))] if seed % 3 == 0 else content)
        begin = 0 if seed % 3 == 1 else max(0, len(damaged) - 4_000)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(begin, len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            state = esm2.load(path, "esm2_tiny")[0].state_dict()
        except ModelError as error:
            refused += 1
            assert str(error).startswith(f"{path}: ") and str(error).isprintable()
        else:
            assert all(
                torch.equal(value, state[name])
                for name, value in original.items()
                if not name.startswith("contact_head")
            )
    assert 60 <= refused < 90


@pytest.mark.slow
def test_crafted_pickles_are_read_or_refused(tiny_weights, tmp_path):
    """The checksums of the archive are right here, so that torch reads what was changed."""
    path = tmp_path / "w.pt"
    refused = 0
    for seed in range(90):
        rng = random.Random(seed)

        def change(name, content, rng=rng):
            if not name.endswith("data.pkl"):
                return content
            content = bytearray(content)
            for _ in range(rng.randint(1, 4)):
                place = rng.randrange(len(content))
                content[place : place + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
            return bytes(content)

        repack(tiny_weights, path, change)
        try:
            esm2.load(path, "esm2_tiny")
        except ModelError as error:
            refused += 1
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
    assert refused >= 60


@pytest.mark.slow
def test_weights_with_zero_heads_give_one_line(crafted, tmp_path):
    path = crafted(lambda data: setattr(data["cfg"]["model"], "encoder_attention_heads", 0))
    done = subprocess.run(
        [sys.executable, "-m", "tpspred", "embed", "-", "-o", tmp_path / "s.h5"]
        + ["--encoder", "esm2_tiny", "--weights", path, "--screen", "none"],
        input=">a\nMKV\n",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and not (tmp_path / "s.h5").exists()
    assert done.stderr == (
        f"tpspred: error: {path}: found encoder_attention_heads 0; wanted a number of at least 1\n"
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_precision_of_floats_is_read(crafted, dtype):
    def convert(data):
        data["model"] = {name: value.to(dtype) for name, value in data["model"].items()}

    model, _ = esm2.load(crafted(convert), "esm2_tiny")
    assert model.embed_tokens.weight.dtype == torch.float32


def test_large_network_is_read(tmp_path):
    """The smallest size that is accepted follows from the layers and dimensions."""
    for layers, dimension, heads in ((1, 2, 1), (6, 64, 4)):
        path = random_weights(tmp_path / "w.pt", layers, dimension, heads)
        assert esm2.load(path, "esm2_tiny")[0].num_layers == layers
