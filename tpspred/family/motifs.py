"""Sequence motifs of terpene synthases, looked for where a profile says they should be.

A ``DD..D`` somewhere in a protein is noise; at the column of the profile where its family keeps the motif it
is an active site. :func:`find_sites` learns those columns from the family's members, :func:`find_motifs` reads them.
"""

import collections
import dataclasses
import functools
import re

import numpy as np

INTACT, ALTERED, MISSING = "intact", "altered", "missing"
# Residues that bind magnesium: the outer acids of DDxxD; N/D, S/T and E of NSE/DTE. 10.1021/acs.chemrev.7b00287
METAL = {"DDxxD": (0, -1), "NSE/DTE": (0, 4, -1)}
CATALYTIC = {
    "DDxxD": "1",
    "NSE/DTE": "1",
    "DxDD": "2",
    "DCTAE": "2",
}  # the class whose active site a motif is


@dataclasses.dataclass(frozen=True)
class Motif:
    """A motif: name, pattern, nominal width in residues, where it was described (DOI).

    ``min_frequency``: a family has the motif at a column when this share of its members does. Some families are mixed
    (class II diterpene synthases align to class I ones), so that a specific motif may be that of a minority.
    """

    name: str
    pattern: re.Pattern
    width: int
    reference: str
    min_frequency: float = 0.4


MOTIFS = {
    motif.name: motif
    for motif in (
        # Mg2+ binding, class I; DDxxxxD in bacterial prenyltransferases.
        Motif("DDxxD", re.compile("(?=(DD(?:..[DE]|....D)))"), 5, "10.1126/science.277.5333.1815"),
        # The second Mg2+ site of class I: (N,D)D(L,I,V)x(S,T)xxxE.
        Motif(
            "NSE/DTE", re.compile("(?=([ND]D[A-Z].[STG]...[ED]))"), 9, "10.1021/acs.chemrev.7b00287"
        ),
        # The acid of class II.
        Motif("DxDD", re.compile("(?=(D.DD))"), 4, "10.1021/cr050286w", 0.05),
        # N-terminal lid of mono- and many sesquiterpene synthases.
        Motif("RRx8W", re.compile("(?=(RR.{8}W))"), 11, "10.1073/pnas.95.8.4126", 0.05),
        # Repeats of triterpene cyclases.
        Motif("QW", re.compile("(?=(Q.{2,5}G.W))"), 8, "10.1021/acs.chemrev.7b00287"),
        # The acid of oxidosqualene and squalene cyclases.
        Motif("DCTAE", re.compile("(?=(D[CD]TA[EV]))"), 5, "10.1073/pnas.92.20.9274", 0.05),
    )
}
WINDOW = 4  # columns on either side of the expected one
SEPARATION = 10  # columns between two sites of one motif
EXPECTED = 0.5  # share of the members from which on another residue is an alteration
MIN_MEMBERS = 3
CLASS_TWO_COLUMNS = 450  # a class II fold has two alpha-barrels, some 500 residues
MAX_SITES = 6


@dataclasses.dataclass(frozen=True)
class Site:
    """A motif's place in a profile: match column, 1-based, and the share of members that have it there."""

    motif: str
    column: int
    frequency: float


@dataclasses.dataclass(frozen=True)
class MotifHit:
    """A motif's place in a protein; start and end are residues, 1-based inclusive, 0 when missing."""

    motif: str
    state: str
    start: int
    end: int
    residues: str


def find_sites(sequences, positions):
    """Find the columns at which the members of a family keep the motifs.

    Args:
        sequences: The members.
        positions: (members, columns) residue number aligned to each match column, 0 for none.

    Returns:
        List of Site, by motif and column.

    >>> find_sites(["MADDAADK", "MADDKKDR", "MADDRRDK"], np.array([[2, 3, 4]] * 3))
    [Site(motif='DDxxD', column=2, frequency=1.0)]
    """
    reached = np.maximum((positions > 0).sum(0), len(sequences) / 4)
    found = []
    for motif in MOTIFS.values():
        counts = np.zeros(positions.shape[1])
        for sequence, aligned in zip(sequences, positions):
            starts = [match.start() + 1 for match in motif.pattern.finditer(sequence)]
            counts += np.isin(aligned, starts) & (aligned > 0)
        frequency = counts / reached
        near = np.convolve(frequency, np.ones(2 * WINDOW + 1), "same")
        for _ in range(MAX_SITES):
            column = int(frequency.argmax())
            enough = (
                near[column] >= motif.min_frequency
                and near[column] * reached[column] >= MIN_MEMBERS
            )
            if not (frequency[column] and enough):
                break
            found.append(Site(motif.name, column + 1, round(float(min(1, near[column])), 3)))
            frequency[max(0, column - SEPARATION) : column + SEPARATION + 1] = 0
    return sorted(
        filter(functools.partial(_plausible, found, positions.shape[1]), found),
        key=lambda site: (site.motif, site.column),
    )


