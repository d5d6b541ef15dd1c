"""Profile HMMs of the terpene synthase family, and the search for proteins that match them.

Only this module, ``alignment`` and ``profile_building`` call pyhmmer and pyfamsa.
"""

import dataclasses
import hashlib
import io
import itertools
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyhmmer import easel, plan7

from ..io.batching import batches, in_threads
from ..io.fasta import AMINO_ACIDS
from .motifs import Site

ALPHABET: easel.Alphabet = easel.Alphabet.amino()  # pyhmmer's functions declare this wider type
UNKNOWN = len(AMINO_ACIDS)  # code of X and of a column without a residue


def _residue_codes() -> NDArray[np.uint8]:
    """Return (256,) residue code of each ASCII letter, upper or lower case."""
    codes = np.full(256, UNKNOWN, np.uint8)
    for code, letter in enumerate(AMINO_ACIDS):
        codes[ord(letter)] = code
        codes[ord(letter.lower())] = code
    return codes


def _digital_codes() -> bytes:
    """Return Easel's code of each normalised residue, by its letter; 0 for what is none."""
    codes = bytearray(256)
    for letter in f"{AMINO_ACIDS}X":
        codes[ord(letter)] = ALPHABET.symbols.index(letter)
    return bytes(codes)


CODES = _residue_codes()
DIGITAL = _digital_codes()
SEED = 42
E_VALUE = 1e-3
WEAK_E_VALUE = 0.1  # HMMER's last filter lets little through that is above
DATABASE_SIZE = 10_000  # fixed, so that an E-value does not depend on the other proteins
MIN_REGION = 60  # residues of the shortest domain
# What HMMER knows of a profile: numpy's letters of its type and the names or sizes of its axes.
HMM_ARRAYS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "M": ("<i4", ("profiles",)),  # match columns
    "mat": ("<f4", ("nodes", 20)),  # match emissions
    "ins": ("<f4", ("nodes", 20)),  # insert emissions
    "t": ("<f4", ("nodes", 7)),  # transitions
    "map": ("<i4", ("nodes",)),  # columns of the alignment that the profile was built from
    "evparam": ("<f4", ("profiles", 6)),  # parameters of the distributions of scores
    "compo": ("<f4", ("profiles", 20)),  # mean composition
    "nseq": ("<i4", ("profiles",)),  # sequences of the alignment
    "eff_nseq": ("<f4", ("profiles",)),  # and how many they count for
    "checksum": ("<u4", ("profiles",)),  # of the alignment
}
# Shares of one among these: array, first and last column. HMMER crashes if they are none.
SHARES = (
    ("mat", 0, 20),
    ("ins", 0, 20),
    ("compo", 0, 20),
    ("t", 0, 3),  # from a match state
    ("t", 3, 5),  # from an insertion
    ("t", 5, 7),  # from a deletion
)
# HMMER's flags of what a profile has: all of the above, and a consensus, which follows from it.
FLAGS = 115072
MAX_ROUNDING = 1e-3  # by which shares may miss one
SEARCH_RESIDUES = 100_000  # residues that a thread searches at a time
BATCH_RESIDUES = 400_000  # and of a long stream: a thread has to wait for Python between searches
PARTS_PER_THREAD = 8  # of a small set of proteins


@dataclasses.dataclass(frozen=True)
class Profile:
    """The profile HMM of one family.

    Attributes:
        name: Name of the family, such as ``plantae_sesq_mono``.
        hmm: HMMER's profile HMM.
        regions: (name, first column, last column) of each domain, 1-based inclusive.
        sites: Columns where the family keeps its motifs.
    """

    name: str
    hmm: plan7.HMM
    regions: tuple[tuple[str, int, int], ...]
    sites: tuple[Site, ...]

    @property
    def columns(self) -> int:
        """Number of match columns."""
        return self.hmm.M

    def has_site(self, *names: str) -> bool:
        """Return whether the family keeps one of these motifs."""
        return any(site.motif in names for site in self.sites)


@dataclasses.dataclass(frozen=True)
class DomainHit:
    """The part of a protein that aligns to one domain of a profile.

    Attributes:
        profile: Name of the profile.
        region: Name of the domain, such as ``class_I_alpha``.
        start: First residue, 1-based.
        end: Last residue, 1-based inclusive.
        bits: Score of the whole protein against the profile, bits.
    """

    profile: str
    region: str
    start: int
    end: int
    bits: float


