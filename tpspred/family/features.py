"""64 engineered features: name → small function of one protein.

Every function takes a :class:`View` and gives a number that follows from the sequence (and the profiles that it is
aligned to) alone. Fractions are 0–1, bits are HMMER's, a count or flag of a motif that is not there is 0.
"""

import dataclasses
import functools
import math

import numpy as np
from Bio.SeqUtils.ProtParam import ProteinAnalysis

from ..errors import InputError
from ..io.fasta import AMINO_ACIDS, ProteinRecord
from . import motifs

N_TERMINUS_AA = 60  # plastid transit peptides: most are 30 to 70 residues long
HELIX_WINDOW = 11
MEMBRANE_WINDOW = 19
HELIX_ANGLE = math.radians(100)
# Kyte & Doolittle 1982, 10.1016/0022-2836(82)90515-0
HYDROPATHY = dict(
    zip(
        "ARNDCQEGHILKMFPSTWYV",
        (
            1.8,
            -4.5,
            -3.5,
            -3.5,
            2.5,
            -3.5,
            -3.5,
            -0.4,
            -3.2,
            4.5,
            3.8,
            -3.9,
            1.9,
            2.8,
            -1.6,
            -0.8,
            -0.7,
            -0.9,
            -1.3,
            4.2,
        ),
    )
)
CHARGE = {"K": 1, "R": 1, "D": -1, "E": -1}
FEATURES = {}


@dataclasses.dataclass(frozen=True)
class View:
    """What a feature may look at: the record, its profile hits (best first) and the motifs of the best one."""

    record: ProteinRecord
    hits: list
    motifs: list

    @functools.cached_property
    def sequence(self):
        """The residues that are known."""
        return self.record.sequence.replace("X", "")

    @functools.cached_property
    def analysis(self):
        """Biopython's ProteinAnalysis of the known residues."""
        return ProteinAnalysis(self.sequence)

    @functools.cached_property
    def n_terminus(self):
        """The first 60 known residues."""
        return self.sequence[:N_TERMINUS_AA]

    @functools.cached_property
    def motif(self):
        """Motif hits by name."""
        return motifs.by_name(self.motifs)

    def states(self, name):
        """States of a motif at each of its sites."""
        return [hit.state for hit in self.motif.get(name, ())]


def feature(function):
    """Register a function under its name."""
    FEATURES[function.__name__] = function
    return function


def vector(view):
    """All features of one protein.

    Returns:
        (64,) float32 in the order of :data:`FEATURES`.

    Raises:
        InputError: If no residue is known.
    """
    if not view.sequence:
        raise InputError.at(f"record {view.record.id}", "no known residue", "amino acids")
    return np.array([function(view) for function in FEATURES.values()], np.float32)


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
    def composition(view):
        return fraction(view.sequence, letter)

    composition.__name__ = f"fraction_{letter}"
    composition.__doc__ = f"Share of residues that are {letter}."
    return composition


for _letter in AMINO_ACIDS:
    feature(_composition(_letter))


# The whole protein, mostly through Biopython.
@feature
def log_length(view):
    """Natural logarithm of the length in residues."""
    return math.log(view.record.length_aa)


@feature
def unknown_fraction(view):
    """Share of residues that are not known."""
    return fraction(view.record.sequence, "X")


@feature
def mean_residue_weight(view):
    """Molecular weight over length, Da."""
    return view.analysis.molecular_weight() / len(view.sequence)


@feature
def isoelectric_point(view):
    """PI. Bjellqvist et al. 1993, 10.1002/elps.11501401163"""
    return view.analysis.isoelectric_point()


@feature
def net_charge(view):
    """K + R - D - E per residue."""
    return sum(CHARGE.get(letter, 0) for letter in view.sequence) / len(view.sequence)


@feature
def gravy(view):
    """Grand average of hydropathy. Kyte & Doolittle 1982, 10.1016/0022-2836(82)90515-0"""
    return mean_hydropathy(view.sequence)


