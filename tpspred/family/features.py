"""64 engineered features, each a small function of one protein.

Every function takes a :class:`ScreenedProtein` and returns one number, which follows from the
sequence and its alignment to the family profiles. Fractions are 0–1, scores are HMMER's bits,
positions are residues.

To add a feature, write a function here and put ``@feature`` above it: its name becomes the name of
the feature. Models know their features by name, so a model that is older than a feature goes on
with those that it was trained on.
"""

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..io.fasta import AMINO_ACIDS
from . import motifs, physicochemistry
from .motifs import MotifHit
from .screening import ScreenedProtein

HELIX_WINDOW = 11  # residues, three turns of a helix
MEMBRANE_WINDOW = 19  # residues of a helix that spans a membrane
HELIX_ANGLE = math.radians(100)  # between successive residues of a helix
# Kyte & Doolittle 1982, 10.1016/0022-2836(82)90515-0
HYDROPATHY = {
    "A": 1.8, "C": 2.5, "D": -3.5, "E": -3.5, "F": 2.8, "G": -0.4, "H": -3.2, "I": 4.5, "K": -3.9,
    "L": 3.8, "M": 1.9, "N": -3.5, "P": -1.6, "Q": -3.5, "R": -4.5, "S": -0.8, "T": -0.7, "V": 4.2,
    "W": -0.9, "Y": -1.3,
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


# What several features need.


def fraction(residues: str, letters: str) -> float:
    """Return the share of residues that are one of the letters, 0–1.

    >>> fraction("MAAK", "A")
    0.5
    """
    return sum(residues.count(letter) for letter in letters) / len(residues)


def mean_charge(residues: str) -> float:
    """Return K + R - D - E over the number of residues, elementary charges per residue.

    >>> mean_charge("MAKD"), mean_charge("MKKA")
    (0.0, 0.5)
    """
    return sum(CHARGE.get(letter, 0) for letter in residues) / len(residues)


def mean_hydropathy(residues: str) -> float:
    """Return the mean hydropathy, on Kyte and Doolittle's scale from -4.5 (R) to 4.5 (I).

    >>> mean_hydropathy("IIRR")
    0.0
    """
    return sum(HYDROPATHY[letter] for letter in residues) / len(residues)


def windows(values: Sequence[float], width: int) -> NDArray[np.float64]:
    """Return (windows, width) sliding windows; one shorter window if there are fewer values.

    >>> windows([1.0, 2.0, 3.0], 2).tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    return np.lib.stride_tricks.sliding_window_view(np.array(values), min(width, len(values)))


# Composition: 20 features, fraction_A to fraction_Y. Chou 2001, 10.1002/prot.1035


def _composition(letter: str) -> Feature:
    """Make the feature that counts one amino acid."""

    def composition(protein: ScreenedProtein) -> float:
        return fraction(protein.known_residues, letter)

    composition.__name__ = f"fraction_{letter}"
    composition.__doc__ = f"Return the share of residues that are {letter}, 0–1."
    return composition


for _letter in AMINO_ACIDS:
    feature(_composition(_letter))


# The whole protein: 13 features of the known residues.


@feature
def log_length(protein: ScreenedProtein) -> float:
    """Return the natural logarithm of the length in residues."""
    return math.log(protein.record.length_aa)


@feature
def unknown_fraction(protein: ScreenedProtein) -> float:
    """Return the share of residues that are not known (X), 0–1."""
    return fraction(protein.record.sequence, "X")


@feature
def mean_residue_weight(protein: ScreenedProtein) -> float:
    """Return the molecular weight per residue, Da."""
    residues = protein.known_residues
    return physicochemistry.molecular_weight(residues) / len(residues)


@feature
def isoelectric_point(protein: ScreenedProtein) -> float:
    """Return the isoelectric point, pH.

    Bjellqvist et al. 1993, 10.1002/elps.11501401163
    """
    return physicochemistry.isoelectric_point(protein.known_residues)


@feature
def net_charge(protein: ScreenedProtein) -> float:
    """Return K + R - D - E per residue, elementary charges."""
    return mean_charge(protein.known_residues)


@feature
def gravy(protein: ScreenedProtein) -> float:
    """Return the grand average of hydropathy, the mean over all residues.

    Kyte & Doolittle 1982, 10.1016/0022-2836(82)90515-0
    """
    return mean_hydropathy(protein.known_residues)


@feature
def aromaticity(protein: ScreenedProtein) -> float:
    """Return the share of F, W and Y, 0–1.

    Lobry & Gautier 1994, 10.1093/nar/22.15.3174
    """
    return fraction(protein.known_residues, "FWY")


@feature
def aliphatic_index(protein: ScreenedProtein) -> float:
    """Return the aliphatic index, the relative volume of the side chains of A, V, I and L, percent.

    Ikai 1980, 10.1093/oxfordjournals.jbchem.a133168
    """
    residues = protein.known_residues
    alanine = fraction(residues, "A")
    valine = fraction(residues, "V")
    return 100 * (alanine + 2.9 * valine + 3.9 * fraction(residues, "IL"))


@feature
def instability_index(protein: ScreenedProtein) -> float:
    """Return the instability of the dipeptides; a protein above 40 counts as unstable.

    Guruprasad et al. 1990, 10.1093/protein/4.2.155
    """
    return physicochemistry.instability_index(protein.known_residues)


@feature
def helix_fraction(protein: ScreenedProtein) -> float:
    """Return the share of residues that favour helices (E, M, A, L, K), 0–1."""
    return fraction(protein.known_residues, "EMALK")


@feature
def turn_fraction(protein: ScreenedProtein) -> float:
    """Return the share of residues that favour turns (N, P, G, S, D), 0–1."""
    return fraction(protein.known_residues, "NPGSD")


@feature
def sheet_fraction(protein: ScreenedProtein) -> float:
    """Return the share of residues that favour sheets (V, I, Y, F, W, L, T), 0–1."""
    return fraction(protein.known_residues, "VIYFWLT")


@feature
def entropy(protein: ScreenedProtein) -> float:
    """Return the Shannon entropy of the composition, bits.

    Wootton & Federhen 1993, 10.1016/0097-8485(93)85006-X
    """
    shares = [fraction(protein.known_residues, letter) for letter in AMINO_ACIDS]
    return -sum(share * math.log2(share) for share in shares if share)


# The N-terminus, its first 60 known residues: 7 features. Plastid transit peptides are rich in S, T
# and R, poor in acids, and amphipathic. von Heijne et al. 1989,
# 10.1111/j.1432-1033.1989.tb14679.x; Emanuelsson et al. 1999, 10.1110/ps.8.5.978


@feature
def n_terminal_hydroxylated(protein: ScreenedProtein) -> float:
    """Return the share of S and T in the first 60 residues, 0–1."""
    return fraction(protein.n_terminus, "ST")


@feature
def n_terminal_arginine(protein: ScreenedProtein) -> float:
    """Return the share of R in the first 60 residues, 0–1."""
    return fraction(protein.n_terminus, "R")


@feature
def n_terminal_alanine(protein: ScreenedProtein) -> float:
    """Return the share of A in the first 60 residues, 0–1."""
    return fraction(protein.n_terminus, "A")


@feature
def n_terminal_acidic(protein: ScreenedProtein) -> float:
    """Return the share of D and E in the first 60 residues, 0–1."""
    return fraction(protein.n_terminus, "DE")


@feature
def n_terminal_net_charge(protein: ScreenedProtein) -> float:
    """Return K + R - D - E per residue in the first 60 residues, elementary charges."""
    return mean_charge(protein.n_terminus)


@feature
def n_terminal_gravy(protein: ScreenedProtein) -> float:
    """Return the mean hydropathy of the first 60 residues."""
    return mean_hydropathy(protein.n_terminus)


@feature
def n_terminal_hydrophobic_moment(protein: ScreenedProtein) -> float:
    """Return the largest hydrophobic moment of a helix of 11 in the first 60 residues, per residue.

    Eisenberg et al. 1982, 10.1038/299371a0
    """
    hydropathy = windows([HYDROPATHY[letter] for letter in protein.n_terminus], HELIX_WINDOW)
    directions = np.exp(1j * HELIX_ANGLE * np.arange(hydropathy.shape[1]))
    return float(np.abs(hydropathy @ directions).max() / hydropathy.shape[1])


# A membrane anchor: 1 feature.


@feature
def membrane_hydropathy(protein: ScreenedProtein) -> float:
    """Return the largest mean hydropathy of 19 residues, the length of a membrane helix.

    Kyte & Doolittle 1982, 10.1016/0022-2836(82)90515-0
    """
    hydropathy = [HYDROPATHY[letter] for letter in protein.known_residues]
    return float(windows(hydropathy, MEMBRANE_WINDOW).mean(1).max())


# Motifs at the sites where the best profile keeps them: 13 features, 0 for a motif that is missing.
# References are with the motifs.
COMMON_DCTAE = re.compile("D[CD]TA[EV]")


def _count(protein: ScreenedProtein, motif: str, state: str) -> int:
    """Return the number of sites of a motif that have a state."""
    return protein.motif_states(motif).count(state)


def _placed(protein: ScreenedProtein, motif: str) -> list[MotifHit]:
    """Return the hits of a motif, intact or altered, in the order of their sites."""
    return motifs.present(protein.motifs_by_name.get(motif, ()))


@feature
def ddxxd_intact(protein: ScreenedProtein) -> float:
    """Return the number of intact DDxxD."""
    return _count(protein, "DDxxD", motifs.INTACT)


@feature
def ddxxd_altered(protein: ScreenedProtein) -> float:
    """Return the number of DDxxD sites where other residues stand."""
    return _count(protein, "DDxxD", motifs.ALTERED)


@feature
def nse_dte_intact(protein: ScreenedProtein) -> float:
    """Return the number of intact NSE/DTE."""
    return _count(protein, "NSE/DTE", motifs.INTACT)


@feature
def nse_dte_altered(protein: ScreenedProtein) -> float:
    """Return the number of NSE/DTE sites where other residues stand."""
    return _count(protein, "NSE/DTE", motifs.ALTERED)


@feature
def dxdd_intact(protein: ScreenedProtein) -> float:
    """Return the number of intact DxDD."""
    return _count(protein, "DxDD", motifs.INTACT)


@feature
def dxdd_altered(protein: ScreenedProtein) -> float:
    """Return the number of DxDD sites where other residues stand."""
    return _count(protein, "DxDD", motifs.ALTERED)


@feature
def rrx8w_intact(protein: ScreenedProtein) -> float:
    """Return the number of intact RRx8W."""
    return _count(protein, "RRx8W", motifs.INTACT)


@feature
def rrx8w_altered(protein: ScreenedProtein) -> float:
    """Return the number of RRx8W sites where other residues stand."""
    return _count(protein, "RRx8W", motifs.ALTERED)


@feature
def dctae_intact(protein: ScreenedProtein) -> float:
    """Return the number of DCTAE in its commonest forms, without rarer variants of the motif."""
    return sum(bool(COMMON_DCTAE.fullmatch(hit.residues)) for hit in _placed(protein, "DCTAE"))


@feature
def qw_count(protein: ScreenedProtein) -> float:
    """Return the number of intact QW repeats."""
    return _count(protein, "QW", motifs.INTACT)


@feature
def ddxxd_position(protein: ScreenedProtein) -> float:
    """Return where the first DDxxD site begins, residues over the length, 0–1."""
    hits = _placed(protein, "DDxxD")
    return hits[0].start / protein.record.length_aa if hits else 0.0


@feature
def ddxxd_to_nse_dte(protein: ScreenedProtein) -> float:
    """Return the residues from the first DDxxD to the last NSE/DTE site over the length, 0–1."""
    first_metal = _placed(protein, "DDxxD")
    second_metal = _placed(protein, "NSE/DTE")
    if not (first_metal and second_metal):
        return 0.0
    return (second_metal[-1].start - first_metal[0].start) / protein.record.length_aa


@feature
def ddxxd_acids(protein: ScreenedProtein) -> float:
    """Return the number of D and E among the residues of the first DDxxD site."""
    hits = protein.motifs_by_name.get("DDxxD", ())
    return hits[0].residues.count("D") + hits[0].residues.count("E") if hits else 0


# Domain architecture, from the profile hits: 10 features. Eddy 2011, 10.1371/journal.pcbi.1002195


def _aligned_residues(protein: ScreenedProtein) -> NDArray[np.int32]:
    """Return the numbers of the residues that align to the best profile, 1-based."""
    positions = protein.hits[0].positions
    return positions[positions > 0]


def _best_bits(protein: ScreenedProtein, *names: str) -> float:
    """Return the best score of a profile that keeps one of the motifs, bits per residue."""
    scores = [hit.bits for hit in protein.hits if hit.profile.has_site(*names)]
    return max(scores, default=0.0) / protein.record.length_aa


@feature
def bits_per_residue(protein: ScreenedProtein) -> float:
    """Return the score of the best profile, bits per residue; 0 without a profile."""
    return protein.hits[0].bits / protein.record.length_aa if protein.hits else 0.0


@feature
def log_bits(protein: ScreenedProtein) -> float:
    """Return the natural logarithm of 1 + the best profile's score in bits; 0 without a profile."""
    return math.log1p(max(0.0, protein.hits[0].bits)) if protein.hits else 0.0


@feature
def second_profile(protein: ScreenedProtein) -> float:
    """Return the second-best profile's score over the best one's; 0 without a second profile."""
    return protein.hits[1].bits / protein.hits[0].bits if len(protein.hits) > 1 else 0.0


@feature
def profile_count(protein: ScreenedProtein) -> float:
    """Return the number of profiles that match."""
    return len(protein.hits)


@feature
def profile_coverage(protein: ScreenedProtein) -> float:
    """Return the share of the best profile's columns that have a residue, 0–1."""
    return float((protein.hits[0].positions > 0).mean()) if protein.hits else 0.0


@feature
def sequence_coverage(protein: ScreenedProtein) -> float:
    """Return the share of the protein that aligns to the best profile, 0–1."""
    if not protein.hits:
        return 0.0
    return float(len(_aligned_residues(protein))) / protein.record.length_aa


@feature
def n_terminal_extension(protein: ScreenedProtein) -> float:
    """Return the share of the protein before the best profile, 0–1; 1 without a profile."""
    if not protein.hits:
        return 1.0
    return float(_aligned_residues(protein).min() - 1) / protein.record.length_aa


@feature
def c_terminal_extension(protein: ScreenedProtein) -> float:
    """Return the share of the protein after the best profile, 0–1; 1 without a profile."""
    if not protein.hits:
        return 1.0
    return 1.0 - float(_aligned_residues(protein).max()) / protein.record.length_aa


@feature
def class_one_bits(protein: ScreenedProtein) -> float:
    """Return the best score of a profile that keeps DDxxD, bits per residue; 0 without one."""
    return _best_bits(protein, "DDxxD")


@feature
def class_two_bits(protein: ScreenedProtein) -> float:
    """Return the best score of a profile that keeps DxDD or DCTAE, bits per residue; 0 without."""
    return _best_bits(protein, "DxDD", "DCTAE")


def feature_names() -> tuple[str, ...]:
    """Return the names of all features, in order."""
    return tuple(FEATURES)
