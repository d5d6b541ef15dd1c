"""Profile HMMs of the terpene synthase family: build, search, align.

The only user of pyhmmer and pyfamsa. A library is built from training enzymes: groups at 40 % identity get
a profile each; groups whose profiles recognise each other's representatives are one family; each family is
aligned and becomes one profile, on whose match columns motifs and residues are read.
"""

import collections
import dataclasses
import hashlib
import io

import numpy as np
import pyfamsa
import pyhmmer
from pyhmmer import easel, plan7

from ..errors import ModelError
from ..io.fasta import AMINO_ACIDS
from . import motifs

ALPHABET = easel.Alphabet.amino()
UNKNOWN = len(AMINO_ACIDS)  # code of X and of a column without a residue
CODES = np.full(256, UNKNOWN, np.uint8)
for _code, _letter in enumerate(AMINO_ACIDS):
    CODES[ord(_letter)] = CODES[ord(_letter.lower())] = _code

SEED = 42
E_VALUE = 1e-3
DATABASE_SIZE = 10_000  # fixed, so that an E-value does not depend on the neighbours
BATCH_RESIDUES = 1_000_000
GROUP_IDENTITY = 0.4
MIN_GROUP = 3
LINK_BITS = 90  # both ways, between groups of one family
LINK_LENGTH_RATIO = 0.4
ALPHA_BEFORE_DDXXD = 75  # columns of the alpha domain before its first Asp-rich motif
ALPHA_LENGTH = 330
MIN_REGION = 60


@dataclasses.dataclass(frozen=True)
class Profile:
    """A family's profile HMM with its domains (name, first and last column, 1-based) and motif sites."""

    name: str
    hmm: plan7.HMM
    regions: tuple
    sites: tuple

    @property
    def columns(self):
        """Number of match columns."""
        return self.hmm.M

    def has_site(self, *names):
        """Whether the family keeps one of these motifs."""
        return any(site.motif in names for site in self.sites)


@dataclasses.dataclass(frozen=True)
class DomainHit:
    """A domain of a profile in a protein; start and end are residues, 1-based inclusive."""

    profile: str
    region: str
    start: int
    end: int
    bits: float


@dataclasses.dataclass(frozen=True)
class Alignment:
    """A protein's best local alignment with another.

    Attributes:
        identity: Identical residues over aligned ones, 0–1.
        coverage: Share of the protein's residues that are aligned, 0–1.
        e_value: In a database of 10,000 proteins.
    """

    identity: float
    coverage: float
    e_value: float


@dataclasses.dataclass(frozen=True)
class ProfileHit:
    """A protein aligned to a profile.

    ``residues`` (columns,) holds a code 0–20 and ``positions`` (columns,) the residue number, 0 for none.
    """

    profile: Profile
    bits: float
    residues: np.ndarray
    positions: np.ndarray

    def domains(self):
        """The parts of the protein that align to each domain of the profile."""
        found = []
        for name, first, last in self.profile.regions:
            inside = self.positions[first - 1 : last]
            inside = inside[inside > 0]
            if len(inside) >= MIN_REGION // 2:
                found.append(
                    DomainHit(
                        self.profile.name, name, int(inside.min()), int(inside.max()), self.bits
                    )
                )
        return found


def align(sequences, threads=1):
    """Align sequences with FAMSA, without its refinement, whose result differs in about one of a thousand runs.

    Returns:
        (sequences, columns) uint8 array of ASCII letters, '-' for gaps, rows in the given order.
    """
    named = [
        pyfamsa.Sequence(str(i).encode(), sequence.encode()) for i, sequence in enumerate(sequences)
    ]
    if len(named) == 1:
        return np.frombuffer(sequences[0].encode(), np.uint8)[None]
    rows = sorted(
        pyfamsa.Aligner(threads=threads, refine=False).align(named), key=lambda row: int(row.id)
    )
    return np.stack([np.frombuffer(row.sequence, np.uint8) for row in rows])


def build_hmm(name, sequences, threads=1):
    """Build a profile HMM from sequences of one family."""
    msa = easel.TextMSA(
        name=name.encode(),
        sequences=[
            easel.TextSequence(name=str(i).encode(), sequence=row.tobytes().decode())
            for i, row in enumerate(align(sequences, threads))
        ],
    )
    hmm, _, _ = plan7.Builder(ALPHABET, seed=SEED).build_msa(
        msa.digitize(ALPHABET), plan7.Background(ALPHABET)
    )
    hmm.creation_time = hmm.command_line = None
    return from_bytes(to_bytes(hmm))  # the precision that a model file keeps