@feature
def aromaticity(view):
    """Share of F, W and Y. Lobry & Gautier 1994, 10.1093/nar/22.15.3174"""
    return fraction(view.sequence, "FWY")


@feature
def aliphatic_index(view):
    """Relative volume of aliphatic side chains. Ikai 1980, 10.1093/oxfordjournals.jbchem.a133168"""
    text = view.sequence
    return 100 * (fraction(text, "A") + 2.9 * fraction(text, "V") + 3.9 * fraction(text, "IL"))


@feature
def instability_index(view):
    """Dipeptide instability. Guruprasad et al. 1990, 10.1093/protein/4.2.155"""
    return view.analysis.instability_index()


@feature
def helix_fraction(view):
    """Share of residues that favour helices, as Biopython counts them."""
    return view.analysis.secondary_structure_fraction()[0]


@feature
def turn_fraction(view):
    """Share of residues that favour turns."""
    return view.analysis.secondary_structure_fraction()[1]


@feature
def sheet_fraction(view):
    """Share of residues that favour sheets."""
    return view.analysis.secondary_structure_fraction()[2]


@feature
def entropy(view):
    """Shannon entropy of the composition, bits. Wootton & Federhen 1993, 10.1016/0097-8485(93)85006-X"""
    shares = [fraction(view.sequence, letter) for letter in AMINO_ACIDS]
    return -sum(share * math.log2(share) for share in shares if share)


# The N-terminus: plastid transit peptides are rich in S, T and R, poor in acids, and amphipathic.
# von Heijne et al. 1989, 10.1111/j.1432-1033.1989.tb14679.x; Emanuelsson et al. 1999, 10.1110/ps.8.5.978
@feature
def n_terminal_hydroxylated(view):
    """Share of S and T in the first 60 residues."""
    return fraction(view.n_terminus, "ST")


@feature
def n_terminal_arginine(view):
    """Share of R in the first 60 residues."""
    return fraction(view.n_terminus, "R")


@feature
def n_terminal_alanine(view):
    """Share of A in the first 60 residues."""
    return fraction(view.n_terminus, "A")


@feature
def n_terminal_acidic(view):
    """Share of D and E in the first 60 residues."""
    return fraction(view.n_terminus, "DE")


@feature
def n_terminal_net_charge(view):
    """K + R - D - E in the first 60 residues, per residue."""
    return sum(CHARGE.get(letter, 0) for letter in view.n_terminus) / len(view.n_terminus)


@feature
def n_terminal_gravy(view):
    """Mean hydropathy of the first 60 residues."""
    return mean_hydropathy(view.n_terminus)


@feature
def n_terminal_hydrophobic_moment(view):
    """Largest helical hydrophobic moment in the first 60 residues. Eisenberg et al. 1982, 10.1038/299371a0"""
    hydropathy = windows([HYDROPATHY[letter] for letter in view.n_terminus], HELIX_WINDOW)
    turn = np.exp(1j * HELIX_ANGLE * np.arange(hydropathy.shape[1]))
    return float(np.abs(hydropathy @ turn).max() / hydropathy.shape[1])


@feature
def membrane_hydropathy(view):
    """Largest mean hydropathy of 19 residues, a membrane helix. Kyte & Doolittle 1982, 10.1016/0022-2836(82)90515-0"""
    return float(
        windows([HYDROPATHY[letter] for letter in view.sequence], MEMBRANE_WINDOW).mean(1).max()
    )


# Motifs, at the sites where the best profile expects them; references stand with the motifs.
@feature
def ddxxd_intact(view):
    """Number of intact DDxxD."""
    return view.states("DDxxD").count(motifs.INTACT)


@feature
def ddxxd_altered(view):
    """Number of DDxxD sites where something else stands."""
    return view.states("DDxxD").count(motifs.ALTERED)


@feature
def nse_dte_intact(view):
    """Number of intact NSE/DTE."""
    return view.states("NSE/DTE").count(motifs.INTACT)


