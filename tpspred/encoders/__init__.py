"""Encoders: one vector per protein.

An encoder has ``name``, ``dimension``, ``checksum`` (of what it learned), ``pooling``, ``precision``, ``profiles`` (the
screen that lets candidates through) and ``screen`` (their checksum), ``blocks`` (which parts its vector has) and
``unit_residues`` (how much of a stream it is given at a time). ``ready()`` loads what it needs, ``encode(views, threads,
finished)`` yields (sequence, vector) pairs, ``window_count(length)`` says in how many passes.
"""

import dataclasses

import numpy as np

from ..errors import ModelError
from ..family import features, motifs, profiles
from ..io.fasta import ProteinRecord
from ..io.store import NO_MATCH, UNSCREENED, Representations
from .profile import ProfileEncoder

__all__ = ["ProfileEncoder", "embed", "featurize", "kind", "named", "of_store", "views"]

LANGUAGE_MODEL = "esm2_"
JOINED = f"{ProfileEncoder.name}+{LANGUAGE_MODEL}"


def kind(name):
    """Class of the encoder of a name; torch starts with ESM-2's.

    Raises:
        KeyError: If there is no such encoder.
    """
    if name == ProfileEncoder.name:
        return ProfileEncoder
    if name.startswith(LANGUAGE_MODEL):
        from .esm2 import ESM2Encoder

        return ESM2Encoder
    if name.startswith(JOINED):
        from .joined import JoinedEncoder

        return JoinedEncoder
    raise KeyError(name)


def named(name, loaded, runtime=None, checksum=None, dimension=None):
    """An ESM-2 behind the profiles of ``loaded``, or joined to its vectors.

    Args:
        name: esm2_NAME or profile+esm2_NAME.
        loaded: The encoder of a file.
        runtime: Choices of language_model.Runtime as a dictionary.
        checksum, dimension: What is known of them.

    Raises:
        ModelError: If it is to be joined to an encoder that is not the profiles'.
    """
    if not name.startswith(JOINED):
        return kind(name)(name, loaded.profiles, runtime, checksum, dimension)
    if loaded.name != ProfileEncoder.name:
        raise ModelError.at(
            name,
            f"an encoder named {loaded.name}",
            f"the {ProfileEncoder.name} encoder to join with",
        )
    own = name.partition("+")[2]
    return kind(name)(
        loaded,
        kind(own)(
            own,
            loaded.profiles,
            runtime,
            checksum and checksum.partition("+")[2],
            dimension and dimension - loaded.dimension,
        ),
    )


def of_store(table, loaded):
    """The encoder that made a store, as far as its name says; ESM-2 without its weights, behind the profiles of ``loaded`` or
    joined to its vectors.

    Args:
        table: store.Representations.
        loaded: The encoder of a file.
    """
    if table.encoder == loaded.name or not table.encoder.startswith((LANGUAGE_MODEL, JOINED)):
        return loaded
    return named(table.encoder, loaded, checksum=table.checksum, dimension=table.embedding.shape[1])


def views(records, library, threads=1):
    """Search profiles in a list of records.

    Args:
        library: List of profiles.Profile.

    Returns:
        A features.View per record; one without hits (or with a problem) has not passed the screen.
    """
    sequences = ["" if record.problem else record.sequence for record in records]
    found = profiles.search(library, sequences, threads)
    return [
        features.View(
            record,
            hits,
            motifs.find(record.sequence, hits[0].profile.sites, hits[0].positions) if hits else [],
        )
        for record, hits in zip(records, found)
    ]


def embed(
    records,
    encoder,
    threads=1,
    known=None,
    journal=None,
    screened=True,
    progress=lambda count: None,
):
    """Make the representations of a stream of records.

    Args:
        known: A store of the same encoder whose sequences need not be computed again.
        journal: journal.Journal of an earlier run to go on with; what is computed is added to it.
        screened: Whether only what matches a profile of the encoder is computed.
        progress: Called with a number of proteins that are done.
    """
    done = {} if known is None else dict(zip(known.sequences, zip(known.problems, known.embedding)))
    nothing = np.zeros(encoder.dimension, np.float32)
    kept, seen = [], set(done)

    def candidates():
        for batch in profiles.batches(records, encoder.unit_residues):
            kept.extend(batch)
            new = list(
                {
                    record.sequence: record for record in batch if record.sequence not in seen
                }.values()
            )
            seen.update(record.sequence for record in new)
            passed = 0
            for view in views(new, encoder.profiles if screened else [], threads):
                problem = view.record.problem or (NO_MATCH if screened and not view.hits else "")
                done[view.record.sequence] = problem, nothing
                if not problem:
                    passed += 1
                    yield view
            progress(len(batch) - passed)

    for sequence, vector in encoder.encode(
        candidates(), threads, () if journal is None else journal
    ):
        done[sequence] = "", vector
        progress(1)
        if journal is not None:
            journal.add(sequence, vector)
    if journal is not None:
        done.update((sequence, ("", journal[sequence])) for sequence in seen if sequence in journal)
    rows = [done[record.sequence] for record in kept]
    return Representations(
        ids=[record.id for record in kept],
        descriptions=[record.description for record in kept],
        sequences=[record.sequence for record in kept],
        problems=[problem for problem, _ in rows],
        embedding=np.array([row for _, row in rows], np.float32).reshape(
            len(rows), encoder.dimension
        ),
        windows=np.array(
            [
                0 if problem else encoder.window_count(record.length_aa)
                for record, (problem, _) in zip(kept, rows)
            ],
            np.int32,
        ),
        features=None,
        encoder=encoder.name,
        checksum=encoder.checksum,
        pooling=encoder.pooling,
        precision=encoder.precision,
        screen=encoder.screen if screened else UNSCREENED,
    )


def featurize(table, library, threads=1, progress=lambda count: None):
    """Add the 64 features to representations; rows that cannot be used are zero.

    Args:
        library: List of profiles.Profile.
    """
    passed = [i for i, problem in enumerate(table.problems) if not problem]
    rows = np.zeros((len(table), len(features.NAMES)), np.float32)
    done = 0
    for batch in profiles.batches(
        ProteinRecord(table.ids[i], "", table.sequences[i]) for i in passed
    ):
        for view in views(batch, library, threads):
            rows[passed[done]] = features.vector(view)
            done += 1
        progress(len(batch))
    return dataclasses.replace(table, features=rows, feature_names=features.NAMES)
