"""64 engineered features: name → small function of one protein.

Every function takes a :class:`View` and gives a number that follows from the sequence (and the profiles that it is
aligned to) alone. Fractions are 0–1, bits are HMMER's, a count or flag of a motif that is not there is 0.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..io.fasta import AMINO_ACIDS
from . import motifs
from .screening import ScreenedProtein

HELIX_WINDOW = 11
MEMBRANE_WINDOW = 19
HELIX_ANGLE = math.radians(100)
# Kyte & Doolittle 1982, 10.1016/0022-2836(82)90515-0
HYDROPATHY = {
    "A": 1.8, "C": 2.5, "D": -3.5, "E": -3.5, "F": 2.8, "G": -0.4, "H": -3.2, "I": 4.5, "K": -3.9, "L": 3.8,
    "M": 1.9, "N": -3.5, "P": -1.6, "Q": -3.5, "R": -4.5, "S": -0.8, "T": -0.7, "V": 4.2, "W": -0.9, "Y": -1.3,
}  # fmt: skip
CHARGE = {"K": 1, "R": 1, "D": -1, "E": -1}
Feature = Callable[[ScreenedProtein], float]
FEATURES: dict[str, Feature] = {}


def feature(function: Feature) -> Feature:
    """Register a function as the feature of its name."""
    FEATURES[function.__name__] = function
    return function


def feature_vector(
    protein: ScreenedProtein, names: Sequence[str] | None = None
) -> NDArray[np.float32]:
    """Compute features of one protein.

    Args:
        protein: A screened protein.
        names: Names of the wanted features, in order; all of :data:`FEATURES` by default.

    Returns:
        (names,) values.

    Raises:
        InputError: If no residue is known.
    """
    if not protein.known_residues:
        raise InputError.at(f"record {protein.record.id}", "no known residue", "amino acids")
    wanted = FEATURES if names is None else names
    return np.array([FEATURES[name](protein) for name in wanted], np.float32)


def fraction(text, letters):
    """Share of residues that are one of the letters.

    >>> fraction("MAAK", "A")
    0.5
    """
    return sum(map(text.count, letters)) / len(text)


def mean_hydropathy(text):
    """Mean Kyte-Doolittle hydropathy."""
    return sum(map(HYDROPATHY.get, text)) / len(text)


def windows(values, width):
    """(windows, width) sliding windows; one short window for a short sequence."""
    return np.lib.stride_tricks.sliding_window_view(np.array(values), min(width, len(values)))


# Composition: the 20 amino acids. Chou 2001, 10.1002/prot.1035
def _composition(letter):
    def composition(protein: ScreenedProtein) -> float:
        return fraction(protein.known_residues, letter)

    composition.__name__ = f"fraction_{letter}"
    composition.__doc__ = f"Share of residues that are {letter}."
    return composition


for _letter in AMINO_ACIDS:
    feature(_composition(_letter))


# The whole protein, mostly through Biopython.
@feature
def log_length(protein: ScreenedProtein) -> float:
    """Natural logarithm of the length in residues."""
    return math.log(protein.record.length_aa)


@feature
def unknown_fraction(protein: ScreenedProtein) -> float:
    """Share of residues that are not known."""
    return fraction(protein.record.sequence, "X")


@feature
def mean_residue_weight(protein: ScreenedProtein) -> float:
    """Molecular weight over length, Da."""
    return protein.analysis.molecular_weight() / len(protein.known_residues)


@feature
def isoelectric_point(protein: ScreenedProtein) -> float:
    """PI. Bjellqvist et al. 1993, 10.1002/elps.11501401163"""
    return protein.analysis.isoelectric_point()


@feature
def net_charge(protein: ScreenedProtein) -> float:
    """K + R - D - E per residue."""
    return sum(CHARGE.get(letter, 0) for letter in protein.known_residues) / len(
        protein.known_residues
    )


@feature
def gravy(protein: ScreenedProtein) -> float:
    """Grand average of hydropathy. Kyte & Doolittle 1982, 10.1016/0022-2836(82)90515-0"""
    return mean_hydropathy(protein.known_residues)


@feature
def aromaticity(protein: ScreenedProtein) -> float:
    """Share of F, W and Y. Lobry & Gautier 1994, 10.1093/nar/22.15.3174"""
    return fraction(protein.known_residues, "FWY")


@feature
def aliphatic_index(protein: ScreenedProtein) -> float:
    """Relative volume of aliphatic side chains. Ikai 1980, 10.1093/oxfordjournals.jbchem.a133168"""
    text = protein.known_residues
    return 100 * (fraction(text, "A") + 2.9 * fraction(text, "V") + 3.9 * fraction(text, "IL"))


@feature
def instability_index(protein: ScreenedProtein) -> float:
    """Dipeptide instability. Guruprasad et al. 1990, 10.1093/protein/4.2.155"""
    return protein.analysis.instability_index()


@feature
def helix_fraction(protein: ScreenedProtein) -> float:
    """Share of residues that favour helices, as Biopython counts them."""
    return protein.analysis.secondary_structure_fraction()[0]


@feature
def turn_fraction(protein: ScreenedProtein) -> float:
    """Share of residues that favour turns."""
    return protein.analysis.secondary_structure_fraction()[1]


@feature
def sheet_fraction(protein: ScreenedProtein) -> float:
    """Share of residues that favour sheets."""
    return protein.analysis.secondary_structure_fraction()[2]


@feature
def entropy(protein: ScreenedProtein) -> float:
    """Shannon entropy of the composition, bits. Wootton & Federhen 1993, 10.1016/0097-8485(93)85006-X"""
    shares = [fraction(protein.known_residues, letter) for letter in AMINO_ACIDS]
    return -sum(share * math.log2(share) for share in shares if share)


# The N-terminus: plastid transit peptides are rich in S, T and R, poor in acids, and amphipathic.
# von Heijne et al. 1989, 10.1111/j.1432-1033.1989.tb14679.x; Emanuelsson et al. 1999, 10.1110/ps.8.5.978
@feature
def n_terminal_hydroxylated(protein: ScreenedProtein) -> float:
    """Share of S and T in the first 60 residues."""
    return fraction(protein.n_terminus, "ST")


@feature
def n_terminal_arginine(protein: ScreenedProtein) -> float:
    """Share of R in the first 60 residues."""
    return fraction(protein.n_terminus, "R")


@feature
def n_terminal_alanine(protein: ScreenedProtein) -> float:
    """Share of A in the first 60 residues."""
    return fraction(protein.n_terminus, "A")


@feature
def n_terminal_acidic(protein: ScreenedProtein) -> float:
    """Share of D and E in the first 60 residues."""
    return fraction(protein.n_terminus, "DE")


@feature
def n_terminal_net_charge(protein: ScreenedProtein) -> float:
    """K + R - D - E in the first 60 residues, per residue."""
    return sum(CHARGE.get(letter, 0) for letter in protein.n_terminus) / len(protein.n_terminus)


@feature
def n_terminal_gravy(protein: ScreenedProtein) -> float:
    """Mean hydropathy of the first 60 residues."""
    return mean_hydropathy(protein.n_terminus)


@feature
def n_terminal_hydrophobic_moment(protein: ScreenedProtein) -> float:
    """Largest helical hydrophobic moment in the first 60 residues. Eisenberg et al. 1982, 10.1038/299371a0"""
    hydropathy = windows([HYDROPATHY[letter] for letter in protein.n_terminus], HELIX_WINDOW)
    turn = np.exp(1j * HELIX_ANGLE * np.arange(hydropathy.shape[1]))
    return float(np.abs(hydropathy @ turn).max() / hydropathy.shape[1])


@feature
def membrane_hydropathy(protein: ScreenedProtein) -> float:
    """Largest mean hydropathy of 19 residues, a membrane helix. Kyte & Doolittle 1982, 10.1016/0022-2836(82)90515-0"""
    return float(
        windows([HYDROPATHY[letter] for letter in protein.known_residues], MEMBRANE_WINDOW)
        .mean(1)
        .max()
    )


# Motifs, at the sites where the best profile expects them; references stand with the motifs.
@feature
def ddxxd_intact(protein: ScreenedProtein) -> float:
    """Number of intact DDxxD."""
    return protein.motif_states("DDxxD").count(motifs.INTACT)


@feature
def ddxxd_altered(protein: ScreenedProtein) -> float:
    """Number of DDxxD sites where something else stands."""
    return protein.motif_states("DDxxD").count(motifs.ALTERED)


@feature
def nse_dte_intact(protein: ScreenedProtein) -> float:
    """Number of intact NSE/DTE."""
    return protein.motif_states("NSE/DTE").count(motifs.INTACT)


@feature
def nse_dte_altered(protein: ScreenedProtein) -> float:
    """Number of NSE/DTE sites where something else stands."""
    return protein.motif_states("NSE/DTE").count(motifs.ALTERED)


@feature
def dxdd_intact(protein: ScreenedProtein) -> float:
    """Number of intact DxDD."""
    return protein.motif_states("DxDD").count(motifs.INTACT)


@feature
def dxdd_altered(protein: ScreenedProtein) -> float:
    """Number of DxDD sites where something else stands."""
    return protein.motif_states("DxDD").count(motifs.ALTERED)


@feature
def rrx8w_intact(protein: ScreenedProtein) -> float:
    """Number of intact RRx8W."""
    return protein.motif_states("RRx8W").count(motifs.INTACT)


@feature
def rrx8w_altered(protein: ScreenedProtein) -> float:
    """Number of RRx8W sites where something else stands."""
    return protein.motif_states("RRx8W").count(motifs.ALTERED)


@feature
def dctae_intact(protein: ScreenedProtein) -> float:
    """Number of intact DCTAE."""
    return protein.motif_states("DCTAE").count(motifs.INTACT)


@feature
def qw_count(protein: ScreenedProtein) -> float:
    """Number of intact QW repeats."""
    return protein.motif_states("QW").count(motifs.INTACT)


@feature
def ddxxd_position(protein: ScreenedProtein) -> float:
    """Where the first DDxxD site begins, as a share of the length."""
    return next(
        (
            hit.start / protein.record.length_aa
            for hit in protein.motifs_by_name.get("DDxxD", ())
            if hit.start
        ),
        0.0,
    )


@feature
def ddxxd_to_nse_dte(protein: ScreenedProtein) -> float:
    """Residues between the first DDxxD and the last NSE/DTE site, over the length."""
    metal = [
        [hit.start for hit in protein.motifs_by_name.get(name, ()) if hit.start]
        for name in ("DDxxD", "NSE/DTE")
    ]
    return (metal[1][-1] - metal[0][0]) / protein.record.length_aa if all(metal) else 0.0


@feature
def ddxxd_acids(protein: ScreenedProtein) -> float:
    """Aspartates and glutamates in the residues of the first DDxxD site."""
    return next(
        (
            hit.residues.count("D") + hit.residues.count("E")
            for hit in protein.motifs_by_name.get("DDxxD", ())
        ),
        0,
    )


# Domain architecture, from the profile hits. Eddy 2011, 10.1371/journal.pcbi.1002195
@feature
def bits_per_residue(protein: ScreenedProtein) -> float:
    """Best profile score over length."""
    return protein.hits[0].bits / protein.record.length_aa if protein.hits else 0.0


@feature
def log_bits(protein: ScreenedProtein) -> float:
    """Logarithm of 1 + the best profile score in bits."""
    return math.log1p(max(0.0, protein.hits[0].bits)) if protein.hits else 0.0


@feature
def second_profile(protein: ScreenedProtein) -> float:
    """Second-best profile score over the best."""
    return protein.hits[1].bits / protein.hits[0].bits if len(protein.hits) > 1 else 0.0


@feature
def profile_count(protein: ScreenedProtein) -> float:
    """Number of profiles matched."""
    return len(protein.hits)


@feature
def profile_coverage(protein: ScreenedProtein) -> float:
    """Share of the best profile's columns that hold a residue."""
    return float((protein.hits[0].positions > 0).mean()) if protein.hits else 0.0


