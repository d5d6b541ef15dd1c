"""Compute embedding and features of proteins, in memory or for a store of representations."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..family import features
from ..family.profiles import Profile
from ..family.screening import ScreenedProtein, screen, screened_batches, size
from ..io.batching import batches
from ..io.fasta import ProteinRecord
from ..io.store import NO_MATCH, UNSCREENED, Representations, features_named
from .protocol import Encoder

if TYPE_CHECKING:
    from ..io.embedding_journal import Journal


class RepresentedProtein(NamedTuple):
    """A screened protein with the two inputs of the networks.

    Attributes:
        protein: The screened protein.
        embedding: (dimension,) vector; None if the protein did not pass the screen.
        features: (features,) engineered features; None if the protein did not pass the screen.
    """

    protein: ScreenedProtein
    embedding: NDArray[np.float32] | None = None
    features: NDArray[np.float32] | None = None


def represent_records(
    records: Iterable[ProteinRecord],
    encoder: Encoder,
    feature_names: Sequence[str],
    threads: int = 1,
) -> Iterator[list[RepresentedProtein]]:
    """Represent a stream of records batch by batch.

    Args:
        records: Stream of proteins.
        encoder: Encoder, whose profiles screen the proteins.
        feature_names: Names of the wanted features.
        threads: CPU threads; the result does not depend on them.

    Yields:
        The represented proteins of a batch, in the order of the records.
    """
    for batch in screened_batches(records, encoder.profiles, threads, encoder.batch_residues):
        yield represent_screened(batch, encoder, feature_names, threads)


def represent_screened(
    proteins: Sequence[ScreenedProtein],
    encoder: Encoder,
    feature_names: Sequence[str],
    threads: int = 1,
) -> list[RepresentedProtein]:
    """Compute embedding and features of proteins that are screened already.

    Args:
        proteins: Proteins, screened with the encoder's profiles.
        encoder: Encoder that computes the vectors.
        feature_names: Names of the wanted features.
        threads: CPU threads; the result does not depend on them.

    Returns:
        The represented proteins, in the same order.
    """
    passed = [protein for protein in proteins if protein.hits]
    if not passed:  # most batches of a genome
        return [RepresentedProtein(protein) for protein in proteins]
    vector_of = dict(encoder.encode(passed, threads))
    represented = []
    for protein in proteins:
        if not protein.hits:
            represented.append(RepresentedProtein(protein))
            continue
        vector = vector_of[protein.record.sequence]
        feature_row = features.feature_vector(protein, feature_names)
        represented.append(RepresentedProtein(protein, vector, feature_row))
    return represented


def represent_rows(
    table: Representations,
    rows: Iterable[int],
    encoder: Encoder,
    feature_names: Sequence[str],
    threads: int = 1,
) -> Iterator[list[RepresentedProtein]]:
    """Represent rows of a store batch by batch.

    The vectors come from the store. So do the features, if the store has them and if they were
    computed with the profiles of this encoder. Proteins are searched again, because a call says
    where their domains and motifs are, or which profile they are a little like.

    Args:
        table: Store that the encoder made.
        rows: Indices of the wanted rows.
        encoder: Encoder, whose profiles screened the store.
        feature_names: Names of the wanted features.
        threads: CPU threads; the result does not depend on them.

    Yields:
        The represented proteins of a batch, in the order of the rows.
    """
    stored = None
    if table.screen == encoder.screen and set(feature_names) <= set(table.feature_names):
        stored = features_named(table, feature_names)
    row_batches = batches(
        rows, lambda row: len(table.sequences[row]), lambda: encoder.batch_residues
    )
    for batch in row_batches:
        # Search the profiles in the proteins of the rows that can be scored.
        sound = [row for row in batch if table.problems[row] in ("", NO_MATCH)]
        screened = screen([_record(table, row) for row in sound], encoder.profiles, threads)
        protein_of = dict(zip(sound, screened))
        # Put every row together, in order.
        represented = []
        for row in batch:
            protein = protein_of.get(row) or ScreenedProtein(_record(table, row))
            if not protein.hits or table.problems[row]:  # a row with a problem has no vector
                represented.append(RepresentedProtein(protein))
                continue
            if stored is None:
                feature_row = features.feature_vector(protein, feature_names)
            else:
                feature_row = stored[row]
            represented.append(RepresentedProtein(protein, table.embedding[row], feature_row))
        yield represented


def records_of(table: Representations) -> list[ProteinRecord]:
    """Return the records that a store was made from."""
    return [_record(table, row) for row in range(len(table))]


def _record(table: Representations, row: int) -> ProteinRecord:
    """Return the record of a row.

    A record that matches no profile is a valid record, so this is not a problem of the record.
    """
    problem = table.problems[row]
    sequence = table.sequences[row]
    return ProteinRecord(
        table.ids[row],
        table.descriptions[row],
        sequence,
        "" if problem == NO_MATCH else problem,
        unread_aa=int(table.lengths[row]) - len(sequence),
    )


def represent(
    proteins: Sequence[ScreenedProtein], encoder: Encoder, threads: int = 1
) -> Representations:
    """Compute embedding and features of proteins that are screened already.

    Args:
        proteins: n proteins, screened with the encoder's profiles.
        encoder: Encoder that computes the vectors.
        threads: CPU threads; the result does not depend on them.

    Returns:
        n rows. The rows of proteins that did not pass the screen are zero.
    """
    names = features.feature_names()
    return tabulate(represent_screened(proteins, encoder, names, threads), encoder, names)


def tabulate(
    represented: Sequence[RepresentedProtein], encoder: Encoder, feature_names: Sequence[str]
) -> Representations:
    """Lay out represented proteins as a store.

    Args:
        represented: n proteins.
        encoder: Encoder that made the vectors, and whose profiles screened the proteins.
        feature_names: Names of their features.

    Returns:
        n rows. The rows of proteins that did not pass the screen are zero.
    """
    vector_of = {}
    rows = np.zeros((len(represented), len(feature_names)), np.float32)
    for i, one in enumerate(represented):
        if one.embedding is not None and one.features is not None:
            vector_of[one.protein.record.sequence] = one.embedding
            rows[i] = one.features
    records = [one.protein.record for one in represented]
    problems = [problem_of(one.protein) for one in represented]
    table = _table(records, problems, vector_of, encoder, screened=True)
    return dataclasses.replace(table, features=rows, feature_names=tuple(feature_names))


def problem_of(protein: ScreenedProtein, screened: bool = True) -> str:
    """Return the reason why a protein gets no vector, or '' if it gets one.

    Args:
        protein: Screened protein.
        screened: Whether only proteins that match a profile get a vector.

    >>> problem_of(ScreenedProtein(ProteinRecord("p", "", "MKV")))
    'no_profile_match'
    """
    unmatched = screened and not protein.hits
    return protein.record.problem or (NO_MATCH if unmatched else "")


def embed(
    records: Iterable[ProteinRecord],
    encoder: Encoder,
    threads: int = 1,
    known: Representations | None = None,
    journal: Journal | None = None,
    screened: bool = True,
    progress: Callable[[int], object] = lambda count: None,
) -> Representations:
    """Compute the embedding of a stream of records.

    Args:
        records: Stream of proteins.
        encoder: Encoder that computes the vectors.
        threads: CPU threads; the result does not depend on them.
        known: Store that the same encoder made. Its sequences are not computed again.
        journal: Journal that keeps every computed vector. Sequences that it contains from an
            earlier run are not computed again.
        screened: Whether only proteins that match a profile of the encoder get a vector.
        progress: Called with the number of proteins that are done since the last call.

    Returns:
        One row per record, without features. The rows of proteins without a vector are zero.
    """
    # By sequence, the reason why it has no vector ('' if it has one), and its vector. A sequence
    # that occurs twice is computed once.
    reason_of: dict[str, str] = {}
    vector_of: dict[str, NDArray[np.float32]] = {}
    if known is not None:
        reason_of.update(zip(known.sequences, known.problems))
        vector_of.update(zip(known.sequences, known.embedding))
    all_records: list[ProteinRecord] = []
    profiles = encoder.profiles if screened else []

    def candidates() -> Iterator[ScreenedProtein]:
        """Screen the sequences that are new and yield the proteins that get a vector."""
        for batch in batches(records, size, lambda: encoder.batch_residues):
            all_records.extend(batch)
            new = {
                record.sequence: record
                for record in batch
                if not record.problem and record.sequence not in reason_of
            }
            passed = 0
            for protein in screen(list(new.values()), profiles, threads):
                problem = problem_of(protein, screened)
                reason_of[protein.record.sequence] = problem
                if not problem:
                    passed += 1
                    yield protein
            progress(len(batch) - passed)

    # Compute what is not known. The journal has the vectors of an earlier run.
    finished = () if journal is None else journal
    for sequence, vector in encoder.encode(candidates(), threads, finished):
        vector_of[sequence] = vector
        progress(1)
        if journal is not None:
            journal.add(sequence, vector)
    if journal is not None:
        for sequence in reason_of:
            if sequence in journal:
                vector_of[sequence] = journal[sequence]
    # Records that cannot be scored have no sequence to look a reason up by, but their own problem.
    problems = [record.problem or reason_of[record.sequence] for record in all_records]
    return _table(all_records, problems, vector_of, encoder, screened)


def _table(
    records: Sequence[ProteinRecord],
    problems: Sequence[str],
    vector_of: Mapping[str, NDArray[np.float32]],
    encoder: Encoder,
    screened: bool,
) -> Representations:
    """Put the rows of a store together.

    Args:
        records: n proteins.
        problems: n reasons why a protein has no vector, '' if it has one.
        vector_of: Sequence → (dimension,) vector.
        encoder: Encoder that computed the vectors.
        screened: Whether only proteins that match a profile have a vector.

    Returns:
        n rows, without features. The rows of proteins without a vector are zero.
    """
    embedding = np.zeros((len(records), encoder.dimension), np.float32)
    windows = np.zeros(len(records), np.int32)
    for i, (record, problem) in enumerate(zip(records, problems)):
        if not problem:
            embedding[i] = vector_of[record.sequence]
            windows[i] = encoder.window_count(record.length_aa)
    return Representations(
        ids=[record.id for record in records],
        descriptions=[record.description for record in records],
        sequences=[record.sequence for record in records],
        problems=list(problems),
        lengths=np.array([record.length_aa for record in records], np.int64),
        embedding=embedding,
        windows=windows,
        features=None,
        encoder=encoder.name,
        checksum=encoder.checksum,
        pooling=encoder.pooling,
        precision=encoder.precision,
        screen=encoder.screen if screened else UNSCREENED,
    )


def featurize(
    table: Representations,
    profiles: Sequence[Profile],
    threads: int = 1,
    progress: Callable[[int], object] = lambda count: None,
) -> Representations:
    """Compute the features of the proteins of a store.

    Args:
        table: Store that ``tpspred embed`` made.
        profiles: Family profiles.
        threads: CPU threads; the result does not depend on them.
        progress: Called with the number of proteins that are done since the last call.

    Returns:
        The same store with features. The features of proteins without a vector are zero.
    """
    passed = [i for i, problem in enumerate(table.problems) if not problem]
    names = features.feature_names()
    rows = np.zeros((len(table), len(names)), np.float32)
    records = (ProteinRecord(table.ids[i], "", table.sequences[i]) for i in passed)
    row_numbers = iter(passed)
    for batch in screened_batches(records, profiles, threads):
        for protein in batch:
            rows[next(row_numbers)] = features.feature_vector(protein, names)
        progress(len(batch))
    return dataclasses.replace(table, features=rows, feature_names=names)