def _plausible(found, columns, site):
    """Whether an N-terminal or class II motif stands before the class I sites of a profile long enough for it."""
    if site.motif not in ("DxDD", "DCTAE", "RRx8W"):
        return True
    metal = [other.column for other in found if other.motif in ("DDxxD", "NSE/DTE")]
    return columns >= CLASS_TWO_COLUMNS and site.column < min(metal, default=columns + 1)


def find_motifs(sequence, expected, positions):
    """Read a family's motifs in a protein aligned to its profile.

    Args:
        sequence: The protein.
        expected: Sites of the profile.
        positions: (columns,) residue number aligned to each match column, 0 for none.

    Returns:
        One MotifHit per site, in order of the sites: intact, altered (with what stands there), or missing.

    >>> find_motifs("MADDAADK", [Site("DDxxD", 2, 1.0)], np.array([2, 3, 4]))
    [MotifHit(motif='DDxxD', state='intact', start=3, end=7, residues='DDAAD')]
    """
    return [_read(sequence, site, positions) for site in expected]


def _read(sequence, site, positions):
    motif, column = MOTIFS[site.motif], site.column
    around = positions[max(0, column - 1 - WINDOW) : column + WINDOW]
    around = around[around > 0]
    if not len(around):
        return MotifHit(motif.name, MISSING, 0, 0, "")
    centre = int(positions[column - 1]) or int(np.median(around))
    first, last = int(around.min()), int(around.max())
    matches = [
        match for match in motif.pattern.finditer(sequence) if first <= match.start() + 1 <= last
    ]
    if matches:
        best = min(matches, key=lambda match: abs(match.start() + 1 - centre))
        start, text, state = best.start() + 1, best[1], INTACT
    elif site.frequency < EXPECTED:
        return MotifHit(motif.name, MISSING, 0, 0, "")
    else:
        start, text, state = centre, sequence[centre - 1 : centre - 1 + motif.width], ALTERED
    return MotifHit(motif.name, state, start, start + len(text) - 1, text)


def present(hits):
    """Motifs that have a place in the protein, intact or altered."""
    return [hit for hit in hits if hit.state != MISSING]


def summary(hits):
    """Motifs as one cell of a table: intact and altered ones with residue ranges.

    >>> summary([MotifHit("DDxxD", "intact", 3, 7, "DDAAD"), MotifHit("RRx8W", "missing", 0, 0, "")])
    'DDxxD:3-7:DDAAD'
    >>> summary([MotifHit("DDxxD", "altered", 3, 7, "DNAAD")])
    'DDxxD:3-7:DNAAD:altered'
    """
    return ";".join(
        f"{hit.motif}:{hit.start}-{hit.end}:{hit.residues}"
        + (":altered" if hit.state == ALTERED else "")
        for hit in present(hits)
    )


def classes(hits):
    """Classes of terpene synthases (1 ionises a diphosphate, 2 protonates) whose active site is intact.

    >>> sorted(classes([MotifHit("DxDD", "intact", 3, 6, "DIDD"), MotifHit("DDxxD", "altered", 30, 34, "DNAAD")]))
    ['2']
    """
    return {CATALYTIC[hit.motif] for hit in hits if hit.state == INTACT and hit.motif in CATALYTIC}


def metal_contacts(hit):
    """Which residues of an intact motif bind magnesium, counted from its first.

    >>> metal_contacts(MotifHit("NSE/DTE", "intact", 277, 285, "NDVFSLRVE"))
    [0, 4, 8]
    """
    return (
        [offset % len(hit.residues) for offset in METAL.get(hit.motif, ())]
        if hit.state == INTACT
        else []
    )


def by_name(hits):
    """Group hits by motif name, in order."""
    groups = collections.defaultdict(list)
    for hit in hits:
        groups[hit.motif].append(hit)
    return groups
