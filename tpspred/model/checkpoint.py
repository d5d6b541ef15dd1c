"""Model and encoder files: one HDF5 file each, which says what it is and whether it is complete.

A file is a tree of arrays and JSON texts (see ``io.tree``). It is sealed: one that is cut short or
was altered is refused, and a model is known by the SHA-256 that the seal is compared with. A file
whose parts do not fit together is refused too. No pickle is loaded.

Networks, enzymes and calibration are read when the first protein is scored. Most proteins of a
genome do not pass the screen, which needs the profiles alone.
"""

from __future__ import annotations

import importlib.resources
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dataset.labels import GROUPS, Label
from ..encoders.protocol import Encoder, encoder_class, known_names
from ..encoders.runtime import Runtime
from ..errors import ModelError
from ..family import features, profiles
from ..family.motifs import MOTIFS, Site
from ..family.profiles import Profile
from ..io import tree
from ..io.paths import Path
from ..io.tree import StoredTree, Tree
from . import calibration
from .decision import Decision
from .fingerprints import Fingerprints
from .kernel_regression import KernelRegression
from .neighbours import References
from .predictor import Predictor
from .scaling import Scaling
from .trained import TrainedNetworks, group_sizes, weight_shapes

if TYPE_CHECKING:
    from pyhmmer import plan7

MODEL, ENCODER = "tpspred-model", "tpspred-encoder"
FORMAT_VERSION = 7
BUNDLED = "resources/tpspred.h5"
ENCODER_PARTS = ("encoder/name", "encoder/profiles", "encoder/hmms")
MODEL_PARTS = (
    *ENCODER_PARTS,
    "labels",
    "features",
    "scaling",
    "networks",
    "calibration",
    "references",
    "decision",
    "training",
)
CALIBRATION_NUMBERS = (
    "slopes",
    "offsets",
    "product_line",
    "thresholds",
    "tps_threshold",
    "uncertain_threshold",
    "sequences",
)
# Part that is an array: numpy's letters of its type, and the names of its axes. Axes of one name
# have one size.
ARRAYS: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "labels/positives": ("iu", ("labels",)),
    "scaling/embedding_mean": ("f", ("dimension",)),
    "scaling/feature_mean": ("f", ("features",)),
    "scaling/feature_scale": ("f", ("features",)),
    "calibration/slopes": ("f", ("labels", 2)),
    "calibration/offsets": ("f", ("labels", 2)),
    "calibration/product_line": ("f", (4,)),
    "calibration/thresholds": ("f", ("labels",)),
    "calibration/tps_threshold": ("f", ()),
    "calibration/uncertain_threshold": ("f", ()),
    "calibration/sequences": ("f", ()),
    "calibration/held_out/probabilities": ("f", ("held_out", "labels")),
    "calibration/held_out/targets": ("iu", ("held_out", "labels")),
    "calibration/held_out/similarity": ("f", ("held_out",)),
    "references/vectors": ("f", ("enzymes", "dimension")),
    # Eight times 0 or 1 in a byte.
    "references/targets": ("iu", ("enzymes", "bytes of labels")),
    "references/known": ("iu", ("enzymes", "bytes of labels")),
    "references/makes": ("iu", ("enzymes", "bytes of products")),
    "references/regression/features": ("f", ("enzymes", "features")),
    "references/regression/coefficients": ("f", ("enzymes", "labels and products")),
    "references/regression/means": ("f", ("labels and products",)),
    "references/fingerprints/blocks": ("iu", ("blocks",)),
    "references/fingerprints/lengths": ("iu", ("enzymes",)),
    "references/folds": ("iu", ("enzymes",)),
    "references/similarities": ("f", ("points",)),
    "references/identities": ("f", ("points",)),
    "decision/targets": ("iu", ("sequences", 1)),
    "decision/regression/features": ("f", ("sequences", "features")),
    "decision/regression/coefficients": ("f", ("sequences", 1)),
    "decision/regression/means": ("f", (1,)),
    "training/sequence_hashes": ("iu", ("sequences",)),
    "training/sequence_folds": ("iu", ("sequences",)),
}
SHA256 = re.compile("[0-9a-f]{64}")


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
    with tree.opened(source, (MODEL,), FORMAT_VERSION, MODEL_PARTS, ModelError) as stored:
        encoder = encoder_from_tree(stored["encoder"], source, runtime)
        return predictor_from_tree(stored, encoder, source)


