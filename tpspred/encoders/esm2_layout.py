"""Read a weight file in fair-esm's layout, and check it before a network is built from it.

A weight file may come from a stranger. Nothing in it is executed, and a damaged or crafted file
is refused in one sentence.
"""

import argparse
import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from typing import Any, NoReturn, TypeGuard

import torch

from ..errors import ModelError
from ..io import files
from ..io.paths import Path

WANTED = "ESM-2 weights of fair-esm"
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# Beginning of the names of tensors, which fair-esm removes.
PREFIX = re.compile(r"^encoder\.(sentence_encoder\.)?")
NUMBERS = ("encoder_layers", "encoder_embed_dim", "encoder_attention_heads")
TOKENS = 33  # amino acids and other symbols that ESM-2 knows
# Bytes that a layer has at least, per dimension squared: 4 matrices of attention and 8 of the
# feed-forward network (in units of dimension × dimension), in half precision.
LAYER_BYTES = 24


def read(path: Path) -> dict[str, Any]:
    """Read and check a weight file.

    Args:
        path: Path of the weight file.

    Returns:
        The dictionary in the file, of which fair-esm reads ``cfg`` and ``model``.

    Raises:
        ModelError: If the file is damaged, contains something else, or does not contain all weights
            of the network that it describes, as finite numbers.
    """
    _check_archive(path)
    data = _unpickle(path)
    _check_config(data, path)
    _check_tensors(data["model"], data["cfg"]["model"], path)
    return data


def _check_archive(path: Path) -> None:
    """Check the checksums in the ZIP archive that a weight file is; torch does not.

    Raises:
        ModelError: If the archive is damaged, or could unpack to more than its size.
    """
    try:
        with open(path, "rb") as handle:
            begin = handle.read(100)
        if begin and not begin.startswith(b"PK"):
            kind = files.kind_of(begin) or files.UNKNOWN_KIND
            raise ModelError.at(path, kind, f"{WANTED} (.pt)")
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            is_stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
            if not is_stored or unpacked > os.path.getsize(path):
                raise ModelError.at(path, "a compressed archive", f"{WANTED} (.pt), as torch saves")
            damaged = archive.testzip()
    except ModelError:
        raise
    except Exception as error:  # a damaged archive can raise almost anything
        _refuse_damaged(path, error)
    if damaged is not None:
        _refuse_damaged(path, f"wrong checksum of {damaged!r:.80}")


def _unpickle(path: Path) -> Any:
    """Read what is in a weight file, without executing anything.

    Raises:
        ModelError: If the file is damaged, or contains objects that are no weights.
    """
    try:
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about what a crafted file contains
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError:
        raise ModelError.at(path, "objects that are no weights", f"{WANTED} (.pt)") from None
    except Exception as error:  # a damaged pickle can raise almost anything
        _refuse_damaged(path, error)


def _check_config(data: object, path: Path) -> None:
    """Check the description of the network in a weight file.

    Raises:
        ModelError: If it is not there, or describes no network, or one that is too large to be in
            the file.
    """
    parts = data if isinstance(data, dict) else {}
    cfg, state = parts.get("cfg"), parts.get("model")
    config = cfg.get("model") if isinstance(cfg, dict) else None
    if not isinstance(config, argparse.Namespace) or not isinstance(state, dict):
        raise ModelError.at(path, "weights of another model", f"{WANTED} (parts cfg and model)")
    values = vars(config)
    for name in NUMBERS:
        value = values.get(name)
        if type(value) is not int or value < 1:
            raise ModelError.at(path, f"{name} {value!r:.80}", "a number of at least 1")
    if not isinstance(values.get("token_dropout"), bool):
        raise ModelError.at(path, f"token_dropout {values.get('token_dropout')!r:.80}", "a bool")
    layers, dimension, heads = (values[name] for name in NUMBERS)
    if dimension % (2 * heads):
        raise ModelError.at(
            path,
            f"{dimension} dimensions in {heads} attention heads",
            "an even number of dimensions in each",
        )
    if LAYER_BYTES * layers * dimension**2 > os.path.getsize(path):
        raise ModelError.at(
            path,
            f"{layers} layers and {dimension} dimensions in {os.path.getsize(path)} bytes",
            "a file that contains all weights of its network",
        )