def search(profiles, sequences, threads=1):
    """Align every sequence to every profile that it matches (E < 1e-3 in a database of 10,000).

    Returns:
        A list per sequence of ProfileHit, best bits first. The same for any number of threads and neighbours.
    """
    found = [[] for _ in sequences]
    block = easel.DigitalSequenceBlock(
        ALPHABET,
        [
            easel.TextSequence(name=str(i).encode(), sequence=sequence).digitize(ALPHABET)
            for i, sequence in enumerate(sequences)
            if sequence
        ],
    )
    if not block:
        return found
    options = dict(E=E_VALUE, domE=E_VALUE, Z=DATABASE_SIZE, domZ=DATABASE_SIZE, seed=SEED)
    results = pyhmmer.hmmsearch(
        [profile.hmm for profile in profiles], block, cpus=threads, parallel="queries", **options
    )
    for profile, top in zip(profiles, results):
        for hit in top.reported:
            if any(domain.reported for domain in hit.domains):  # many weak pieces are no domain
                found[int(hit.name)].append(_aligned(profile, hit))
    return [sorted(hits, key=lambda hit: (-hit.bits, hit.profile.name)) for hits in found]


def align_each(queries, references, threads=1):
    """Search every query in the references with phmmer.

    Returns:
        A list per query of (bits, index of the reference).
    """
    return [
        [(float(hit.score), int(hit.name)) for hit in top.reported]
        for top in _phmmer(queries, references, threads)
    ]


def align_pairs(query, others):
    """Align a protein with a few others.

    Returns:
        {index of the other: Alignment} of those that it aligns to (E < 1e-3).
    """
    return {
        int(hit.name): _pair(query, hit)
        for top in _phmmer([query], others, 1)
        for hit in top.reported
    }


def _phmmer(queries, references, threads):
    queries, block = (
        [
            easel.TextSequence(name=str(i).encode(), sequence=sequence).digitize(ALPHABET)
            for i, sequence in enumerate(sequences)
        ]
        for sequences in (queries, references)
    )
    return pyhmmer.phmmer(
        queries,
        easel.DigitalSequenceBlock(ALPHABET, block),
        cpus=threads,
        E=E_VALUE,
        Z=DATABASE_SIZE,
        domZ=DATABASE_SIZE,
        seed=SEED,
    )


def _pair(query, hit):
    alignment = hit.best_domain.alignment
    one, other = (
        np.frombuffer(text.upper().encode(), np.uint8)
        for text in (alignment.hmm_sequence, alignment.target_sequence)
    )
    both = (one != ord(".")) & (other != ord("-"))
    return Alignment(
        float((one == other)[both].mean()), float(both.sum() / len(query)), float(hit.evalue)
    )


def batches(records, residues=BATCH_RESIDUES):
    """Cut a stream of records into lists of at most so many residues, so that memory stays constant."""
    batch, total = [], 0
    for record in records:
        if batch and total + record.length_aa > residues:
            yield batch
            batch, total = [], 0
        batch.append(record)
        total += record.length_aa
    if batch:
        yield batch


def _aligned(profile, hit):
    residues = np.full(profile.columns, UNKNOWN, np.uint8)
    positions = np.zeros(profile.columns, np.int32)
    for domain in sorted(
        hit.domains.reported, key=lambda domain: domain.score
    ):  # the best is written last
        alignment = domain.alignment
        model = np.frombuffer(alignment.hmm_sequence.encode(), np.uint8)
        target = np.frombuffer(alignment.target_sequence.encode(), np.uint8)
        column = alignment.hmm_from - 2 + np.cumsum(model != ord("."))
        position = alignment.target_from - 1 + np.cumsum(target != ord("-"))
        both = (model != ord(".")) & (target != ord("-"))
        residues[column[both]] = CODES[target[both]]
        positions[column[both]] = position[both]
    return ProfileHit(profile, float(hit.score), residues, positions)


def build(enzymes, identities, member_of, threads=1):
    """Build the family profiles of a training set.

    Args:
        enzymes: Training enzymes (dataset.Enzyme).
        member_of: (n,) cluster of each enzyme at :data:`GROUP_IDENTITY` (splits.clusters).
        identities: (n, n) pairwise identity; a family needs three members that are not near-identical.

    Returns:
        List of Profile, largest family first.

    Raises:
        ModelError: If no group is large enough to build a profile.
    """
    names, counts = np.unique(member_of, return_counts=True)
    groups = [
        np.flatnonzero(member_of == name)
        for name, count in zip(names, counts)
        if count >= MIN_GROUP and _distinct(identities, np.flatnonzero(member_of == name))
    ]
    if not groups:
        raise ModelError.at(
            "training sequences",
            "no group of three related sequences",
            "a family to build a profile",
        )
    sequences = [enzyme.sequence for enzyme in enzymes]
    seeds = [
        Profile(f"group{i}", build_hmm(f"group{i}", [sequences[k] for k in group], threads), (), ())
        for i, group in enumerate(groups)
    ]
    bits = _bits(seeds, [sequences[name] for name in names], threads)
    families = _families(groups, names, member_of, bits, np.array([seed.columns for seed in seeds]))
    taken = collections.Counter()
    return [_family_profile([enzymes[i] for i in family], taken, threads) for family in families]


