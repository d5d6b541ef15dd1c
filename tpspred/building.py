"""The whole way from labelled enzymes to a model.

Labelled enzymes become a model in five steps: family profiles are built from them; they are
screened and represented; networks learn from the representations; the enzymes become the references
of the model; the networks are calibrated on the proteins that they left out.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import platform
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pyfamsa
import pyhmmer
from numpy.typing import NDArray

from . import __version__
from .dataset.enzymes import Enzyme
from .dataset.labels import IS_TPS, Label, labels_of
from .encoders.profile import ProfileEncoder
from .encoders.protocol import Encoder
from .encoders.representations import represent
from .family.alignment import identity_matrix
from .family.profile_building import build_profiles
from .family.screening import ScreenedProtein, screen
from .io.fasta import ProteinRecord
from .io.store import Representations
from .model.decision import Decision
from .model.examples import Examples, gather_examples
from .model.held_out import calibrate
from .model.hyperparameters import Config
from .model.neighbours import KnownEnzyme, References, comparable
from .model.predictor import Predictor
from .model.trained import TrainingRecord

if TYPE_CHECKING:
    import torch


def build_model(
    enzymes: Sequence[Enzyme],
    negatives: Iterable[ProteinRecord],
    config: Config,
    name: str,
    device: torch.device,
    labels: list[Label] | None = None,
    threads: int = 1,
    exclude: Callable[[Representations, Encoder], Representations] = lambda table, encoder: table,
) -> tuple[Predictor, Examples]:
    """Build a model from labelled sequences.

    Args:
        enzymes: Labelled enzymes.
        negatives: Proteins that are not terpene synthases.
        config: Hyperparameters.
        name: Name of the model.
        device: Device to train on.
        labels: Labels of the model; by default those of the enzymes.
        threads: CPU threads; the model does not depend on them.
        exclude: Function that is called with the representations of the negatives and the
            encoder, and returns them with a problem in each row that must not be learnt from.

    Returns:
        (calibrated model; examples that it was trained on).
    """
    labels = labels or labels_of(enzymes)
    encoder, proteins = fit_encoder(enzymes, threads)
    table = represent(proteins, encoder, threads)
    screened = screen_all(negatives, encoder, threads)
    others = exclude(represent(screened, encoder, threads), encoder)
    examples = gather_examples(enzymes, table, [others], labels, threads=threads)
    predictor = train(enzymes, examples, labels, encoder, config, name, device, threads=threads)
    return calibrate(predictor, examples, threads), examples


def fit_encoder(
    enzymes: Sequence[Enzyme], threads: int = 1
) -> tuple[ProfileEncoder, list[ScreenedProtein]]:
    """Build the family profiles of labelled enzymes and fit the profile encoder.

    Returns:
        (encoder; the enzymes, screened with its profiles).
    """
    from .encoders.profile_fitting import fit_profile_encoder  # needs torch

    identities = identity_matrix([enzyme.sequence for enzyme in enzymes], threads)
    profiles = build_profiles(enzymes, identities, threads)
    records = [ProteinRecord(enzyme.id, "", enzyme.sequence) for enzyme in enzymes]
    proteins = screen(records, profiles, threads)
    return fit_profile_encoder(profiles, proteins, enzymes), proteins


def screen_all(
    records: Iterable[ProteinRecord], encoder: Encoder, threads: int = 1
) -> list[ScreenedProtein]:
    """Screen records with the profiles of an encoder."""
    return screen(records, encoder.profiles, threads)


def train(
    enzymes: Sequence[Enzyme],
    examples: Examples,
    labels: list[Label],
    encoder: Encoder,
    config: Config,
    name: str,
    device: torch.device,
    progress: Callable[[int], object] = lambda count: None,
    threads: int = 1,
) -> Predictor:
    """Train a model on examples, without calibration.

    Args:
        enzymes: Labelled enzymes, among them those of the examples.
        examples: Proteins to learn from.
        labels: Labels, one for each column of the targets.
        encoder: Encoder that made the embedding.
        config: Hyperparameters.
        name: Name of the model.
        device: Device to train on.
        progress: Called after every network with the number of its epochs.
        threads: CPU threads; the model does not depend on them.
    """
    enzyme_of = {enzyme.sequence: enzyme for enzyme in enzymes}
    about = []
    for i in np.flatnonzero(examples.is_enzyme):
        enzyme = enzyme_of[examples.sequences[i]]
        about.append(
            KnownEnzyme(
                id=enzyme.id,
                accessions=enzyme.accessions,
                species=enzyme.species,
                products=enzyme.products,
            )
        )
    training_record = _training_record(name, enzymes, examples, config)
    return _train(
        about, examples, labels, encoder, config, device, training_record, progress, threads
    )


def retrain(
    predictor: Predictor,
    examples: Examples,
    encoder: Encoder,
    embedding: NDArray[np.float32],
    config: Config,
    device: torch.device,
    threads: int = 1,
) -> Predictor:
    """Train and calibrate the same model on the vectors of another encoder.

    Args:
        predictor: Model that was trained on the examples.
        examples: n proteins.
        encoder: The other encoder.
        embedding: (n, dimension) vectors of the same proteins by the other encoder.
        config: Hyperparameters.
        device: Device to train on.
        threads: CPU threads; the model does not depend on them.
    """
    other = dataclasses.replace(examples, embedding=embedding)
    trained = _train(
        predictor.references.about,
        other,
        predictor.labels,
        encoder,
        config,
        device,
        predictor.training_record,
        threads=threads,
    )
    return calibrate(trained, other, threads)


def _train(
    about: list[KnownEnzyme],
    examples: Examples,
    labels: list[Label],
    encoder: Encoder,
    config: Config,
    device: torch.device,
    training_record: TrainingRecord,
    progress: Callable[[int], object] = lambda count: None,
    threads: int = 1,
) -> Predictor:
    """Train the networks, fit the decision, and make the enzymes the references of the model."""
    from .model.training import train_networks  # needs torch

    trained = train_networks(examples, labels, encoder.parts, config, device, progress, threads)
    rows = np.flatnonzero(examples.is_enzyme)
    references = References.from_vectors(
        about,
        [examples.sequences[i] for i in rows],
        comparable(examples.embedding[rows], encoder.parts, trained.scaling),
        trained.scaling.features(examples.features[rows]),
        examples.targets[rows],
        examples.mask[rows],
        examples.structures,
        examples.products[rows],
        trained.sequence_folds[rows],
        examples.identities[np.ix_(rows, rows)],
    )
    decision = Decision.from_features(
        trained.scaling.features(examples.features),
        examples.targets[:, labels.index(IS_TPS)],
    )
    return Predictor(encoder, trained, lambda: references, lambda: decision, training_record)


def _training_record(
    name: str, enzymes: Sequence[Enzyme], examples: Examples, config: Config
) -> TrainingRecord:
    """Return what a model remembers about its training."""
    sequences = "\n".join(enzyme.sequence for enzyme in enzymes)
    return {
        "name": name,
        "options": vars(config),
        "enzymes": len(enzymes),
        "enzymes_used": int(examples.is_enzyme.sum()),
        "negatives_used": int((~examples.is_enzyme).sum()),
        "sequences_sha256": hashlib.sha256(sequences.encode()).hexdigest(),
        "versions": {
            "tpspred": __version__,
            "python": platform.python_version(),
            "torch": importlib.metadata.version("torch"),
            "numpy": np.__version__,
            "h5py": h5py.__version__,
            "pyhmmer": pyhmmer.__version__,
            "pyfamsa": pyfamsa.__version__,
        },
    }
