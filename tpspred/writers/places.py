"""Calls with the places of their proteins: the input, and where they lie on a genome."""

import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..io.paths import Path
from ..model.calls import TPS, UNCERTAIN, Call
from . import Place
from .genome_lift import Annotation
from .loci import Nearness, locus_groups

SYNTHASES = (TPS, UNCERTAIN)  # statuses of proteins that are terpene synthases, or may be


def placed(
    calls: Iterable[tuple[str, Call]],
    annotation_of: Mapping[str, Path],
    nearness: Nearness | None = None,
) -> Iterator[tuple[Call, Place]]:
    """Yield calls, in order, each with the place of its protein.

    The calls of an input with an annotation are held until the last one is made, because only then
    the groups of neighbouring genes are known. Called proteins that are not in it are named in a
    warning.

    Args:
        calls: Inputs and calls; those of an input come one after the other.
        annotation_of: File with the annotation of a genome, by the input with its proteins.
        nearness: When two genes of hits are in one group; None for no groups.

    Raises:
        InputError: If an annotation cannot be read, or if no called protein of an input has a
            coding sequence in its annotation.
    """
    for source, group in itertools.groupby(calls, key=operator.itemgetter(0)):
        own = (call for _, call in group)
        if source in annotation_of:
            annotation = Annotation(annotation_of[source])
            yield from _on_genome(list(own), source, annotation, nearness)
        else:
            place = Place(source)
            for call in own:
                yield call, place


def _on_genome(
    calls: Sequence[Call], source: str, annotation: Annotation, nearness: Nearness | None
) -> Iterator[tuple[Call, Place]]:
    """Yield all calls of an input with their places on its genome.

    Args:
        calls: The calls.
        source: The input.
        annotation: Annotation of the genome.
        nearness: When two genes of hits are in one group; None for no groups.
    """
    lifts = [
        annotation.place(call.id, call.length_aa) if call.is_called else None for call in calls
    ]
    annotation.check()
    genes = [
        annotation.gene_of[call.id] if lift is not None and call.status in SYNTHASES else None
        for call, lift in zip(calls, lifts)
    ]
    group_of = {}
    if nearness is not None:
        hits = {gene for gene in genes if gene is not None}
        group_of = locus_groups(annotation.genes, hits, nearness)
    for call, lift, gene in zip(calls, lifts, genes):
        yield call, Place(source, None if gene is None else group_of.get(gene), lift)
