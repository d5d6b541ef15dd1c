"""Building the family profiles from characterised enzymes.

Enzymes are grouped at 40 % identity, and each group gets a profile. Groups whose profiles recognise
each other's representatives become one family. Each family is aligned and gets a profile of its
own, in whose match columns its motifs and domains are placed.
"""

import collections
import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pyhmmer import easel, plan7

from ..dataset.enzymes import Enzyme
from ..dataset.folds import identity_clusters
from ..errors import ModelError
from . import motifs
from .alignment import align
from .profiles import ALPHABET, MIN_REGION, SEED, Profile, rounded, search

UNKNOWN_KINGDOM = "unknown"  # in the name of a profile
GROUP_IDENTITY = 0.4
MIN_GROUP = 3  # least members of a group that are not near-identical
NEAR_IDENTICAL = 0.9  # identity from which a sequence adds nothing new, 0–1
LINK_BITS = 90  # least score, in both directions, between groups of one family
LINK_LENGTH_RATIO = 0.4  # of the shorter to the longer profile
ALPHA_BEFORE_DDXXD = 75  # columns of the alpha domain before its DDxxD
ALPHA_LENGTH = 330  # columns of an alpha domain


def build_profiles(
    enzymes: Sequence[Enzyme], identities: NDArray[np.float32], threads: int = 1
) -> list[Profile]:
    """Build the family profiles of a training set.

    Args:
        enzymes: n training enzymes.
        identities: (n, n) pairwise identity, 0–1.
        threads: CPU threads; the result does not depend on them.

    Returns:
        One profile per family, the largest family first.

    Raises:
        ModelError: If no group is large enough to build a profile.
    """
    # Groups of at least three distinct sequences.
    sequences = [enzyme.sequence for enzyme in enzymes]
    cluster_of = identity_clusters(identities, list(map(len, sequences)), GROUP_IDENTITY)
    clusters, counts = np.unique(cluster_of, return_counts=True)
    large = [np.flatnonzero(cluster_of == name) for name in clusters[counts >= MIN_GROUP]]
    groups = [group for group in large if _has_distinct_members(identities, group)]
    if not groups:
        raise ModelError.at(
            "training sequences",
            "no group of three related sequences",
            "a family to build a profile",
        )
    # A profile per group, and what the representative of every cluster scores against it.
    group_profiles = []
    for i, group in enumerate(groups):
        members = [sequences[k] for k in group]
        group_profiles.append(
            Profile(f"group{i}", build_hmm(f"group{i}", members, threads), (), ())
        )
    bits = _bit_scores(group_profiles, [sequences[name] for name in clusters], threads)
    lengths = np.array([profile.columns for profile in group_profiles])

    # Families of groups, and a profile per family.
    families = _join_groups(groups, clusters, cluster_of, bits, lengths)
    uses: collections.Counter[str] = collections.Counter()  # family name → profiles so far
    return [_family_profile([enzymes[i] for i in family], uses, threads) for family in families]


def build_hmm(name: str, sequences: Sequence[str], threads: int = 1) -> plan7.HMM:
    """Build a profile HMM from sequences of one family.

    Args:
        name: Name of the profile.
        sequences: Members of the family.
        threads: CPU threads; the result does not depend on them.
    """
    rows = [
        easel.TextSequence(name=str(i).encode(), sequence=row.tobytes().decode())
        for i, row in enumerate(align(sequences, threads))
    ]
    msa = easel.TextMSA(name=name.encode(), sequences=rows).digitize(ALPHABET)
    builder = plan7.Builder(ALPHABET, seed=SEED)
    hmm, _, _ = builder.build_msa(msa, plan7.Background(ALPHABET))
    hmm.creation_time = hmm.command_line = None
    return rounded(hmm)


def _has_distinct_members(identities: NDArray[np.float32], group: NDArray[np.int64]) -> bool:
    """Return whether a group contains at least three sequences that are not near-identical."""
    kept: list[int] = []
    for i in group:
        if not kept or identities[i, kept].max() < NEAR_IDENTICAL:
            kept.append(i)
    return len(kept) >= MIN_GROUP


def _bit_scores(
    profiles: Sequence[Profile], sequences: Sequence[str], threads: int
) -> NDArray[np.float64]:
    """Return (sequences, profiles) bit scores, 0 where there is no match."""
    column = {profile.name: k for k, profile in enumerate(profiles)}
    bits = np.zeros((len(sequences), len(profiles)))
    for i, hits in enumerate(search(profiles, sequences, threads)):
        for hit in hits:
            bits[i, column[hit.profile.name]] = hit.bits
    return bits


