"""Groups of genes that lie close together on a chromosome or contig: tandem arrays and clusters.

Genes that came from one by tandem duplication have at most ten other genes between them by the
definition of Hanada 2008 (doi.org/10.1104/pp.108.122457), from which the default is taken. What it
says about bases is left to the user, because the density of genes differs between genomes.
"""

import collections
import dataclasses
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple

MAX_GENES_BETWEEN = 10


class Gene(NamedTuple):
    """A gene that codes for a protein.

    Attributes:
        name: Its ID, unique in the genome.
        sequence: Name of the chromosome or contig.
        start, end: First and last coding base of all its isoforms, 1-based inclusive.
    """

    name: str
    sequence: str
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class Nearness:
    """When two genes are neighbours. One of the limits suffices; None is no limit that counts.

    Attributes:
        genes: Most protein-coding genes that may lie between them.
        bases: Most bases that may lie between them.
    """

    genes: int | None = MAX_GENES_BETWEEN
    bases: int | None = None

    def joins(self, genes: int, bases: int) -> bool:
        """Return whether genes with so many genes and bases between them are neighbours.

        Args:
            genes: Number of genes between.
            bases: Number of bases between; negative if they overlap.

        >>> Nearness().joins(genes=10, bases=10**6), Nearness(bases=500).joins(11, 501)
        (True, False)
        """
        few_genes = self.genes is not None and genes <= self.genes
        return few_genes or (self.bases is not None and bases <= self.bases)


def locus_groups(genes: Iterable[Gene], hits: Container[str], nearness: Nearness) -> dict[str, str]:
    """Put hits that are neighbours, or neighbours of neighbours, into one group.

    Args:
        genes: All protein-coding genes of a genome, in any order.
        hits: Names of the genes that are to be grouped.
        nearness: When two genes are neighbours.

    Returns:
        By the name of a hit, the group: the sequence and, after a ':', the number of the group,
        counted from 1 along the sequence. A hit without a neighbour is not there.

    >>> genes = [Gene(f"g{k}", "chr1", 100 * k, 100 * k + 50) for k in range(30)]
    >>> locus_groups(genes, {"g1", "g3", "g15", "g28", "g29"}, Nearness())
    {'g1': 'chr1:1', 'g3': 'chr1:1', 'g28': 'chr1:2', 'g29': 'chr1:2'}
    """
    genes_on = collections.defaultdict(list)
    for gene in genes:
        genes_on[gene.sequence].append(gene)
    group_of = {}
    for sequence, there in genes_on.items():
        there.sort(key=lambda gene: (gene.start, gene.end, gene.name))
        number = 0
        for neighbours in _neighbours(there, hits, nearness):
            if len(neighbours) > 1:
                number += 1
                group_of.update(dict.fromkeys(neighbours, f"{sequence}:{number}"))
    return group_of


def _neighbours(
    genes: Sequence[Gene], hits: Container[str], nearness: Nearness
) -> Iterator[list[str]]:
    """Yield the names of the hits of one sequence, cut where two hits are no neighbours.

    Args:
        genes: All genes of the sequence, in ascending order.
        hits: Names of the genes that are to be grouped.
        nearness: When two genes are neighbours.
    """
    names: list[str] = []
    last_index = last_end = 0  # of the hits up to here; a long one may end behind those after it
    for index, gene in enumerate(genes):
        if gene.name not in hits:
            continue
        if names and not nearness.joins(index - last_index - 1, gene.start - last_end - 1):
            yield names
            names = []
        names.append(gene.name)
        last_index = index
        last_end = max(last_end, gene.end)
    if names:
        yield names