def save(predictor: Predictor, path: Path) -> str:
    """Write a model file.

    Args:
        predictor: Model.
        path: File to write.

    Returns:
        Checksum of the file, which becomes part of the model's name.
    """
    encoder = encoder_to_tree(predictor.encoder)
    content = {**predictor_to_tree(predictor), "encoder": encoder}
    return tree.write(content, path, MODEL, FORMAT_VERSION)


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
    kinds = (ENCODER, MODEL)
    with tree.opened(source, kinds, FORMAT_VERSION, ENCODER_PARTS, ModelError) as stored:
        return encoder_from_tree(stored["encoder"], source, runtime)


def save_encoder(encoder: Encoder, path: Path) -> str:
    """Write an encoder without a model, and return the checksum of the file."""
    return tree.write({"encoder": encoder_to_tree(encoder)}, path, ENCODER, FORMAT_VERSION)


def predictor_to_tree(predictor: Predictor) -> Tree:
    """Return the arrays and texts of a model, without its encoder."""
    trained, fitted, references = predictor.trained, predictor.calibration, predictor.references
    numbers = {name: np.asarray(getattr(fitted, name), float) for name in CALIBRATION_NUMBERS}
    return {
        "labels": {
            "names": np.array([label.column.encode() for label in trained.labels]),
            "positives": trained.positives,
        },
        "features": list(trained.feature_names),
        "scaling": vars(trained.scaling),
        "networks": dict(trained.weights),
        "calibration": numbers | {"held_out": vars(fitted.held_out)},
        "references": vars(references)
        | {
            "targets": np.packbits(references.targets, 1),
            "known": np.packbits(references.known, 1),
            "makes": np.packbits(references.makes, 1),
            "regression": _regression_to_tree(references.regression),
            "fingerprints": vars(references.fingerprints),
        },
        "decision": {
            "targets": predictor.decision.targets,
            "regression": _regression_to_tree(predictor.decision.regression),
        },
        "training": {
            "record": predictor.training_record,
            "history": trained.history,
            "member_folds": trained.member_folds,
            "sequence_hashes": trained.sequence_hashes,
            "sequence_folds": trained.sequence_folds,
        },
    }


def predictor_from_tree(stored: StoredTree, encoder: Encoder, source: Path) -> Predictor:
    """Make a predictor from the tree of its file.

    Args:
        stored: Tree of the file.
        encoder: Encoder of the model.
        source: File, for error messages.

    Raises:
        ModelError: If the model needs a feature that this version does not compute.
        ValueError, TypeError, LookupError: If a part does not fit.
    """
    feature_names = tuple(stored["features"])
    names = [name.decode() for name in stored["labels"]["names"]]
    if not all(name.partition(":")[0] in GROUPS for name in names):
        raise ValueError("labels/names")
    labels = [Label(*name.split(":", 1)) for name in names]
    _check_arrays(stored, encoder, feature_names, labels)
    unknown = [name for name in feature_names if name not in features.FEATURES]
    if unknown:
        raise ModelError.at(
            source,
            f"features that this version does not compute: {', '.join(unknown)}",
            "a model made by this version",
        )
    training = stored["training"]
    record = training["record"]
    if not _are_texts([record["name"]]):
        raise ValueError("training/record")
    trained = TrainedNetworks(
        labels=labels,
        positives=stored["labels"]["positives"],
        feature_names=feature_names,
        scaling=Scaling(**{name: np.float32(array) for name, array in stored["scaling"].items()}),
        weights=stored["networks"],
        member_folds=training["member_folds"],
        sequence_hashes=training["sequence_hashes"],
        sequence_folds=training["sequence_folds"],
        history=training["history"],
    )
    return Predictor(
        encoder,
        trained,
        stored["references"].later(lambda references: _references(references, len(labels))),
        stored["decision"].later(_decision),
        record,
        stored["calibration"].later(_calibration),
        stored.sha256,
    )