def _join_groups(
    groups: Sequence[NDArray[np.int64]],
    clusters: NDArray[np.int64],
    cluster_of: NDArray[np.int64],
    bits: NDArray[np.float64],
    lengths: NDArray[np.int64],
) -> list[list[int]]:
    """Join groups that recognise each other, then add small clusters to the family they fit best.

    Args:
        groups: Per group, indices of its enzymes.
        clusters: (clusters,) index of each cluster's representative.
        cluster_of: (n,) for each enzyme, the index of its cluster's representative.
        bits: (clusters, groups) scores of the representatives against the groups' profiles.
        lengths: (groups,) match columns of each profile.

    Returns:
        Per family, sorted indices of its enzymes; the largest family first.
    """
    # Scores of the groups' own representatives in both directions: (groups, groups).
    row = {name: i for i, name in enumerate(clusters)}
    own = [row[cluster_of[group[0]]] for group in groups]
    mutual = np.minimum(bits[own], bits[own].T)
    ratio = np.minimum.outer(lengths, lengths) / np.maximum.outer(lengths, lengths)

    # Linked groups get the same family number.
    family_of = np.arange(len(groups))
    for a, b in zip(*np.nonzero((mutual >= LINK_BITS) & (ratio > LINK_LENGTH_RATIO))):
        family_of[family_of == family_of[a]] = family_of[b]

    # Enzymes of each family: those of its groups, then those of small clusters.
    members: dict[int, list[int]] = collections.defaultdict(list)
    for k, group in enumerate(groups):
        members[int(family_of[k])] += group.tolist()
    for i, name in enumerate(clusters):
        best = int(bits[i].argmax())
        if i not in own and bits[i, best] >= LINK_BITS:
            members[int(family_of[best])] += np.flatnonzero(cluster_of == name).tolist()
    families = [sorted(family) for family in members.values()]
    return sorted(families, key=lambda family: (-len(family), family))


def _family_profile(
    enzymes: Sequence[Enzyme], uses: collections.Counter[str], threads: int
) -> Profile:
    """Build the profile of one family with its motif sites and domains.

    Args:
        enzymes: Members of the family.
        uses: How often each name was given to a family; a name that is given again gets a number.
        threads: CPU threads; the result does not depend on them.
    """
    name = _family_name(enzymes)
    uses[name] += 1
    name += f"_{uses[name]}" if uses[name] > 1 else ""
    sequences = [enzyme.sequence for enzyme in enzymes]
    bare = Profile(name, build_hmm(name, sequences, threads), (), ())
    # Align the members to the profile: (members, columns).
    unaligned = np.zeros(bare.columns, np.int32)
    hits_of = search([bare], sequences, threads)
    positions = np.stack([hits[0].positions if hits else unaligned for hits in hits_of])
    sites = tuple(motifs.find_sites(sequences, positions))
    return Profile(name, bare.hmm, domain_regions(sites, bare.columns), sites)


def _family_name(enzymes: Sequence[Enzyme]) -> str:
    """Name a family by its commonest kingdom and the product types of at least a quarter of it."""
    kingdoms = collections.Counter(
        enzyme.kingdom[0].split(" ")[0] if enzyme.kingdom else UNKNOWN_KINGDOM for enzyme in enzymes
    )
    types = collections.Counter(name for enzyme in enzymes for name in enzyme.product_types)
    ((kingdom, _),) = kingdoms.most_common(1)
    common_types = [name for name, count in types.most_common() if count >= len(enzymes) / 4]
    return "_".join([kingdom.lower(), *common_types])


def domain_regions(sites: Sequence[motifs.Site], columns: int) -> tuple[tuple[str, int, int], ...]:
    """Derive the domains of a profile from its motifs.

    A class I alpha domain starts about 75 columns before its DDxxD, and what precedes the first one
    is a domain too. A profile without DDxxD is one domain.

    Args:
        sites: Motif sites of the profile.
        columns: Number of match columns.

    Returns:
        (name, first column, last column) of each domain, 1-based inclusive, in order.

    >>> domain_regions((motifs.Site("DDxxD", 300, 1.0), motifs.Site("RRx8W", 10, 0.9)), 540)
    (('N-terminal', 1, 224), ('class_I_alpha', 225, 540))
    """
    # First columns of the alpha domains.
    starts: list[int] = []
    for column in sorted(site.column for site in sites if site.motif == "DDxxD"):
        start = column - ALPHA_BEFORE_DDXXD
        if not starts or start > starts[-1] + ALPHA_LENGTH - MIN_REGION:
            starts.append(max(1, start))
    has_class_two = any(
        site.motif in ("DxDD", "DCTAE") and site.frequency >= motifs.EXPECTED for site in sites
    )
    if not starts:
        return (("class_II" if has_class_two else "whole", 1, columns),)

    regions = []
    if starts[0] > MIN_REGION:
        regions.append(("class_II" if has_class_two else "N-terminal", 1, starts[0] - 1))
    else:
        starts[0] = 1  # too few columns precede the first alpha domain to be a domain
    for start, following in itertools.pairwise([*starts, columns + 1]):
        regions.append(("class_I_alpha", start, following - 1))
    return tuple(regions)
