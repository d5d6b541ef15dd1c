"""Calls with the places of their proteins: the input, and where they lie on a genome."""

from collections.abc import Iterable, Iterator

from ..model.calls import TPS, UNCERTAIN, Call
from . import Place
from .genome_lift import Annotation
from .loci import Nearness, locus_groups

SYNTHASES = (TPS, UNCERTAIN)  # statuses of proteins that are terpene synthases, or may be


def placed(
    calls: Iterable[Call],
    source: str,
    annotation: Annotation | None = None,
    nearness: Nearness | None = None,
) -> Iterator[tuple[Call, Place]]:
    """Yield the calls of an input, in order, each with the place of its protein.

    With an annotation all calls are held until the last one is made, because only then the groups
    of neighbouring genes are known. Called proteins that are not in it are named in a warning.

    Args:
        calls: Calls of the proteins of the input.
        source: The input.
        annotation: Annotation of the genome, if the proteins are to be placed on it.
        nearness: When two genes of hits are in one group; None for no groups.

    Raises:
        InputError: If no called protein has a coding sequence in the annotation.
    """
    if annotation is None:
        place = Place(source)
        for call in calls:
            yield call, place
        return

    held = list(calls)
    lifts = [annotation.place(call.id, call.length_aa) if call.is_called else None for call in held]
    annotation.check(sum(call.is_called for call in held))
    genes = [
        annotation.gene_of[call.id] if lift is not None and call.status in SYNTHASES else None
        for call, lift in zip(held, lifts)
    ]
    group_of = {}
    if nearness is not None:
        hits = {gene for gene in genes if gene is not None}
        group_of = locus_groups(annotation.genes, hits, nearness)
    for call, lift, gene in zip(held, lifts, genes):
        yield call, Place(source, None if gene is None else group_of.get(gene), lift)
