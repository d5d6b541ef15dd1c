"""Representations of a stream of proteins: embedding and features, one row per record."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..family import features
from ..family.profiles import Profile
from ..family.screening import ScreenedProtein, screen
from ..io.batching import batches
from ..io.fasta import ProteinRecord
from ..io.journal import Journal
from ..io.store import NO_MATCH, UNSCREENED, Representations, features_named
from .protocol import Encoder

BATCH_RESIDUES = 1_000_000


def screened_batches(
    records: Iterable[ProteinRecord],
    profiles: Sequence[Profile],
    threads: int = 1,
    batch_residues: int = BATCH_RESIDUES,
) -> Iterator[list[ScreenedProtein]]:
    """Screen a stream of records batch by batch, so that memory stays constant."""
    for batch in batches(records, lambda record: record.length_aa, lambda: batch_residues):
        yield screen(batch, profiles, threads)


@dataclasses.dataclass(frozen=True)
class RepresentedProtein:
    """A screened protein with what the network is given.

    Attributes:
        protein: The screened protein.
        embedding: (dimension,) vector; None if the protein has none.
        features: (features,) engineered features; None if the protein has none.
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
        encoder: Encoder, with the profiles that screen them.
        feature_names: Features to compute.
        threads: CPU threads; the result does not depend on them.
    """
    for batch in screened_batches(records, encoder.profiles, threads, encoder.batch_residues):
        passed = [protein for protein in batch if protein.hits]
        vectors = dict(encoder.encode(passed, threads))
        yield [
            RepresentedProtein(
                protein,
                vectors[protein.record.sequence],
                features.feature_vector(protein, feature_names),
            )
            if protein.hits
            else RepresentedProtein(protein)
            for protein in batch
        ]


def represent_rows(
    table: Representations,
    rows: Iterable[int],
    encoder: Encoder,
    feature_names: Sequence[str],
    threads: int = 1,
) -> Iterator[list[RepresentedProtein]]:
    """Represent rows of a store batch by batch.

    Vectors come from the store, and so do the features if it has them. Only proteins that passed
    the screen are searched, because a call says where their domains and motifs are.

    Args:
        table: Store that the encoder made.
        rows: Indices of the wanted rows.
        encoder: Encoder, with the profiles that screened the store.
        feature_names: Wanted features.
        threads: CPU threads; the result does not depend on them.
    """
    stored = None if table.features is None else features_named(table, feature_names)
    in_batches = batches(
        rows, lambda row: len(table.sequences[row]), lambda: encoder.batch_residues
    )
    for batch in in_batches:
        passed = [row for row in batch if not table.problems[row]]
        screened = screen([_record(table, row) for row in passed], encoder.profiles, threads)
        protein_of = dict(zip(passed, screened))
        represented = []
        for row in batch:
            protein = protein_of.get(row) or ScreenedProtein(_record(table, row))
            if not protein.hits:
                represented.append(RepresentedProtein(protein))
                continue
            own = features.feature_vector(protein, feature_names) if stored is None else stored[row]
            represented.append(RepresentedProtein(protein, table.embedding[row], own))
        yield represented


def _record(table: Representations, row: int) -> ProteinRecord:
    """Return the record of a row; that it matches no profile is no problem of the record."""
    problem = table.problems[row]
    return ProteinRecord(
        table.ids[row],
        table.descriptions[row],
        table.sequences[row],
        "" if problem == NO_MATCH else problem,
    )


def represent(
    proteins: Sequence[ScreenedProtein], encoder: Encoder, threads: int = 1
) -> Representations:
    """Make embedding and features of proteins that are screened already.

    Args:
        proteins: n proteins, screened with the encoder's profiles.
        encoder: Encoder.
        threads: CPU threads; the result does not depend on them.

    Returns:
        n rows; those of proteins that did not pass the screen are zero.
    """
    passed = [protein for protein in proteins if protein.hits]
    vectors = dict(encoder.encode(passed, threads))
    problems = [problem_of(protein) for protein in proteins]
    table = _table([protein.record for protein in proteins], problems, vectors, encoder, True)
    rows = np.zeros((len(proteins), len(features.NAMES)), np.float32)
    for i, protein in enumerate(proteins):
        if not problems[i]:
            rows[i] = features.feature_vector(protein)
    return dataclasses.replace(table, features=rows, feature_names=features.NAMES)


def problem_of(protein: ScreenedProtein, screened: bool = True) -> str:
    """Return why a protein has no vector, or '' if it has one.

    Args:
        protein: Screened protein.
        screened: Whether a protein that matches no profile gets no vector.
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
    """Make the embedding of a stream of records.

    Args:
        records: Stream of proteins.
        encoder: Encoder.
        threads: CPU threads; the result does not depend on them.
        known: A store of the same encoder, whose sequences are not computed again.
        journal: Journal of an earlier run to continue; what is computed is added to it.
        screened: Whether only proteins that match a profile of the encoder are computed.
        progress: Called with the number of proteins that are done since the last call.
    """
    # Sequence → why it has no vector. A sequence that occurs twice is computed once.
    problems: dict[str, str] = {}
    vectors: dict[str, NDArray[np.float32]] = {}
    if known is not None:
        problems.update(zip(known.sequences, known.problems))
        vectors.update(zip(known.sequences, known.embedding))
    kept: list[ProteinRecord] = []
    profiles = encoder.profiles if screened else []

    def candidates() -> Iterator[ScreenedProtein]:
        """Screen what is new and yield the proteins that the encoder has to compute."""
        for batch in batches(
            records, lambda record: record.length_aa, lambda: encoder.batch_residues
        ):
            kept.extend(batch)
            new = {record.sequence: record for record in batch if record.sequence not in problems}
            passed = 0
            for protein in screen(list(new.values()), profiles, threads):
                problem = problem_of(protein, screened)
                problems[protein.record.sequence] = problem
                if not problem:
                    passed += 1
                    yield protein
            progress(len(batch) - passed)

    finished = () if journal is None else journal
    for sequence, vector in encoder.encode(candidates(), threads, finished):
        vectors[sequence] = vector
        progress(1)
        if journal is not None:
            journal.add(sequence, vector)
    if journal is not None:
        vectors.update(
            (sequence, journal[sequence]) for sequence in problems if sequence in journal
        )
    return _table(kept, [problems[record.sequence] for record in kept], vectors, encoder, screened)


