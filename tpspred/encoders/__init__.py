"""Encoders: one vector per protein.

An encoder has ``name``, ``dimension``, ``checksum`` (of what it learned) and ``profiles`` (the screen that lets
candidates through), and ``encode(view) -> (dimension,) float32``.
"""

import dataclasses

import numpy as np

from .. import features, motifs, profiles
from ..records import ProteinRecord
from ..store import NO_MATCH, Representations
from .profile import ProfileEncoder

__all__ = ["ProfileEncoder", "embed", "featurize", "views"]


def views(records, encoder, threads=1):
    """Search the encoder's profiles in a list of records.

    Returns:
        A features.View per record; one without hits (or with a problem) has not passed the screen.
    """
    sequences = ["" if record.problem else record.sequence for record in records]
    found = profiles.search(encoder.profiles, sequences, threads)
    return [features.View(record, hits, motifs.find(record.sequence, hits[0].profile.sites, hits[0].positions)
                          if hits else []) for record, hits in zip(records, found)]


def embed(records, encoder, threads=1, known=None, progress=lambda count: None):
    """Make the representations of a stream of records.

    Args:
        known: A store of the same encoder whose sequences need not be computed again.
    """
    done = {} if known is None else dict(zip(known.sequences, zip(known.problems, known.embedding)))
    kept, rows = [], []
    for batch in profiles.batches(records):
        new = [record for record in batch if record.sequence not in done]
        for view in views(new, encoder, threads):
            done[view.record.sequence] = _embedding_row(view, encoder)
        kept += batch
        rows += [(record.problem or done[record.sequence][0], done[record.sequence][1]) for record in batch]
        progress(len(batch))
    return Representations(
        ids=[record.id for record in kept], descriptions=[record.description for record in kept],
        sequences=[record.sequence for record in kept], problems=[problem for problem, _ in rows],
        embedding=np.array([row for _, row in rows], np.float32).reshape(len(rows), encoder.dimension),
        features=None, encoder=encoder.name, checksum=encoder.checksum)


def _embedding_row(view, encoder):
    if view.hits:
        return "", encoder.encode(view)
    return view.record.problem or NO_MATCH, np.zeros(encoder.dimension, np.float32)


def featurize(table, encoder, threads=1, progress=lambda count: None):
    """Add the 64 features to representations; rows that did not pass the screen are zero."""
    passed = [i for i, problem in enumerate(table.problems) if not problem]
    rows = np.zeros((len(table), len(features.NAMES)), np.float32)
    done = 0
    for batch in profiles.batches(ProteinRecord(table.ids[i], "", table.sequences[i]) for i in passed):
        for view in views(batch, encoder, threads):
            rows[passed[done]] = features.vector(view)
            done += 1
        progress(len(batch))
    return dataclasses.replace(table, features=rows, feature_names=features.NAMES)
