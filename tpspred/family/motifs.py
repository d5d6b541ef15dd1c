"""Sequence motifs of terpene synthases, looked for where a family keeps them.

A ``DD..D`` somewhere in a protein is noise. At the column of the profile where its family keeps the
motif, it is an active site. :func:`find_sites` learns those columns from the family's members, and
:func:`find_motifs` reads a protein there.
"""

import collections
import dataclasses
import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

INTACT = "intact"
ALTERED = "altered"
MISSING = "missing"
# Residues that bind magnesium, counted from the first of the motif (negative from its end): the
# outer acids of DDxxD and DxxxD; N or D, S or T, and E of NSE/DTE. 10.1021/acs.chemrev.7b00287
METAL = {"DDxxD": (0, -1), "NSE/DTE": (0, 4, -1), "DxxxD": (0, -1)}
# Class of terpene synthases whose active site a motif is.
CATALYTIC = {
    "DDxxD": "1", "NSE/DTE": "1", "DxxxD": "1", "NDxxDxxxD": "1", "DxDD": "2", "DCTAE": "2",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Motif:
    """A motif of the terpene synthase family.

    Attributes:
        name: Name in the literature, such as ``DDxxD``.
        pattern: Regular expression that finds overlapping matches; its group 1 is the motif.
        width: Usual length, residues.
        reference: DOI of a paper that describes the motif.
        min_frequency: A family keeps the motif at a column if this share of its members, 0–1, has
            it near there. Some families are mixed (class II diterpene synthases align to class I
            ones), so that a specific motif may be that of a minority.
    """

    name: str
    pattern: re.Pattern[str]
    width: int
    reference: str
    min_frequency: float = 0.4


MOTIFS = {
    motif.name: motif
    for motif in (
        # Mg2+ binding, class I. Prenyl diphosphate synthases have it twice: their first and second
        # aspartate-rich motifs, FARM (DDxxxxD in bacteria) and SARM.
        Motif("DDxxD", re.compile("(?=(DD(?:..[DE]|....D)))"), 5, "10.1126/science.277.5333.1815"),
        # The second Mg2+ site of class I: (N,D)D(L,I,V)x(S,T)xxxE.
        Motif(
            "NSE/DTE", re.compile("(?=([ND]D[A-Z].[STG]...[ED]))"), 9, "10.1021/acs.chemrev.7b00287"
        ),
        # Mg2+ binding, twice in squalene and phytoene synthases, and the second motif of the UbiA
        # superfamily. Two acids alone are noise unless nearly the whole family has them.
        Motif("DxxxD", re.compile("(?=(D...D))"), 5, "10.1371/journal.ppat.1004114", 0.9),
        # The first motif of the UbiA superfamily; NQxxxxxED in its terpene synthases.
        Motif(
            "NDxxDxxxD",
            re.compile("(?=(N[DQ]..[DEGA]...D))"),
            9,
            "10.1126/science.1246774",
            0.9,
        ),
        # The acid of class II.
        Motif("DxDD", re.compile("(?=(D.DD))"), 4, "10.1021/cr050286w", 0.05),
        # N-terminal lid of mono- and many sesquiterpene synthases.
        Motif("RRx8W", re.compile("(?=(RR.{8}W))"), 11, "10.1073/pnas.95.8.4126", 0.05),
        # Repeats of triterpene cyclases.
        Motif("QW", re.compile("(?=(Q.{2,5}G.W))"), 8, "10.1021/acs.chemrev.7b00287"),
        # The acid of oxidosqualene cyclases and the residue that activates it: DCTAE in most
        # enzymes, DCISE or DTTSE in some fungi, DDTAV in squalene-hopene cyclases. The last varies.
        Motif("DCTAE", re.compile("(?=(D[CDT][STIV][AGST].))"), 5, "10.1038/nature02993"),
    )
}
WINDOW = 4  # columns on either side of a site
SEPARATION = 10  # columns between two sites of one motif
# Where a smaller share of the members has a motif, other residues are no alteration of it.
EXPECTED = 0.5
MIN_MEMBERS = 3
CLASS_TWO_COLUMNS = 450  # a class II fold has two alpha-barrels, some 500 residues
MAX_SITES = 6


@dataclasses.dataclass(frozen=True)
class Site:
    """A column of a profile where the family keeps a motif.

    Attributes:
        motif: Name of the motif.
        column: Match column of its first residue, 1-based.
        frequency: Share of members that have the motif there, 0–1.
    """

    motif: str
    column: int
    frequency: float


@dataclasses.dataclass(frozen=True)
class MotifHit:
    """What a protein has at a site of its family.

    Attributes:
        motif: Name of the motif.
        state: ``intact``, ``altered`` (other residues stand there), or ``missing``.
        start: First residue, 1-based; 0 if the motif is missing.
        end: Last residue, 1-based inclusive; 0 if the motif is missing.
        residues: The residues that stand there, '' if the motif is missing.
        frequency: Share of the family's members that have the motif there, 0–1.
    """

    motif: str
    state: str
    start: int
    end: int
    residues: str
    frequency: float = 1.0


def find_sites(sequences: Sequence[str], positions: NDArray[np.int32]) -> list[Site]:
    """Find the columns at which the members of a family keep the motifs.

    Args:
        sequences: The members.
        positions: (members, columns) residue number aligned to each match column, 0 for none.

    Returns:
        Sites, ordered by motif and column.

    >>> find_sites(["MADDAADK", "MADDKKDR", "MADDRRDK"], np.array([[2, 3, 4]] * 3))
    [Site(motif='DDxxD', column=2, frequency=1.0)]
    """
    columns = positions.shape[1]
    # Members with a residue in each column, but at least a quarter of all: (columns,).
    covering = np.maximum((positions > 0).sum(0), len(sequences) / 4)
    sites = []
    for motif in MOTIFS.values():
        # Share of members that begin the motif at each column, and within 4 columns: (columns,).
        counts = np.zeros(columns)
        for sequence, aligned in zip(sequences, positions):
            starts = [match.start() + 1 for match in motif.pattern.finditer(sequence)]
            counts += np.isin(aligned, starts) & (aligned > 0)
        frequency = counts / covering
        nearby = np.convolve(frequency, np.ones(2 * WINDOW + 1), "same")

        # Take the best column as a site, remove its surroundings, and repeat.
        for _ in range(MAX_SITES):
            column = int(frequency.argmax())
            is_frequent = nearby[column] >= motif.min_frequency
            has_members = nearby[column] * covering[column] >= MIN_MEMBERS
            if not (frequency[column] and is_frequent and has_members):
                break
            sites.append(Site(motif.name, column + 1, round(float(min(1, nearby[column])), 3)))
            frequency[max(0, column - SEPARATION) : column + SEPARATION + 1] = 0
    plausible = [site for site in sites if _is_plausible(site, sites, columns)]
    return sorted(plausible, key=lambda site: (site.motif, site.column))


def _is_plausible(site: Site, sites: Sequence[Site], columns: int) -> bool:
    """Return whether a profile can have a motif where it was found.

    N-terminal and class II motifs stand before the DDxxD and NSE/DTE of a profile that is long
    enough for a class II fold. The looser motifs DxxxD and NDxxDxxxD need a family without NSE/DTE.
    There, a place of DxxxD is one of DDxxD if half of the family has that. All other motifs may
    stand anywhere.
    """
    of = {motif: [other for other in sites if other.motif == motif] for motif in MOTIFS}
    if site.motif in ("DxDD", "DCTAE", "RRx8W"):
        metal = [other.column for other in of["DDxxD"] + of["NSE/DTE"]]
        return columns >= CLASS_TWO_COLUMNS and site.column < min(metal, default=columns + 1)
    if site.motif in ("DxxxD", "NDxxDxxxD"):
        strict = [other for other in of["DDxxD"] if other.frequency >= EXPECTED]
        return not of["NSE/DTE"] and not _is_near(site, strict)
    if site.motif == "DDxxD" and site.frequency < EXPECTED and not of["NSE/DTE"]:
        return not _is_near(site, of["DxxxD"])
    return True


def _is_near(site: Site, others: Iterable[Site]) -> bool:
    """Return whether a site is as close to one of others as no two sites of one motif are."""
    return any(abs(site.column - other.column) <= SEPARATION for other in others)


def find_motifs(
    sequence: str, sites: Iterable[Site], positions: NDArray[np.int32]
) -> list[MotifHit]:
    """Read a family's motifs in a protein that is aligned to its profile.

    Args:
        sequence: The protein.
        sites: Sites of the profile.
        positions: (columns,) residue number aligned to each match column, 0 for none.

    Returns:
        One hit per site, in the same order.

    >>> find_motifs("MADDAADK", [Site("DDxxD", 2, 1.0)], np.array([2, 3, 4]))
    [MotifHit(motif='DDxxD', state='intact', start=3, end=7, residues='DDAAD', frequency=1.0)]
    """
    return [_read(sequence, site, positions) for site in sites]


def _read(sequence: str, site: Site, positions: NDArray[np.int32]) -> MotifHit:
    """Read one motif in a protein, no more than four columns away from its site."""
    motif = MOTIFS[site.motif]
    missing = MotifHit(motif.name, MISSING, 0, 0, "", site.frequency)
    window = positions[max(0, site.column - 1 - WINDOW) : site.column + WINDOW]
    window = window[window > 0]
    if not len(window):
        return missing
    centre = int(positions[site.column - 1]) or int(np.median(window))
    first = int(window.min())
    last = int(window.max())

    # Of several matches, the one closest to the site.
    matches = [
        match for match in motif.pattern.finditer(sequence) if first <= match.start() + 1 <= last
    ]
    if matches:
        best = min(matches, key=lambda match: abs(match.start() + 1 - centre))
        start = best.start() + 1
        end = start + len(best[1]) - 1
        return MotifHit(motif.name, INTACT, start, end, best[1], site.frequency)
    if site.frequency < EXPECTED:
        return missing
    residues = sequence[centre - 1 : centre - 1 + motif.width]
    end = centre + len(residues) - 1
    return MotifHit(motif.name, ALTERED, centre, end, residues, site.frequency)


def present(hits: Iterable[MotifHit]) -> list[MotifHit]:
    """Return the hits that have a place in the protein, intact or altered.

    >>> present([MotifHit("DDxxD", "missing", 0, 0, "")])
    []
    """
    return [hit for hit in hits if hit.state != MISSING]


def summary(hits: Iterable[MotifHit]) -> str:
    """Write intact and altered motifs with their residue ranges into one cell of a table.

    >>> lid = MotifHit("RRx8W", "missing", 0, 0, "")
    >>> summary([MotifHit("DDxxD", "intact", 3, 7, "DDAAD"), lid])
    'DDxxD:3-7:DDAAD'
    >>> summary([MotifHit("DDxxD", "altered", 3, 7, "DNAAD")])
    'DDxxD:3-7:DNAAD:altered'
    """
    cells = []
    for hit in present(hits):
        cell = f"{hit.motif}:{hit.start}-{hit.end}:{hit.residues}"
        cells.append(cell + ":altered" if hit.state == ALTERED else cell)
    return ";".join(cells)


def classes(hits: Iterable[MotifHit]) -> set[str]:
    """Return the classes of terpene synthases whose active site is intact.

    Class 1 ionises a diphosphate, class 2 protonates.

    >>> first = MotifHit("DxDD", "intact", 3, 6, "DIDD")
    >>> second = MotifHit("DDxxD", "altered", 30, 34, "DNAAD")
    >>> classes([first, second])
    {'2'}
    """
    return {CATALYTIC[hit.motif] for hit in hits if hit.state == INTACT and hit.motif in CATALYTIC}


def expected_classes(hits: Iterable[MotifHit]) -> set[str]:
    """Return the classes whose active site at least half of the family has, intact or not here.

    >>> expected_classes([MotifHit("DxDD", "missing", 0, 0, "", 0.1)])
    set()
    >>> expected_classes([MotifHit("DDxxD", "missing", 0, 0, "", 0.9)])
    {'1'}
    """
    expected = [hit for hit in hits if hit.frequency >= EXPECTED]
    return {CATALYTIC[hit.motif] for hit in expected if hit.motif in CATALYTIC}


def metal_contacts(hit: MotifHit) -> list[int]:
    """Return which residues of a motif bind magnesium, counted from 0; none if it is not intact.

    >>> metal_contacts(MotifHit("NSE/DTE", "intact", 277, 285, "NDVFSLRVE"))
    [0, 4, 8]
    """
    if hit.state != INTACT:
        return []
    return [offset % len(hit.residues) for offset in METAL.get(hit.motif, ())]


def by_name(hits: Iterable[MotifHit]) -> dict[str, list[MotifHit]]:
    """Group hits by the name of their motif; the order within a group stays.

    >>> list(by_name([MotifHit("QW", "missing", 0, 0, ""), MotifHit("DxDD", "missing", 0, 0, "")]))
    ['QW', 'DxDD']
    """
    groups: dict[str, list[MotifHit]] = collections.defaultdict(list)
    for hit in hits:
        groups[hit.motif].append(hit)
    return dict(groups)