def _table(
    records: Sequence[ProteinRecord],
    problems: Sequence[str],
    vectors: Mapping[str, NDArray[np.float32]],
    encoder: Encoder,
    screened: bool,
) -> Representations:
    """Lay out vectors row by row; a row with a problem is zero."""
    embedding = np.zeros((len(records), encoder.dimension), np.float32)
    windows = np.zeros(len(records), np.int32)
    for i, (record, problem) in enumerate(zip(records, problems)):
        if not problem:
            embedding[i] = vectors[record.sequence]
            windows[i] = encoder.window_count(record.length_aa)
    return Representations(
        ids=[record.id for record in records],
        descriptions=[record.description for record in records],
        sequences=[record.sequence for record in records],
        problems=list(problems),
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
    """Add the features to a store; rows that have a problem are zero.

    Args:
        table: Store of ``tpspred embed``.
        profiles: Family profiles.
        threads: CPU threads; the result does not depend on them.
        progress: Called with the number of proteins that are done since the last call.
    """
    passed = [i for i, problem in enumerate(table.problems) if not problem]
    rows = np.zeros((len(table), len(features.NAMES)), np.float32)
    records = (ProteinRecord(table.ids[i], "", table.sequences[i]) for i in passed)
    done = iter(passed)
    for batch in screened_batches(records, profiles, threads):
        for protein in batch:
            rows[next(done)] = features.feature_vector(protein)
        progress(len(batch))
    return dataclasses.replace(table, features=rows, feature_names=features.NAMES)