def _check_tensors(state: Mapping[object, object], config: argparse.Namespace, path: Path) -> None:
    """Check that the tensors of a weight file are those of the network that it describes.

    Raises:
        ModelError: If a tensor is absent, unknown, or has another shape or type, or if a number is
            not finite.
    """
    shapes = tensor_shapes(
        config.encoder_layers, config.encoder_embed_dim, config.encoder_attention_heads
    )
    tensors = {_plain_name(name): tensor for name, tensor in state.items()}
    for name in tensors.keys() - shapes.keys():
        _refuse(path, f"an unknown tensor {name!r:.80}")
    for name, shape in shapes.items():
        tensor = tensors.get(name)
        if tensor is None and name.startswith("contact_head."):
            continue  # the head that predicts contacts is in a file of its own
        if not _is_plain(tensor):
            _refuse(path, f"no {name}" if tensor is None else f"{name} is no tensor of floats")
        if tuple(tensor.shape) != shape:
            _refuse(path, f"{name} has the shape {tuple(tensor.shape)}, not {shape}")
        smallest, largest = torch.aminmax(tensor)  # 10 times as fast as isfinite of all; keeps NaN
        if not (smallest.isfinite() and largest.isfinite()):
            _refuse(path, f"{name} has numbers that are not finite")


def tensor_shapes(layers: int, dimension: int, heads: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all tensors of an ESM-2 by their names.

    Args:
        layers: Number of layers.
        dimension: Length of the vector of a residue.
        heads: Number of attention heads in each layer.
    """
    hidden = 4 * dimension
    shapes: dict[str, tuple[int, ...]] = {
        "embed_tokens.weight": (TOKENS, dimension),
        "lm_head.weight": (TOKENS, dimension),
        "lm_head.bias": (TOKENS,),
        "contact_head.regression.weight": (1, layers * heads),
        "contact_head.regression.bias": (1,),
    }
    matrices = {"lm_head.dense": (dimension, dimension)}  # (outputs, inputs)
    norms = ["emb_layer_norm_after", "lm_head.layer_norm"]
    for layer in (f"layers.{number}" for number in range(layers)):
        for projection in ("k_proj", "v_proj", "q_proj", "out_proj"):
            matrices[f"{layer}.self_attn.{projection}"] = (dimension, dimension)
        matrices[f"{layer}.fc1"] = (hidden, dimension)
        matrices[f"{layer}.fc2"] = (dimension, hidden)
        norms += [f"{layer}.self_attn_layer_norm", f"{layer}.final_layer_norm"]
        shapes[f"{layer}.self_attn.rot_emb.inv_freq"] = (dimension // heads // 2,)
    for name, (outputs, inputs) in matrices.items():
        shapes |= {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
    for name in norms:
        shapes |= {f"{name}.weight": (dimension,), f"{name}.bias": (dimension,)}
    return shapes


def _plain_name(name: object) -> str:
    """Return the name that a tensor of a weight file has in the network.

    >>> _plain_name("encoder.sentence_encoder.layers.0.fc1.weight")
    'layers.0.fc1.weight'
    >>> _plain_name("encoder.lm_head.bias")
    'lm_head.bias'
    """
    return PREFIX.sub("", str(name))


def _is_plain(tensor: object) -> TypeGuard[torch.Tensor]:
    """Return whether an object is a tensor of real floating-point numbers in memory."""
    return (
        isinstance(tensor, torch.Tensor)
        and tensor.layout == torch.strided
        and tensor.device.type == "cpu"
        and tensor.dtype in FLOATS
    )


def _refuse(path: Path, reason: str) -> NoReturn:
    raise ModelError.at(path, f"a network that is no ESM-2 ({reason})", WANTED)


def _refuse_damaged(path: Path, reason: object) -> NoReturn:
    """Refuse a file that could not be read, unless the memory was too small for it.

    Args:
        path: Path of the file.
        reason: What is wrong, or what was raised.
    """
    lines = str(reason).splitlines() or [type(reason).__name__]
    short = lines[0].partition(". ")[0][:200]
    if "memory" in short.lower():
        raise ModelError(f"{path}: cannot be loaded ({short})") from None
    raise ModelError.at(
        path, f"a file that is cut short or damaged ({short})", f"{WANTED} (.pt), whole"
    ) from None