@feature
def nse_dte_altered(view):
    """Number of NSE/DTE sites where something else stands."""
    return view.states("NSE/DTE").count(motifs.ALTERED)


@feature
def dxdd_intact(view):
    """Number of intact DxDD."""
    return view.states("DxDD").count(motifs.INTACT)


@feature
def dxdd_altered(view):
    """Number of DxDD sites where something else stands."""
    return view.states("DxDD").count(motifs.ALTERED)


@feature
def rrx8w_intact(view):
    """Number of intact RRx8W."""
    return view.states("RRx8W").count(motifs.INTACT)


@feature
def rrx8w_altered(view):
    """Number of RRx8W sites where something else stands."""
    return view.states("RRx8W").count(motifs.ALTERED)


@feature
def dctae_intact(view):
    """Number of intact DCTAE."""
    return view.states("DCTAE").count(motifs.INTACT)


@feature
def qw_count(view):
    """Number of intact QW repeats."""
    return view.states("QW").count(motifs.INTACT)


@feature
def ddxxd_position(view):
    """Where the first DDxxD site begins, as a share of the length."""
    return next(
        (hit.start / view.record.length_aa for hit in view.motif.get("DDxxD", ()) if hit.start), 0.0
    )


@feature
def ddxxd_to_nse_dte(view):
    """Residues between the first DDxxD and the last NSE/DTE site, over the length."""
    metal = [
        [hit.start for hit in view.motif.get(name, ()) if hit.start]
        for name in ("DDxxD", "NSE/DTE")
    ]
    return (metal[1][-1] - metal[0][0]) / view.record.length_aa if all(metal) else 0.0


@feature
def ddxxd_acids(view):
    """Aspartates and glutamates in the residues of the first DDxxD site."""
    return next(
        (hit.residues.count("D") + hit.residues.count("E") for hit in view.motif.get("DDxxD", ())),
        0,
    )


# Domain architecture, from the profile hits. Eddy 2011, 10.1371/journal.pcbi.1002195
@feature
def bits_per_residue(view):
    """Best profile score over length."""
    return view.hits[0].bits / view.record.length_aa if view.hits else 0.0


@feature
def log_bits(view):
    """Logarithm of 1 + the best profile score in bits."""
    return math.log1p(max(0.0, view.hits[0].bits)) if view.hits else 0.0


@feature
def second_profile(view):
    """Second-best profile score over the best."""
    return view.hits[1].bits / view.hits[0].bits if len(view.hits) > 1 else 0.0


@feature
def profile_count(view):
    """Number of profiles matched."""
    return len(view.hits)


@feature
def profile_coverage(view):
    """Share of the best profile's columns that hold a residue."""
    return float((view.hits[0].positions > 0).mean()) if view.hits else 0.0


@feature
def sequence_coverage(view):
    """Share of the protein aligned to the best profile."""
    return float((view.hits[0].positions > 0).sum()) / view.record.length_aa if view.hits else 0.0


@feature
def n_terminal_extension(view):
    """Residues before the best profile begins, over the length."""
    return float(_aligned(view).min() - 1) / view.record.length_aa if view.hits else 1.0


@feature
def c_terminal_extension(view):
    """Residues after the best profile ends, over the length."""
    return 1.0 - float(_aligned(view).max()) / view.record.length_aa if view.hits else 1.0


@feature
def class_one_bits(view):
    """Best score of a profile that keeps DDxxD, per residue."""
    return _best_bits(view, "DDxxD")


@feature
def class_two_bits(view):
    """Best score of a profile that keeps DxDD or DCTAE, per residue."""
    return _best_bits(view, "DxDD", "DCTAE")


def _aligned(view):
    positions = view.hits[0].positions
    return positions[positions > 0]


def _best_bits(view, *names):
    scores = [hit.bits for hit in view.hits if hit.profile.has_site(*names)]
    return max(scores, default=0.0) / view.record.length_aa


NAMES = tuple(FEATURES)