@feature
def sequence_coverage(protein: ScreenedProtein) -> float:
    """Share of the protein aligned to the best profile."""
    return (
        float((protein.hits[0].positions > 0).sum()) / protein.record.length_aa
        if protein.hits
        else 0.0
    )


@feature
def n_terminal_extension(protein: ScreenedProtein) -> float:
    """Residues before the best profile begins, over the length."""
    return float(_aligned(protein).min() - 1) / protein.record.length_aa if protein.hits else 1.0


@feature
def c_terminal_extension(protein: ScreenedProtein) -> float:
    """Residues after the best profile ends, over the length."""
    return 1.0 - float(_aligned(protein).max()) / protein.record.length_aa if protein.hits else 1.0


@feature
def class_one_bits(protein: ScreenedProtein) -> float:
    """Best score of a profile that keeps DDxxD, per residue."""
    return _best_bits(protein, "DDxxD")


@feature
def class_two_bits(protein: ScreenedProtein) -> float:
    """Best score of a profile that keeps DxDD or DCTAE, per residue."""
    return _best_bits(protein, "DxDD", "DCTAE")


def _aligned(protein: ScreenedProtein) -> NDArray[np.int32]:
    positions = protein.hits[0].positions
    return positions[positions > 0]


def _best_bits(protein: ScreenedProtein, *names: str) -> float:
    scores = [hit.bits for hit in protein.hits if hit.profile.has_site(*names)]
    return max(scores, default=0.0) / protein.record.length_aa


NAMES = tuple(FEATURES)
