"""Model and encoder files: one HDF5 file each, which says what it is and whether it is complete.

A file is a tree of arrays and JSON texts. Its root attributes contain the format, its version, and
the SHA-256 of all names, types, shapes and bytes. A file that is cut short, was altered or lacks a
part is therefore refused. No pickle is loaded.
"""

import hashlib
import importlib.resources
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from .. import __version__
from ..dataset.labels import Label
from ..encoders.protocol import Encoder, Tree, encoder_class, known_names
from ..encoders.runtime import Runtime
from ..errors import ModelError
from ..family import features, profiles
from ..family.motifs import Site
from ..io import files
from ..io.files import Path
from ..io.hdf5 import refuse_pointers
from . import calibration
from .neighbours import References
from .predictor import Predictor
from .scaling import Scaling
from .training import TrainedNetworks

MODEL, ENCODER = "tpspred-model", "tpspred-encoder"
FORMAT_VERSION = 3
BUNDLED = "resources/tpspred.h5"
ENCODER_PARTS = ("encoder/name", "encoder/profiles", "encoder/hmms")
MODEL_PARTS = (
    *ENCODER_PARTS,
    "labels",
    "features",
    "scaling",
    "members",
    "calibration",
    "references",
    "training",
)
CALIBRATION_NUMBERS = (
    "slopes",
    "offsets",
    "thresholds",
    "tps_threshold",
    "uncertain_threshold",
    "sequences",
)


def bundled() -> pathlib.Path:
    """Return the path of the model that comes with the package."""
    return pathlib.Path(str(importlib.resources.files("tpspred").joinpath(BUNDLED)))


def load(path: Path | None = None, runtime: Runtime | None = None) -> Predictor:
    """Load a model.

    Args:
        path: Model file; the bundled model by default.
        runtime: How a language model runs, for a model with an ESM-2 encoder.

    Raises:
        ModelError: If the file is cut short, was altered, is of another format version, lacks a
            part, or needs a feature that this version does not compute.
    """
    source = str(path or bundled())
    tree, checksum = read_tree(source, (MODEL,), MODEL_PARTS)
    encoder = encoder_from_tree(tree["encoder"], source, runtime)
    return predictor_from_tree(tree, encoder, checksum, source)


def save(predictor: Predictor, path: Path) -> str:
    """Write a model file.

    Args:
        predictor: Model.
        path: File to write.

    Returns:
        Checksum of the file, which becomes part of the model's name.
    """
    tree = predictor_to_tree(predictor) | {"encoder": encoder_to_tree(predictor.encoder)}
    return write_tree(tree, path, MODEL)


def load_encoder(path: Path | None = None, runtime: Runtime | None = None) -> Encoder:
    """Load an encoder.

    Args:
        path: Encoder file or model file; the bundled model by default.
        runtime: How a language model runs, for an ESM-2 encoder.

    Raises:
        ModelError: If the file is cut short, was altered, is of another format version, or lacks
            a part.
    """
    source = str(path or bundled())
    tree, _ = read_tree(source, (ENCODER, MODEL), ENCODER_PARTS)
    return encoder_from_tree(tree["encoder"], source, runtime)


def save_encoder(encoder: Encoder, path: Path) -> str:
    """Write an encoder without a model, and return the checksum of the file."""
    return write_tree({"encoder": encoder_to_tree(encoder)}, path, ENCODER)


def predictor_to_tree(predictor: Predictor) -> Tree:
    """Return the arrays and texts of a model, without its encoder."""
    trained, fitted = predictor.trained, predictor.calibration
    numbers = {name: np.asarray(getattr(fitted, name), float) for name in CALIBRATION_NUMBERS}
    return {
        "labels": {
            "names": np.array([label.column.encode() for label in trained.labels]),
            "positives": trained.positives,
        },
        "features": list(trained.feature_names),
        "scaling": vars(trained.scaling),
        "members": {str(k): state for k, state in enumerate(trained.members)},
        "calibration": numbers | {"held_out": vars(fitted.held_out)},
        "references": vars(predictor.references),
        "training": {
            "record": predictor.training_record,
            "history": trained.history,
            "member_folds": trained.member_folds,
            "sequence_hashes": trained.sequence_hashes,
            "sequence_folds": trained.sequence_folds,
        },
    }


def predictor_from_tree(tree: Tree, encoder: Encoder, checksum: str, source: Path) -> Predictor:
    """Make a predictor from the tree of its file.

    Args:
        tree: Tree of the file.
        encoder: Encoder of the model.
        checksum: Checksum of the file.
        source: File, for error messages.

    Raises:
        ModelError: If the model needs a feature that this version does not compute.
    """
    unknown = [name for name in tree["features"] if name not in features.FEATURES]
    if unknown:
        raise ModelError.at(
            source,
            f"features that this version does not compute: {', '.join(unknown)}",
            "a model made by this version",
        )
    training = tree["training"]
    trained = TrainedNetworks(
        labels=[Label(*name.decode().split(":", 1)) for name in tree["labels"]["names"]],
        positives=tree["labels"]["positives"],
        feature_names=tuple(tree["features"]),
        scaling=Scaling(**tree["scaling"]),
        members=[tree["members"][str(k)] for k in range(len(tree["members"]))],
        member_folds=training["member_folds"],
        sequence_hashes=training["sequence_hashes"],
        sequence_folds=training["sequence_folds"],
        history=training["history"],
    )
    numbers = {name: tree["calibration"][name][()] for name in CALIBRATION_NUMBERS}
    fitted = calibration.Calibration(
        **numbers | {"sequences": int(numbers["sequences"])},
        held_out=calibration.HeldOut(**tree["calibration"]["held_out"]),
    )
    references = References(**tree["references"])
    return Predictor(encoder, trained, references, training["record"], fitted, checksum)


