"""The screen: which proteins match a family profile, and which motifs the match shows.

A protein is searched once. The result travels with it, as ``ScreenedProtein``, to the features, the
encoder, the call and the store.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..io.batching import batches, in_threads
from ..io.fasta import ProteinRecord
from .motifs import MotifHit, by_name, find_motifs
from .profiles import (
    BATCH_RESIDUES,
    PARTS_PER_THREAD,
    SEARCH_RESIDUES,
    Profile,
    ProfileHit,
    Search,
    WeakHit,
)

N_TERMINUS_AA = 60  # most plastid transit peptides are 30 to 70 residues long
# What a record takes in memory beside its residues, counted as residues, so that a batch of many
# short peptides stays small.
RECORD_RESIDUES = 100


class ScreenedProtein(NamedTuple):
    """A protein after the screen: its record, its profile hits and its motifs.

    Attributes:
        record: The protein.
        hits: Profile hits, best first; empty if the protein did not pass the screen.
        motifs: One hit per motif site of the best profile.
        weak: The profile that a protein without a hit is most like; None if it is like none.
    """

    record: ProteinRecord
    hits: Sequence[ProfileHit] = ()
    motifs: Sequence[MotifHit] = ()
    weak: WeakHit | None = None

    @property
    def known_residues(self) -> str:
        """Sequence without unknown residues (X)."""
        return self.record.sequence.replace("X", "")

    @property
    def n_terminus(self) -> str:
        """First 60 known residues, or all of a shorter protein."""
        return self.known_residues[:N_TERMINUS_AA]

    @property
    def motifs_by_name(self) -> Mapping[str, Sequence[MotifHit]]:
        """Motif hits by the name of the motif."""
        return by_name(self.motifs)

    def motif_states(self, name: str) -> list[str]:
        """Return the state of a motif at each of its sites: intact, altered or missing."""
        return [hit.state for hit in self.motifs_by_name.get(name, ())]


def screen(
    records: Iterable[ProteinRecord], profiles: Sequence[Profile], threads: int = 1
) -> list[ScreenedProtein]:
    """Align proteins to the family profiles and read their motifs at the sites of the best one.

    Args:
        records: n proteins; one with a problem is not searched and so has no hits.
        profiles: Family profiles.
        threads: CPU threads; the result does not depend on them.

    Returns:
        n screened proteins in the same order. One without hits did not pass the screen.
    """
    return list(itertools.chain(*screened_batches(records, profiles, threads)))


def screened_batches(
    records: Iterable[ProteinRecord],
    profiles: Sequence[Profile],
    threads: int = 1,
    batch_residues: int = BATCH_RESIDUES,
) -> Iterator[list[ScreenedProtein]]:
    """Screen a stream of records batch by batch, so that memory stays constant.

    While batches are searched, the next ones are read from the stream.

    Args:
        records: Stream of proteins.
        profiles: Family profiles.
        threads: CPU threads; the result does not depend on them.
        batch_residues: Residues of a batch at most.

    Yields:
        The screened proteins of a batch, in the order of the records.
    """
    prepared = Search(profiles)

    def screen_batch(batch: list[ProteinRecord]) -> list[ScreenedProtein]:
        sequences = ["" if record.problem else record.sequence for record in batch]
        found = prepared.matches(sequences)
        return [
            with_motifs(record, hits) if hits else ScreenedProtein(record, weak=weak)
            for record, (hits, weak) in zip(batch, found)
        ]

    taken = 0

    def take(record: ProteinRecord) -> int:
        nonlocal taken
        own_size = size(record)
        taken += own_size
        return own_size

    # The batches grow, so that all threads end at about the same time, however long the stream is.
    growing = batches(records, take, lambda: min(batch_residues, SEARCH_RESIDUES + taken // 10))
    return in_threads(screen_batch, _begun_in_pieces(growing, threads), threads)


def _begun_in_pieces(
    batches: Iterator[list[ProteinRecord]], threads: int
) -> Iterator[list[ProteinRecord]]:
    """Cut the first batch into pieces, so that all threads have something to do soon.

    >>> list(_begun_in_pieces(iter([["a", "b", "c"], ["d"]]), threads=2))
    [['a'], ['b'], ['c'], ['d']]
    """
    first = next(batches, [])
    length = -(-len(first) // (PARTS_PER_THREAD * threads)) or 1
    for begin in range(0, len(first), length):
        yield first[begin : begin + length]
    yield from batches


def size(record: ProteinRecord) -> int:
    """Return the size of a record in a batch."""
    return record.length_aa + RECORD_RESIDUES


def with_motifs(record: ProteinRecord, hits: Sequence[ProfileHit]) -> ScreenedProtein:
    """Read the motifs of a protein at the sites of the best of its hits."""
    best = hits[0]
    motif_hits = find_motifs(record.sequence, best.profile.sites, best.positions)
    return ScreenedProtein(record, hits, motif_hits)
