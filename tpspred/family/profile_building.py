"""Building the family profiles from characterised enzymes.

Enzymes are grouped at 40 % identity and each group gets a profile. Groups whose profiles
recognise each other's representatives become one family. Each family is aligned and becomes one
profile, whose match columns say where its motifs and domains are.
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
from .profiles import ALPHABET, MIN_REGION, SEED, Profile, from_bytes, search, to_bytes

GROUP_IDENTITY = 0.4
MIN_GROUP = 3  # members of a group that are not near-identical
NEAR_IDENTICAL = 0.9
LINK_BITS = 90  # in both directions, between groups of one family
LINK_LENGTH_RATIO = 0.4
ALPHA_BEFORE_DDXXD = 75  # columns of the alpha domain before its first Asp-rich motif
ALPHA_LENGTH = 330


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
    seeds = [
        Profile(f"group{i}", build_hmm(f"group{i}", [sequences[k] for k in group], threads), (), ())
        for i, group in enumerate(groups)
    ]
    bits = _bit_scores(seeds, [sequences[name] for name in clusters], threads)
    lengths = np.array([seed.columns for seed in seeds])
    families = _join_groups(groups, clusters, cluster_of, bits, lengths)
    taken: collections.Counter[str] = collections.Counter()
    return [_family_profile([enzymes[i] for i in family], taken, threads) for family in families]


def build_hmm(name: str, sequences: Sequence[str], threads: int = 1) -> plan7.HMM:
    """Build a profile HMM from sequences of one family."""
    rows = [
        easel.TextSequence(name=str(i).encode(), sequence=row.tobytes().decode())
        for i, row in enumerate(align(sequences, threads))
    ]
    msa = easel.TextMSA(name=name.encode(), sequences=rows).digitize(ALPHABET)
    builder = plan7.Builder(ALPHABET, seed=SEED)
    hmm, _, _ = builder.build_msa(msa, plan7.Background(ALPHABET))
    hmm.creation_time = hmm.command_line = None
    return from_bytes(to_bytes(hmm))  # the precision that a model file keeps


def _has_distinct_members(identities: NDArray[np.float32], group: NDArray[np.int64]) -> bool:
    """Whether a group contains at least three sequences that are not near-identical."""
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
        clusters: (clusters,) representative of each cluster.
        cluster_of: (n,) representative of each enzyme.
        bits: (clusters, groups) scores of the representatives against the groups' profiles.
        lengths: (groups,) match columns of each profile.

    Returns:
        Per family, sorted indices of its enzymes; the largest family first.
    """
    row = {name: i for i, name in enumerate(clusters)}
    own = [row[cluster_of[group[0]]] for group in groups]
    mutual = np.minimum(bits[own], bits[own].T)
    ratio = np.minimum.outer(lengths, lengths) / np.maximum.outer(lengths, lengths)
    family_of = np.arange(len(groups))
    for a, b in zip(*np.nonzero((mutual >= LINK_BITS) & (ratio > LINK_LENGTH_RATIO))):
        family_of[family_of == family_of[a]] = family_of[b]
    members = collections.defaultdict(list)
    for k, group in enumerate(groups):
        members[family_of[k]] += group.tolist()
    grouped = set(own)
    for i, name in enumerate(clusters):
        best = int(bits[i].argmax())
        if i not in grouped and bits[i, best] >= LINK_BITS:
            members[family_of[best]] += np.flatnonzero(cluster_of == name).tolist()
    families = [sorted(family) for family in members.values()]
    return sorted(families, key=lambda family: (-len(family), family))


def _family_profile(
    enzymes: Sequence[Enzyme], taken: collections.Counter[str], threads: int
) -> Profile:
    """Build the profile of one family with its motif sites and domains."""
    name = _family_name(enzymes)
    taken[name] += 1
    name += f"_{taken[name]}" if taken[name] > 1 else ""
    sequences = [enzyme.sequence for enzyme in enzymes]
    bare = Profile(name, build_hmm(name, sequences, threads), (), ())
    nothing = np.zeros(bare.columns, np.int32)
    hits_of = search([bare], sequences, threads)
    positions = np.stack([hits[0].positions if hits else nothing for hits in hits_of])
    sites = tuple(motifs.find_sites(sequences, positions))
    return Profile(name, bare.hmm, domain_regions(sites, bare.columns), sites)


def _family_name(enzymes: Sequence[Enzyme]) -> str:
    """Name a family by its commonest kingdom and the product types of at least a quarter of it."""
    kingdoms = collections.Counter(enzyme.kingdom[0].split(" ")[0] for enzyme in enzymes)
    types = collections.Counter(kind for enzyme in enzymes for kind in enzyme.product_types)
    ((kingdom, _),) = kingdoms.most_common(1)
    common = [kind for kind, count in types.most_common() if count >= len(enzymes) / 4]
    return "_".join([kingdom.lower(), *common])


def domain_regions(sites: Sequence[motifs.Site], columns: int) -> tuple[tuple[str, int, int], ...]:
    """Derive the domains of a profile from its motifs.

    A class I alpha domain starts about 75 columns before its first DDxxD.

    Args:
        sites: Motif sites of the profile.
        columns: Number of match columns.

    Returns:
        (name, first column, last column) of each domain, 1-based inclusive, in order.

    >>> domain_regions((motifs.Site("DDxxD", 300, 1.0), motifs.Site("RRx8W", 10, 0.9)), 540)
    (('N-terminal', 1, 224), ('class_I_alpha', 225, 540))
    """
    starts: list[int] = []
    for site in sorted(
        (site for site in sites if site.motif == "DDxxD"), key=lambda site: site.column
    ):
        start = site.column - ALPHA_BEFORE_DDXXD
        if not starts or start > starts[-1] + ALPHA_LENGTH - MIN_REGION:
            starts.append(max(1, start))
    has_class_two = any(
        site.motif in ("DxDD", "DCTAE") and site.frequency >= motifs.EXPECTED for site in sites
    )
    if not starts:
        return (("class_II" if has_class_two else "whole", 1, columns),)
    first_domain = ("class_II" if has_class_two else "N-terminal", 1, starts[0] - 1)
    if starts[0] > MIN_REGION:
        bounds = [*starts, columns + 1]
    else:  # what precedes the first alpha domain is too short for a domain of its own
        bounds = [1, *starts[1:], columns + 1]
    alphas = tuple(
        ("class_I_alpha", start, following - 1) for start, following in itertools.pairwise(bounds)
    )
    return (first_domain, *alphas) if starts[0] > MIN_REGION else alphas