def _references(stored: StoredTree, label_count: int) -> References:
    """Read the characterised enzymes of a model.

    Args:
        stored: Tree of the enzymes.
        label_count: Number of labels of the model.

    Raises:
        ValueError, TypeError, LookupError: If their names, structures or fingerprints do not fit.
    """
    structures = stored["structures"]
    if not _are_texts(structures):
        raise ValueError("references/structures")
    counts = {"targets": label_count, "known": label_count, "makes": len(structures)}
    for name, count in counts.items():
        if stored[name].shape[1] != -(-count // 8):
            raise ValueError(f"references/{name}")
    regression = _regression_from_tree(stored["regression"])
    if len(regression.means) != label_count + len(structures):
        raise ValueError("references/regression")
    fingerprints = Fingerprints(**stored["fingerprints"])
    if fingerprints.counts.sum() != len(fingerprints.blocks):
        raise ValueError("references/fingerprints")
    bits = {name: np.unpackbits(stored[name], 1, count=count) for name, count in counts.items()}
    parts = {**stored, **bits, "regression": regression, "fingerprints": fingerprints}
    references = References(**parts)
    about = references.about
    if len(about) != len(references.vectors) or not all(map(_is_known_enzyme, about)):
        raise ValueError("references/about")
    return references


def _decision(stored: StoredTree) -> Decision:
    """Read the decision of a model."""
    return Decision(stored["targets"], _regression_from_tree(stored["regression"]))


def _regression_to_tree(regression: KernelRegression) -> Tree:
    """Return the arrays of a regression."""
    return {
        "features": regression.features.astype(np.float16),
        "coefficients": regression.coefficients.astype(np.float16),
        "means": regression.means,
    }


def _regression_from_tree(stored: StoredTree) -> KernelRegression:
    """Make a regression of its arrays, in a precision that is sooner multiplied."""
    return KernelRegression(**{name: np.float32(array) for name, array in stored.items()})


def _calibration(stored: StoredTree) -> calibration.Calibration:
    """Read the calibration of a model."""
    numbers = {name: stored[name][()] for name in CALIBRATION_NUMBERS}
    return calibration.Calibration(
        **numbers | {"sequences": int(numbers["sequences"])},
        held_out=calibration.HeldOut(**stored["held_out"]),
    )


def _check_arrays(
    stored: StoredTree, encoder: Encoder, feature_names: Sequence[str], labels: Sequence[Label]
) -> None:
    """Refuse a model whose arrays do not fit together, without reading them.

    Raises:
        ValueError, TypeError, LookupError: If they do not; the message names the part.
    """
    sizes: dict[str | int, int] = {
        "dimension": encoder.dimension,
        "features": len(feature_names),
        "labels": len(labels),
    }
    shapes = weight_shapes(encoder.dimension, len(feature_names), group_sizes(labels))
    arrays = dict(ARRAYS)
    for name, shape in shapes.items():
        arrays[f"networks/{name}"] = "f", ("networks", *shape)
    for path, (letters, axes) in arrays.items():
        shape, kind = stored.shape_and_kind(path)
        wanted = tuple(
            axis if isinstance(axis, int) else sizes.setdefault(axis, size)
            for axis, size in zip(axes, shape)
        )
        if shape != wanted or len(shape) != len(axes) or kind not in letters:
            raise ValueError(f"{path}: shape {shape}, type {kind}")
    if set(stored["networks"]) != set(shapes):
        raise ValueError("networks")
    if not (sizes["enzymes"] and sizes["points"] and sizes["networks"]):
        raise ValueError("no enzyme, or no network")
    if len(stored["training"]["member_folds"]) != sizes["networks"]:
        raise ValueError("training/member_folds")
    if stored["scaling"]["embedding_scale"].shape not in ((1,), (encoder.dimension,)):
        raise ValueError("scaling/embedding_scale")


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
    hmms = profiles.pack(profile.hmm for profile in encoder.profiles)
    return {"name": encoder.name, "profiles": about, "hmms": hmms} | dict(encoder.to_tree())


def encoder_from_tree(stored: StoredTree, source: Path, runtime: Runtime | None = None) -> Encoder:
    """Make an encoder from its tree.

    Args:
        stored: Tree of the encoder.
        source: File, for error messages.
        runtime: How a language model runs.

    Raises:
        ModelError: If this version has no such encoder.
        ValueError, TypeError, LookupError: If a part does not fit.
    """
    about = stored["profiles"]
    names = [profile["name"] for profile in about]
    if not _are_texts(names):
        raise ValueError("encoder/profiles")
    hmms = profiles.unpack(names, stored["hmms"])
    family_profiles = [_profile(*described) for described in zip(about, hmms, strict=True)]
    weights = stored.get("weights")
    if weights and not (SHA256.fullmatch(weights["sha256"]) and weights["dimension"] > 0):
        raise ValueError("encoder/weights")
    named_class = encoder_class(stored["name"])
    if named_class is None:
        raise ModelError.at(source, f"an encoder named {stored['name']}", known_names())
    return named_class.from_tree(stored, family_profiles, runtime)


def _profile(about: Mapping[str, Any], hmm: plan7.HMM) -> Profile:
    """Make a profile of what a file contains about it.

    Raises:
        ValueError, TypeError, LookupError: If it does not fit.
    """
    regions = tuple((name, first, last) for name, first, last in about["regions"])
    sites = tuple(Site(**site) for site in about["sites"])
    fits = all(1 <= first <= last <= hmm.M for _, first, last in regions) and all(
        site.motif in MOTIFS and 1 <= site.column <= hmm.M and 0 <= site.frequency <= 1
        for site in sites
    )
    if not (fits and _are_texts([name for name, _, _ in regions])):
        raise ValueError(f"profile {about['name']}")
    return Profile(about["name"], hmm, regions, sites)