@dataclasses.dataclass(frozen=True)
class ProfileHit:
    """A protein's match with a profile, and how it aligns.

    Attributes:
        profile: The profile.
        bits: HMMER's score of the whole protein, bits.
        residues: (columns,) code of the residue at each match column, 0–20.
        positions: (columns,) number of the residue at each match column, 1-based, 0 for none.
    """

    profile: Profile
    bits: float
    residues: NDArray[np.uint8]
    positions: NDArray[np.int32]

    def domains(self) -> list[DomainHit]:
        """Return the domains of the profile that at least 30 residues of the protein align to."""
        domains = []
        for name, first, last in self.profile.regions:
            inside = self.positions[first - 1 : last]
            inside = inside[inside > 0]
            if len(inside) >= MIN_REGION // 2:
                start, end = int(inside.min()), int(inside.max())
                domains.append(DomainHit(self.profile.name, name, start, end, self.bits))
        return domains


class WeakHit(NamedTuple):
    """A protein's likeness to a profile that it does not match.

    Attributes:
        profile: Name of the profile.
        bits: HMMER's score of the whole protein, bits.
        e_value: Expected number of proteins with this score by chance among 10,000.
    """

    profile: str
    bits: float
    e_value: float


class Matches(NamedTuple):
    """What a search finds in a protein.

    Attributes:
        hits: Profiles that the protein matches, best bits first.
        weak: The profile that a protein without a match is most like; None if it is like none.
    """

    hits: list[ProfileHit]
    weak: WeakHit | None


class Search:
    """Profiles that are searched for in batches of proteins, by any number of threads at once.

    A match has an E-value below 1e-3 in a database of 10,000 proteins, and a domain that has. A
    weak hit has an E-value below 0.1.

    Args:
        profiles: Profiles to search with.
    """

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._profiles = list(profiles)
        background = plan7.Background(ALPHABET)
        self._optimized = [
            profile.hmm.to_profile(background).to_optimized() for profile in self._profiles
        ]
        self._own = threading.local()  # a search changes its pipeline and its optimized profiles

    def matches(self, sequences: Sequence[str]) -> list[Matches]:
        """Align every sequence to every profile that it matches.

        Args:
            sequences: n proteins; an empty one matches nothing.

        Returns:
            n results, which do not depend on the other sequences.
        """
        hits_of: list[list[ProfileHit]] = [[] for _ in sequences]
        weak_of: dict[int, WeakHit] = {}
        block = easel.DigitalSequenceBlock(
            ALPHABET,
            [
                easel.DigitalSequence(
                    ALPHABET, name=str(i), sequence=sequence.encode().translate(DIGITAL)
                )
                for i, sequence in enumerate(sequences)
                if sequence
            ],
        )
        if not block:
            return [Matches([], None) for _ in sequences]
        pipeline, optimized = self._of_this_thread()
        for profile, query in zip(self._profiles, optimized):
            for hit in pipeline.search_hmm(query, block).reported:
                i = int(hit.name)
                # A hit without a significant domain is weak: its score adds up many weak matches.
                if hit.evalue <= E_VALUE and any(domain.reported for domain in hit.domains):
                    hits_of[i].append(_aligned(profile, hit))
                elif i not in weak_of or hit.score > weak_of[i].bits:
                    weak_of[i] = WeakHit(profile.name, float(hit.score), float(hit.evalue))
            pipeline.clear()
        for hits in hits_of:
            hits.sort(key=lambda hit: (-hit.bits, hit.profile.name))
        return [Matches(hits, None if hits else weak_of.get(i)) for i, hits in enumerate(hits_of)]

    def _of_this_thread(self) -> tuple[plan7.Pipeline, list[plan7.OptimizedProfile]]:
        """Return the pipeline and the optimized profiles that this thread may change."""
        if not hasattr(self._own, "pipeline"):
            self._own.pipeline = plan7.Pipeline(
                ALPHABET,
                E=WEAK_E_VALUE,
                domE=E_VALUE,
                Z=DATABASE_SIZE,
                domZ=DATABASE_SIZE,
                seed=SEED,
            )
            self._own.optimized = [query.copy() for query in self._optimized]
        return self._own.pipeline, self._own.optimized


def search(
    profiles: Iterable[Profile], sequences: Sequence[str], threads: int = 1
) -> list[list[ProfileHit]]:
    """Align every sequence to every profile that it matches.

    Args:
        profiles: Profiles to search with.
        sequences: n proteins; an empty one matches nothing.
        threads: CPU threads; the result does not depend on them.

    Returns:
        One list of hits per sequence, best bits first.
    """
    share = sum(map(len, sequences)) // (PARTS_PER_THREAD * threads)
    parts = batches(sequences, len, lambda: min(share, SEARCH_RESIDUES))
    found = itertools.chain(*in_threads(Search(profiles).matches, parts, threads))
    return [matches.hits for matches in found]


