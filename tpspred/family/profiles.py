"""Profile HMMs of the terpene synthase family, and the search for proteins that match them.

Only this module, ``alignment`` and ``profile_building`` call pyhmmer and pyfamsa.
"""

import dataclasses
import hashlib
import io
from collections.abc import Iterable, Sequence

import numpy as np
import pyhmmer
from numpy.typing import NDArray
from pyhmmer import easel, plan7

from ..errors import ModelError
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


CODES = _residue_codes()
SEED = 42
E_VALUE = 1e-3
DATABASE_SIZE = 10_000  # fixed, so that an E-value does not depend on the other proteins
MIN_REGION = 60  # residues of the shortest domain


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


def search(
    profiles: Iterable[Profile], sequences: Sequence[str], threads: int = 1
) -> list[list[ProfileHit]]:
    """Align every sequence to every profile that it matches.

    A match has an E-value below 1e-3 in a database of 10,000 proteins.

    Args:
        profiles: Profiles to search with.
        sequences: n proteins; an empty one matches nothing.
        threads: CPU threads; the result does not depend on them.

    Returns:
        One list of hits per sequence, best bits first. It does not depend on the other sequences.
    """
    profiles = list(profiles)
    hits_of: list[list[ProfileHit]] = [[] for _ in sequences]
    block = easel.DigitalSequenceBlock(
        ALPHABET,
        [
            easel.TextSequence(name=str(i).encode(), sequence=sequence).digitize(ALPHABET)
            for i, sequence in enumerate(sequences)
            if sequence
        ],
    )
    if not block:
        return hits_of
    results = pyhmmer.hmmsearch(
        [profile.hmm for profile in profiles],
        block,
        cpus=threads,
        parallel="queries",
        E=E_VALUE,
        domE=E_VALUE,
        Z=DATABASE_SIZE,
        domZ=DATABASE_SIZE,
        seed=SEED,
    )
    for profile, top in zip(profiles, results):
        for hit in top.reported:
            # Skip a hit without a significant domain: its score adds up many weak matches.
            if any(domain.reported for domain in hit.domains):
                hits_of[int(hit.name)].append(_aligned(profile, hit))
    return [sorted(hits, key=lambda hit: (-hit.bits, hit.profile.name)) for hits in hits_of]


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


def from_bytes(data: bytes) -> plan7.HMM:
    """Read a profile HMM from HMMER's ASCII format.

    Raises:
        ModelError: If the data contain no profile.
    """
    with plan7.HMMFile(io.BytesIO(data)) as handle:
        hmm = handle.read()
    if hmm is None:
        raise ModelError.at("profile HMM", "no profile", "HMMER's ASCII format")
    return hmm


def checksum(profiles: Iterable[Profile]) -> str:
    """Return the SHA-256 of the profiles' names and HMMs, by which a screen is recognised."""
    digest = hashlib.sha256()
    for profile in profiles:
        digest.update(profile.name.encode() + to_bytes(profile.hmm))
    return digest.hexdigest()
