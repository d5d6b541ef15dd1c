"""Model and encoder files: one HDF5 file each, that says what it is and whether it is whole. No pickle.

A file is a tree of arrays and JSON texts. Its root attributes name the format, its version and the SHA-256 of all
names, types, shapes and bytes, so that a file that was cut short, altered or robbed of a part is refused.
"""

import hashlib
import importlib.resources
import json

import h5py
import numpy as np

from .. import __version__, encoders
from ..errors import ModelError
from ..family import profiles
from ..family.motifs import Site
from ..io import files

MODEL, ENCODER = "tpspred-model", "tpspred-encoder"
FORMAT_VERSION = 3
BUNDLED = "resources/tpspred.h5"
ENCODER_PARTS = ("encoder/name", "encoder/profiles", "encoder/hmms")
MODEL_PARTS = ENCODER_PARTS + (
    "labels",
    "features",
    "scaling",
    "members",
    "calibration",
    "references",
    "training",
)


def bundled():
    """Path of the model that comes with the package."""
    return importlib.resources.files("tpspred").joinpath(BUNDLED)


def load(path=None, runtime=None):
    """Load a model, the bundled one by default.

    Args:
        runtime: Choices of encoders.language_model.Runtime as a dictionary, for a model with an ESM-2 encoder.

    Returns:
        prediction.Predictor.

    Raises:
        ModelError: If the file is cut short, altered, of another format version, or lacks a part.
    """
    from .predictor import Predictor

    path = str(path or bundled())
    tree, checksum = read_tree(path, MODEL, MODEL_PARTS)
    return Predictor.from_tree(tree, encoder_from_tree(tree["encoder"], path, runtime), checksum)


def save(predictor, path):
    """Write a model; the checksum becomes part of its name."""
    return write_tree(
        predictor.to_tree() | {"encoder": encoder_to_tree(predictor.encoder)}, path, MODEL
    )


def load_encoder(path=None, runtime=None):
    """Load the encoder of an encoder file or of a model; of the bundled model by default."""
    path = str(path or bundled())
    tree, _ = read_tree(path, (ENCODER, MODEL), ENCODER_PARTS)
    return encoder_from_tree(tree["encoder"], path, runtime)


def save_encoder(encoder, path):
    """Write an encoder alone."""
    return write_tree({"encoder": encoder_to_tree(encoder)}, path, ENCODER)


def encoder_to_tree(encoder):
    """Arrays and texts of an encoder and its profiles."""
    about = [
        {
            "name": profile.name,
            "regions": profile.regions,
            "sites": [vars(site) for site in profile.sites],
        }
        for profile in encoder.profiles
    ]
    return {
        "name": encoder.name,
        "profiles": about,
        "hmms": {
            str(k): np.frombuffer(profiles.to_bytes(profile.hmm), np.uint8)
            for k, profile in enumerate(encoder.profiles)
        },
    } | encoder.to_tree()


def encoder_from_tree(tree, path, runtime=None):
    """Encoder from its arrays and texts.

    Raises:
        ModelError: If this version has no such encoder.
    """
    library = [
        profiles.Profile(
            about["name"],
            profiles.from_bytes(tree["hmms"][str(k)].tobytes()),
            tuple(map(tuple, about["regions"])),
            tuple(Site(**site) for site in about["sites"]),
        )
        for k, about in enumerate(tree["profiles"])
    ]
    try:
        kind = encoders.kind(tree["name"])
    except KeyError:
        raise ModelError.at(
            path, f"an encoder named {tree['name']}", "profile, esm2_* or profile+esm2_*"
        ) from None
    return kind.from_tree(tree, library, runtime)


def write_tree(tree, path, kind):
    """Write nested dictionaries of arrays and JSON values; returns the checksum."""
    flat = {
        name: value if isinstance(value, np.ndarray) else json.dumps(value, sort_keys=True)
        for name, value in _flatten(tree)
    }
    checksum = _checksum(flat)
    with files.atomic_path(path) as target, h5py.File(target, "w") as handle:
        handle.attrs.update(
            {
                "format": kind,
                "format_version": FORMAT_VERSION,
                "sha256": checksum,
                "tpspred_version": __version__,
            }
        )
        for name, value in flat.items():
            large = isinstance(value, np.ndarray) and value.size > 64
            packed = {"compression": "gzip", "shuffle": True} if large else {}
            handle.create_dataset(name, data=value, track_times=False, **packed)
    return checksum


def read_tree(path, kinds, required):
    """Read and verify a tree.

    Args:
        kinds: Accepted format or formats.
        required: Parts that must be there, as paths.

    Returns:
        (nested dictionaries, checksum).
    """
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    try:
        with h5py.File(path, "r") as handle:
            found = handle.attrs.get("format", "no tpspred format")
            if found not in kinds:
                raise ModelError.at(path, found, " or ".join(kinds))
            if handle.attrs["format_version"] != FORMAT_VERSION:
                raise ModelError.at(
                    path, f"format version {handle.attrs['format_version']}", str(FORMAT_VERSION)
                )
            missing = [name for name in required if name not in handle]
            if missing:
                raise ModelError.at(path, f"no part {', '.join(missing)}", "a whole model")
            flat, names = {}, []
            handle.visititems(
                lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
            )
            for name in names:
                value = handle[name][()]
                flat[name] = value.decode() if isinstance(value, bytes) else np.asarray(value)
            wanted = handle.attrs["sha256"]
    except (OSError, KeyError, RuntimeError) as error:
        if isinstance(error, FileNotFoundError):
            raise ModelError(f"{path}: no such file") from None
        raise ModelError.at(
            path,
            f"a file that is cut short or damaged ({str(error).splitlines()[0]})",
            "a whole model",
        ) from None
    checksum = _checksum(flat)
    if checksum != wanted:
        raise ModelError.at(
            path, f"altered content (checksum {checksum[:12]})", f"checksum {wanted[:12]}"
        )
    return _nest(flat), checksum


def _checksum(flat):
    digest = hashlib.sha256()
    for name in sorted(flat):
        value = flat[name]
        kind = f"{value.dtype.str}{value.shape}" if isinstance(value, np.ndarray) else "text"
        data = (
            np.ascontiguousarray(value).tobytes()
            if isinstance(value, np.ndarray)
            else value.encode()
        )
        digest.update(f"{name}\0{kind}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _flatten(tree, prefix=""):
    """Yield (path, leaf); a dictionary with any array below it is a group, any other a leaf."""
    for name, value in tree.items():
        if isinstance(value, dict) and _holds_array(value):
            yield from _flatten(value, f"{prefix}{name}/")
        else:
            yield prefix + name, value


def _holds_array(value):
    return (
        isinstance(value, np.ndarray)
        or isinstance(value, dict)
        and any(map(_holds_array, value.values()))
    )


def _nest(flat):
    tree = {}
    for name, value in flat.items():
        *groups, leaf = name.split("/")
        place = tree
        for group in groups:
            place = place.setdefault(group, {})
        place[leaf] = json.loads(value) if isinstance(value, str) else value
    return tree