def _distinct(identities, group, near=0.9):
    """Whether a group holds at least three sequences that are not near-identical."""
    kept = []
    for i in group:
        if not kept or identities[i, kept].max() < near:
            kept.append(i)
    return len(kept) >= MIN_GROUP


def _bits(profiles, sequences, threads):
    """(sequences, profiles) bit scores, 0 where there is no match."""
    column = {profile.name: k for k, profile in enumerate(profiles)}
    bits = np.zeros((len(sequences), len(profiles)))
    for i, hits in enumerate(search(profiles, sequences, threads)):
        for hit in hits:
            bits[i, column[hit.profile.name]] = hit.bits
    return bits


def _families(groups, names, member_of, bits, lengths):
    """Join groups that recognise each other, then small clusters to the family that knows them best."""
    row = {name: i for i, name in enumerate(names)}
    own = [row[member_of[group[0]]] for group in groups]
    mutual = np.minimum(bits[own], bits[own].T)
    ratio = np.minimum.outer(lengths, lengths) / np.maximum.outer(lengths, lengths)
    family_of = np.arange(len(groups))
    for a, b in zip(*np.nonzero((mutual >= LINK_BITS) & (ratio > LINK_LENGTH_RATIO))):
        family_of[family_of == family_of[a]] = family_of[b]
    members = collections.defaultdict(list)
    for k, group in enumerate(groups):
        members[family_of[k]] += group.tolist()
    grouped = set(own)
    for i, name in enumerate(names):
        best = int(bits[i].argmax())
        if i not in grouped and bits[i, best] >= LINK_BITS:
            members[family_of[best]] += np.flatnonzero(member_of == name).tolist()
    return sorted(
        (sorted(family) for family in members.values()), key=lambda family: (-len(family), family)
    )


def _family_profile(enzymes, taken, threads):
    name = _family_name(enzymes)
    taken[name] += 1
    name += f"_{taken[name]}" if taken[name] > 1 else ""
    sequences = [enzyme.sequence for enzyme in enzymes]
    bare = Profile(name, build_hmm(name, sequences, threads), (), ())
    aligned = [
        hits[0].positions if hits else np.zeros(bare.columns, np.int32)
        for hits in search([bare], sequences, threads)
    ]
    sites = tuple(motifs.sites(sequences, np.stack(aligned)))
    return Profile(name, bare.hmm, regions(sites, bare.columns), sites)


def _family_name(enzymes):
    """What most members are, for people: kingdom and the product types of at least a quarter."""
    kingdom, _ = collections.Counter(
        enzyme.kingdom[0].split(" ")[0] for enzyme in enzymes
    ).most_common(1)[0]
    types = collections.Counter(kind for enzyme in enzymes for kind in enzyme.product_types)
    return "_".join(
        [kingdom.lower()] + [kind for kind, n in types.most_common() if n >= len(enzymes) / 4]
    )


def regions(sites, columns):
    """Domains of a profile, from its motifs: class I alpha domains start some 75 columns before DDxxD.

    Returns:
        Tuple of (name, first column, last column), 1-based inclusive, in order.

    >>> regions((motifs.Site("DDxxD", 300, 1.0), motifs.Site("RRx8W", 10, 0.9)), 540)
    (('N-terminal', 1, 224), ('class_I_alpha', 225, 540))
    """
    starts = []
    for site in sorted(
        (site for site in sites if site.motif == "DDxxD"), key=lambda site: site.column
    ):
        if not starts or site.column - ALPHA_BEFORE_DDXXD > starts[-1] + ALPHA_LENGTH - MIN_REGION:
            starts.append(max(1, site.column - ALPHA_BEFORE_DDXXD))
    class_two = any(
        site.motif in ("DxDD", "DCTAE") and site.frequency >= motifs.EXPECTED for site in sites
    )
    if not starts:
        return (("class_II" if class_two else "whole", 1, columns),)
    ends = [start - 1 for start in starts[1:]] + [columns]
    alphas = tuple(("class_I_alpha", start, end) for start, end in zip(starts, ends))
    if starts[0] > MIN_REGION:
        return (("class_II" if class_two else "N-terminal", 1, starts[0] - 1),) + alphas
    return (("class_I_alpha", 1, ends[0]),) + alphas[1:]


def to_bytes(hmm):
    """A profile HMM in HMMER's ASCII format."""
    buffer = io.BytesIO()
    hmm.write(buffer)
    return buffer.getvalue()


def checksum(profiles):
    """SHA-256 of the names and HMMs of a list of Profile: which screen let a protein through."""
    digest = hashlib.sha256()
    for profile in profiles:
        digest.update(profile.name.encode() + to_bytes(profile.hmm))
    return digest.hexdigest()


def from_bytes(data):
    """Read a profile HMM back."""
    with plan7.HMMFile(io.BytesIO(data)) as handle:
        return handle.read()
