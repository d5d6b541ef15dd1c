"""Model and encoder files: one HDF5 file each, which says what it is and whether it is complete.

A file is a tree of arrays and JSON texts. Its root attributes contain the format, its version, and
the SHA-256 of all names, types, shapes and bytes, by which a model is known. The file is sealed
(see ``io.hdf5``), so that one that is cut short or was altered is refused. So is one whose parts do
not fit together. No pickle is loaded.
"""

import functools
import hashlib
import importlib.resources
import json
import operator
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..dataset.labels import GROUPS, Label
from ..encoders.protocol import Encoder, Tree, encoder_class, known_names
from ..encoders.runtime import Runtime
from ..errors import ModelError
from ..family import features, profiles
from ..family.motifs import MOTIFS, Site
from ..family.profiles import Profile
from ..io import hdf5
from ..io.paths import Path
from . import calibration
from .neighbours import References
from .predictor import Predictor
from .scaling import Scaling
from .trained import TrainedNetworks

MODEL, ENCODER = "tpspred-model", "tpspred-encoder"
FORMAT_VERSION = 4
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
# Part that is an array: numpy's letters of its type, and the names of its axes. Axes of one name
# have one size.
ARRAYS: dict[str, tuple[str, tuple[str, ...]]] = {
    "labels/positives": ("iu", ("labels",)),
    "scaling/embedding_mean": ("f", ("dimension",)),
    "scaling/feature_mean": ("f", ("features",)),
    "scaling/feature_scale": ("f", ("features",)),
    "calibration/slopes": ("f", ("labels",)),
    "calibration/offsets": ("f", ("labels",)),
    "calibration/thresholds": ("f", ("labels",)),
    "calibration/tps_threshold": ("f", ()),
    "calibration/uncertain_threshold": ("f", ()),
    "calibration/sequences": ("f", ()),
    "calibration/held_out/probabilities": ("f", ("held_out", "labels")),
    "calibration/held_out/targets": ("iu", ("held_out", "labels")),
    "calibration/held_out/similarity": ("f", ("held_out",)),
    "references/vectors": ("f", ("enzymes", "dimension")),
    "references/targets": ("iu", ("enzymes", "labels")),
    "references/folds": ("iu", ("enzymes",)),
    "references/similarities": ("f", ("points",)),
    "references/identities": ("f", ("points",)),
    "training/sequence_hashes": ("iu", ("sequences",)),
    "training/sequence_folds": ("iu", ("sequences",)),
}
FIT = "a model whose parts fit together"
ONE_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")
SHA256 = re.compile("[0-9a-f]{64}")
# How a profile begins. HMMER crashes where the alphabet does not come before the matrix.
HMM_HEADER = re.compile(
    rb"HMMER3/f [ -~]*\nNAME  [!-~]+\n(?:(?:ACC|DESC)  [ -~]*\n)*"
    rb"LENG  [1-9][0-9]{0,4}\n(?:MAXL  [0-9]+\n)?ALPH  amino\n"
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
        InputError: If the file cannot be opened.
        ModelError: If the file is cut short, was altered, is of another format version, lacks a
            part or has one that does not fit, or needs a feature that this version does not
            compute.
    """
    source = str(path or bundled())
    tree, checksum = read_tree(source, (MODEL,), MODEL_PARTS)
    with hdf5.refusing_damage(source, FIT, ModelError):
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
        InputError: If the file cannot be opened.
        ModelError: If the file is cut short, was altered, is of another format version, or lacks
            a part or has one that does not fit.
    """
    source = str(path or bundled())
    tree, _ = read_tree(source, (ENCODER, MODEL), ENCODER_PARTS)
    with hdf5.refusing_damage(source, FIT, ModelError):
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
        ValueError, TypeError, LookupError: If a part does not fit.
    """
    _check_parts(tree, encoder)
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
        scaling=Scaling(**{name: np.float32(array) for name, array in tree["scaling"].items()}),
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


def _check_parts(tree: Tree, encoder: Encoder) -> None:
    """Refuse a model whose arrays and texts do not fit together.

    Raises:
        ValueError, TypeError, LookupError: If they do not; the message names the part.
    """
    about = tree["references"]["about"]
    sizes = {
        "dimension": encoder.dimension,
        "features": len(tree["features"]),
        "labels": len(tree["labels"]["names"]),
        "enzymes": len(about),
    }
    for path, (letters, axes) in ARRAYS.items():
        array: Any = functools.reduce(operator.getitem, path.split("/"), tree)
        wanted = tuple(sizes.setdefault(axis, size) for axis, size in zip(axes, array.shape))
        is_fine = array.dtype.kind in letters and np.isfinite(array).all()
        if array.shape != wanted or not is_fine:
            raise ValueError(f"{path}: shape {array.shape}, type {array.dtype}")
    scale = tree["scaling"]["embedding_scale"]
    if scale.shape not in ((1,), (encoder.dimension,)) or not np.isfinite(scale).all():
        raise ValueError("scaling/embedding_scale")
    if not (sizes["enzymes"] and sizes["points"] and len(tree["members"])):
        raise ValueError("no enzyme, or no network")
    if not all(name.decode().partition(":")[0] in GROUPS for name in tree["labels"]["names"]):
        raise ValueError("labels/names")
    if not all(map(_is_known_enzyme, about)):
        raise ValueError("references/about")
    if not _are_texts([tree["training"]["record"]["name"]]):
        raise ValueError("training/record")


def _is_known_enzyme(about: Mapping[str, Any]) -> bool:
    """Return whether a JSON value is what a model says about a characterised enzyme."""
    lists = [about[name] for name in ("accessions", "species", "products")]
    return _are_texts([about["id"]]) and all(map(_are_texts, lists))


def _are_texts(value: object) -> bool:
    """Return whether a JSON value is a list of texts."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


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
        ValueError, TypeError, LookupError: If a part does not fit.
    """
    family_profiles = [
        _profile(about, tree["hmms"][str(k)].tobytes()) for k, about in enumerate(tree["profiles"])
    ]
    if len(tree["hmms"]) != len(family_profiles):
        raise ValueError("encoder/hmms")
    weights = tree.get("weights")
    if weights and not (SHA256.fullmatch(weights["sha256"]) and weights["dimension"] > 0):
        raise ValueError("encoder/weights")
    named_class = encoder_class(tree["name"])
    if named_class is None:
        raise ModelError.at(source, f"an encoder named {tree['name']}", known_names())
    return named_class.from_tree(tree, family_profiles, runtime)


def _profile(about: Mapping[str, Any], hmm_data: bytes) -> Profile:
    """Make a profile of what a file contains about it.

    Raises:
        ValueError, TypeError, LookupError: If it does not fit.
    """
    if not HMM_HEADER.match(hmm_data):
        raise ValueError(f"profile {about['name']}")
    hmm = profiles.from_bytes(hmm_data)
    regions = tuple((name, first, last) for name, first, last in about["regions"])
    sites = tuple(Site(**site) for site in about["sites"])
    fits = all(1 <= first <= last <= hmm.M for _, first, last in regions) and all(
        site.motif in MOTIFS and 1 <= site.column <= hmm.M and 0 <= site.frequency <= 1
        for site in sites
    )
    are_names = _are_texts([about["name"], *(name for name, _, _ in regions)])
    if not (fits and are_names) or hmm.alphabet != profiles.ALPHABET:
        raise ValueError(f"profile {about['name']}")
    return Profile(about["name"], hmm, regions, sites)


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
    with hdf5.writing(path, kind, FORMAT_VERSION, {"sha256": checksum}) as handle:
        for name, value in flat.items():
            if isinstance(value, str):
                hdf5.add_text(handle, name, value)
            else:
                hdf5.add_array(handle, name, value)
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
        InputError: If the file cannot be opened.
        ModelError: If the file is cut short, was altered, is of another format or version, or lacks
            a part.
    """
    with hdf5.reading(path, kinds, FORMAT_VERSION, ModelError) as content:
        missing = [name for name in required if name not in content.handle]
        if missing:
            raise ModelError.at(path, f"no part {', '.join(missing)}", "a whole model")
        flat: dict[str, Any] = {}
        for name, dataset in content.datasets.items():
            value = dataset[()]
            flat[name] = value.decode() if isinstance(value, bytes) else np.asarray(value)
        checksum = _checksum(flat)
        recorded = content.attributes["sha256"]
        if checksum != recorded:
            raise ModelError.at(
                path, f"altered content (checksum {checksum[:12]})", f"checksum {recorded[:12]}"
            )
        tree = _nest(flat)
        odd = next((text for text in _texts(tree) if not ONE_LINE.fullmatch(text)), None)
        if odd is not None:
            raise ModelError.at(
                path, f"the name '{hdf5.shown(odd)}'", "names without control characters"
            )
        return tree, checksum


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in a tree."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "S":
        for item in value.ravel().tolist():
            yield item.decode()


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