def encoder_to_tree(encoder: Encoder) -> Tree:
    """Return the arrays and texts of an encoder and its profiles."""
    about = [
        {
            "name": profile.name,
            "regions": profile.regions,
            "sites": [vars(site) for site in profile.sites],
        }
        for profile in encoder.profiles
    ]
    hmms = {
        str(k): np.frombuffer(profiles.to_bytes(profile.hmm), np.uint8)
        for k, profile in enumerate(encoder.profiles)
    }
    return {"name": encoder.name, "profiles": about, "hmms": hmms} | encoder.to_tree()


def encoder_from_tree(tree: Tree, source: Path, runtime: Runtime | None = None) -> Encoder:
    """Make an encoder from its tree.

    Args:
        tree: Tree of the encoder.
        source: File, for error messages.
        runtime: How a language model runs.

    Raises:
        ModelError: If this version has no such encoder.
    """
    family_profiles = [
        profiles.Profile(
            about["name"],
            profiles.from_bytes(tree["hmms"][str(k)].tobytes()),
            tuple(map(tuple, about["regions"])),
            tuple(Site(**site) for site in about["sites"]),
        )
        for k, about in enumerate(tree["profiles"])
    ]
    named_class = encoder_class(tree["name"])
    if named_class is None:
        raise ModelError.at(source, f"an encoder named {tree['name']}", known_names())
    return named_class.from_tree(tree, family_profiles, runtime)


def write_tree(tree: Tree, path: Path, kind: str) -> str:
    """Write a tree into an HDF5 file.

    Args:
        tree: Nested dictionaries of arrays and JSON values.
        path: File to write.
        kind: Format of the file, such as :data:`MODEL`.

    Returns:
        SHA-256 of the content.
    """
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


def read_tree(path: Path, kinds: Sequence[str], required: Sequence[str]) -> tuple[Tree, str]:
    """Read and verify a tree.

    Args:
        path: HDF5 file.
        kinds: Accepted formats.
        required: Parts that the file must contain, as paths inside it.

    Returns:
        (nested dictionaries; SHA-256 of the content).

    Raises:
        ModelError: If the file does not exist, is cut short, was altered, is of another format or
            version, or lacks a part.
    """
    try:
        with h5py.File(path, "r") as handle:
            refuse_pointers(handle, str(path), ModelError)
            kind = handle.attrs.get("format", "no tpspred format")
            if kind not in kinds:
                raise ModelError.at(path, kind, " or ".join(kinds))
            if handle.attrs["format_version"] != FORMAT_VERSION:
                raise ModelError.at(
                    path, f"format version {handle.attrs['format_version']}", str(FORMAT_VERSION)
                )
            missing = [name for name in required if name not in handle]
            if missing:
                raise ModelError.at(path, f"no part {', '.join(missing)}", "a whole model")
            flat: dict[str, Any] = {}
            names: list[str] = []
            handle.visititems(
                lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
            )
            for name in names:
                value = handle[name][()]
                flat[name] = value.decode() if isinstance(value, bytes) else np.asarray(value)
            recorded = handle.attrs["sha256"]
    except (OSError, KeyError, RuntimeError) as error:
        if isinstance(error, FileNotFoundError):
            raise ModelError(f"{path}: no such file") from None
        raise ModelError.at(
            path,
            f"a file that is cut short or damaged ({str(error).splitlines()[0]})",
            "a whole model",
        ) from None
    checksum = _checksum(flat)
    if checksum != recorded:
        raise ModelError.at(
            path, f"altered content (checksum {checksum[:12]})", f"checksum {recorded[:12]}"
        )
    return _nest(flat), checksum


def _checksum(flat: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all names, types, shapes and bytes."""
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


def _flatten(tree: Tree, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, array or JSON value) of a tree.

    A dictionary that contains an array at any depth becomes an HDF5 group. Any other dictionary
    becomes one JSON text.
    """
    for name, value in tree.items():
        if isinstance(value, dict) and _contains_array(value):
            yield from _flatten(value, f"{prefix}{name}/")
        else:
            yield prefix + name, value


def _contains_array(value: object) -> bool:
    """Return whether a value is an array, or a dictionary that contains one at any depth."""
    if isinstance(value, dict):
        return any(map(_contains_array, value.values()))
    return isinstance(value, np.ndarray)


def _nest(flat: Mapping[str, Any]) -> Tree:
    """Return the tree of paths inside a file."""
    tree: Tree = {}
    for name, value in flat.items():
        *groups, leaf = name.split("/")
        branch = tree
        for group in groups:
            branch = branch.setdefault(group, {})
        branch[leaf] = json.loads(value) if isinstance(value, str) else value
    return tree
