"""The steps of the recipe put together: from labelled sequences to a calibrated model."""

import csv
import dataclasses
import hashlib
import platform

import h5py
import numpy as np
import pyfamsa
import pyhmmer
import torch

from . import __version__, encoders
from .dataset import folds, reactions
from .io import files, store
from .io.fasta import ProteinRecord
from .model import training
from .model.neighbours import References, comparable
from .model.predictor import Predictor


def read_stores(paths, loaded, lend_profiles=False):
    """Read representations and check that one encoder made them all.

    Args:
        paths: Of stores.
        loaded: The encoder of a file.
        lend_profiles: Whether the first store may be an ESM-2's: that one, behind the profiles of ``loaded``, is then the
            encoder.

    Returns:
        (encoder, list of store.Representations).
    """
    tables = [store.read(path) for path in paths]
    encoder = encoders.of_store(tables[0], loaded) if lend_profiles else loaded
    for table, path in zip(tables, paths):
        store.check_encoder(table, encoder, path)
    return encoder, tables


def from_store(path, encoder):
    """What prediction needs of a store that the model's encoder made.

    Returns:
        (list of records.ProteinRecord, {sequence: (dimension,) embedding}).
    """
    _, (table,) = read_stores([path], encoder)
    records = [
        ProteinRecord(name, description, sequence, "" if problem == store.NO_MATCH else problem)
        for name, description, sequence, problem in zip(
            table.ids, table.descriptions, table.sequences, table.problems
        )
    ]
    return records, {
        sequence: row
        for sequence, row, problem in zip(table.sequences, table.embedding, table.problems)
        if not problem
    }


def train(
    enzymes,
    encoder,
    table,
    negatives,
    config,
    name,
    device,
    labels=None,
    threads=1,
    progress=lambda count: None,
):
    """Train on representations.

    Args:
        enzymes: List of dataset.Enzyme.
        table: store.Representations of the enzymes.
        negatives: List of store.Representations of proteins that are no terpene synthases.
        labels: List of dataset.Label; by default all ensembles and types, and the substrates of the enzymes.

    Returns:
        prediction.Predictor, not calibrated.
    """
    labels = labels or reactions.labels(enzymes)
    data = training.examples(enzymes, table, negatives, labels, threads)
    return fit(enzymes, data, labels, encoder, config, name, device, progress)


def fit(enzymes, data, labels, encoder, config, name, device, progress=lambda count: None):
    """Train on examples.

    Args:
        enzymes: List of dataset.Enzyme, those of ``data`` among them.
        data: training.Examples.

    Returns:
        prediction.Predictor, not calibrated.
    """
    enzyme_of = {enzyme.sequence: enzyme for enzyme in enzymes}
    about = [
        {
            key: getattr(enzyme_of[data.sequences[i]], key)
            for key in ("id", "accessions", "species", "products")
        }
        for i in np.flatnonzero(data.mask.all(1))
    ]
    return _fit(
        about, data, labels, encoder, config, device, _record(name, enzymes, data, config), progress
    )


def refit(predictor, data, encoder, embedding, config, device):
    """The same recipe on the vectors of another encoder.

    Args:
        data: training.Examples that the predictor was made of.
        embedding: (n, dimension) of the same proteins.

    Returns:
        prediction.Predictor, calibrated.
    """
    data = dataclasses.replace(data, embedding=embedding)
    return _fit(
        predictor.references.about,
        data,
        predictor.labels,
        encoder,
        config,
        device,
        predictor.record,
    ).calibrated(data)


def _fit(about, data, labels, encoder, config, device, record, progress=lambda count: None):
    fitted = training.fit(data, labels, config, device, progress, encoder.blocks)
    rows = np.flatnonzero(data.mask.all(1))
    references = References.of(
        about,
        comparable(data.embedding[rows], encoder, fitted.scaling),
        data.targets[rows],
        fitted.sequence_folds[rows],
        data.identities[np.ix_(rows, rows)],
    )
    return Predictor(encoder, fitted, references, record)


def calibrate(predictor, enzymes, table, negatives, threads=1):
    """The model with probabilities and thresholds fitted on proteins that its members left out."""
    return predictor.calibrated(
        training.examples(enzymes, table, negatives, predictor.labels, threads)
    )


def represent(records, encoder, threads=1):
    """Embedding and features of records, in memory."""
    return encoders.featurize(encoders.embed(records, encoder, threads), encoder.profiles, threads)


def from_sequences(
    enzymes, negatives, config, name, device, labels=None, threads=1, held_out=(), identity=1.0
):
    """The whole recipe: profiles, representations, networks, calibration.

    Args:
        enzymes: List of dataset.Enzyme.
        negatives: List of records.ProteinRecord.
        held_out: Sequences that the model will be tested on.
        identity: Negatives at least this identical to a held-out sequence, 0-1, are left out.

    Returns:
        (prediction.Predictor, calibrated; training.Examples that it was made of).
    """
    labels = labels or reactions.labels(enzymes)
    encoder = encoders.ProfileEncoder.fit(enzymes, threads)
    table = represent(
        [ProteinRecord(enzyme.id, "", enzyme.sequence) for enzyme in enzymes], encoder, threads
    )
    others = without_near(represent(negatives, encoder, threads), held_out, identity, threads)
    data = training.examples(enzymes, table, [others], labels, threads)
    return fit(enzymes, data, labels, encoder, config, name, device).calibrated(data), data


def without_near(table, held_out, identity, threads=1):
    """Mark rows at least this identical to a held-out sequence as a problem, so that nothing learns from them.

    Args:
        table: store.Representations.
        held_out: Sequences.
        identity: 0-1.
    """
    passed = [i for i, problem in enumerate(table.problems) if not problem]
    if not held_out or not passed:
        return table
    identities = folds.identity([*held_out, *(table.sequences[i] for i in passed)], threads)
    nearest = identities[len(held_out) :, : len(held_out)].max(1)
    problems = list(table.problems)
    for i, value in zip(passed, nearest):
        if value >= identity:
            problems[i] = "near_held_out"
    return dataclasses.replace(table, problems=problems)


def write_history(history, path):
    """Write the epochs of all members as a table."""
    with files.open_text_output(path) as handle:
        table = csv.DictWriter(handle, list(history[0]), delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(history)


def _record(name, enzymes, data, config):
    """What is worth knowing of a training, for the model file."""
    return {
        "name": name,
        "options": vars(config),
        "enzymes": len(enzymes),
        "enzymes_used": int(data.mask.all(1).sum()),
        "negatives_used": int((~data.mask.all(1)).sum()),
        "sequences_sha256": _digest(enzymes),
        "versions": {
            "tpspred": __version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "h5py": h5py.__version__,
            "pyhmmer": pyhmmer.__version__,
            "pyfamsa": pyfamsa.__version__,
        },
    }


def _digest(enzymes):
    return hashlib.sha256("\n".join(enzyme.sequence for enzyme in enzymes).encode()).hexdigest()