def _aligned(profile: Profile, hit: plan7.Hit) -> ProfileHit:
    """Read from HMMER's alignments which residue stands at which match column."""
    residues = np.full(profile.columns, UNKNOWN, np.uint8)
    positions = np.zeros(profile.columns, np.int32)
    # Where domains overlap, the best one is written last and stays.
    for domain in sorted(hit.domains.reported, key=lambda domain: domain.score):
        alignment = domain.alignment
        model = np.frombuffer(alignment.hmm_sequence.encode(), np.uint8)  # (aligned,)
        target = np.frombuffer(alignment.target_sequence.encode(), np.uint8)  # (aligned,)
        column = alignment.hmm_from - 2 + np.cumsum(model != ord("."))  # 0-based
        position = alignment.target_from - 1 + np.cumsum(target != ord("-"))  # 1-based
        both = (model != ord(".")) & (target != ord("-"))
        residues[column[both]] = CODES[target[both]]
        positions[column[both]] = position[both]
    return ProfileHit(profile, float(hit.score), residues, positions)


def to_bytes(hmm: plan7.HMM) -> bytes:
    """Return a profile HMM in HMMER's ASCII format."""
    buffer = io.BytesIO()
    hmm.write(buffer)
    return buffer.getvalue()


def rounded(hmm: plan7.HMM) -> plan7.HMM:
    """Return a profile HMM as it is in HMMER's ASCII format, which keeps five decimals."""
    with plan7.HMMFile(io.BytesIO(to_bytes(hmm))) as handle:
        read = handle.read()
    assert read is not None
    return read


def pack(hmms: Iterable[plan7.HMM]) -> dict[str, NDArray[Any]]:
    """Return rounded profile HMMs as arrays, which are read sooner than HMMER's ASCII format.

    Returns:
        The arrays :data:`HMM_ARRAYS` of n profiles, named as in HMMER. A profile has one node more
        than match columns. Most nodes share their insert emissions, so ``ins`` contains each row
        once, and ``ins_rows`` the row of each node.
    """
    states: list[dict[str, Any]] = [hmm.__getstate__() for hmm in hmms]  # what pickle would get
    assert all(state["flags"] == FLAGS for state in states)
    packed = {}
    for name, (letters, (axis, *_)) in HMM_ARRAYS.items():
        parts = [np.asarray(state[name], letters) for state in states]
        packed[name] = np.concatenate(parts) if axis == "nodes" else np.stack(parts)
    packed["ins"], rows = np.unique(packed["ins"], axis=0, return_inverse=True)
    return packed | {"ins_rows": rows.ravel().astype("<i4")}


def unpack(names: Sequence[str], packed: Mapping[str, NDArray[Any]]) -> list[plan7.HMM]:
    """Return the profile HMMs of arrays that :func:`pack` made.

    Args:
        names: n names.
        packed: The arrays.

    Raises:
        ValueError, LookupError: If the arrays do not fit together.
    """
    arrays = {name: packed[name] for name in HMM_ARRAYS}
    shared, rows = arrays["ins"], packed["ins_rows"]
    if rows.dtype.kind != "i" or not ((rows >= 0) & (rows < len(shared))).all():
        raise ValueError(f"ins: shape {shared.shape}, rows {rows.shape} of type {rows.dtype}")
    arrays["ins"] = shared[rows]
    sizes = {"nodes": int((arrays["M"] + 1).sum()), "profiles": len(names)}
    for name, (letters, (axis, *others)) in HMM_ARRAYS.items():
        array = arrays[name]
        if array.shape != (sizes[axis], *others) or array.dtype != letters:
            raise ValueError(f"{name}: shape {array.shape}, type {array.dtype}")
    columns = arrays["M"].tolist()
    if min(columns, default=1) < 1 or not all(re.fullmatch("[!-~]+", name) for name in names):
        raise ValueError("columns or names")
    for name, first, end in SHARES:
        shares = arrays[name][:, first:end]
        if not ((shares >= 0).all() and (np.abs(shares.sum(1) - 1) < MAX_ROUNDING).all()):
            raise ValueError(f"{name}: no shares of one")
    if not np.isfinite(arrays["evparam"]).all():
        raise ValueError("evparam")
    hmms = []
    first_nodes = itertools.accumulate((count + 1 for count in columns), initial=0)
    for k, (name, count, first) in enumerate(zip(names, columns, first_nodes)):
        hmm = plan7.HMM(ALPHABET, count, name)
        state: dict[str, Any] = hmm.__getstate__()
        for part, (_, (axis, *_)) in HMM_ARRAYS.items():
            own = slice(first, first + count + 1) if axis == "nodes" else k
            state[part] = arrays[part][own]
        hmm.__setstate__(state | {"flags": FLAGS})
        hmm.set_consensus(None)  # from the emissions
        hmms.append(hmm)
    return hmms


def checksum(profiles: Iterable[Profile]) -> str:
    """Return the SHA-256 of the profiles' names and HMMs, by which a screen is recognised."""
    digest = hashlib.sha256()
    for profile in profiles:
        digest.update(profile.name.encode() + to_bytes(profile.hmm))
    return digest.hexdigest()
