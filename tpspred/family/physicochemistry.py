"""Physical and chemical properties of a protein that follow from its residues alone.

The functions take known residues, letters of the 20 amino acids. Biopython computes the same
values; a test compares both. They are computed here because importing Biopython takes longer than
scoring a protein.
"""

import numpy as np
from numpy.typing import NDArray

from .profiles import CODES

WATER_DA = 18.0153
# Mean molecular weights of the free amino acids, Da.
WEIGHTS_DA = {
    "A": 89.0932, "C": 121.1582, "D": 133.1027, "E": 147.1293, "F": 165.1891, "G": 75.0666,
    "H": 155.1546, "I": 131.1729, "K": 146.1876, "L": 131.1729, "M": 149.2113, "N": 132.1179,
    "P": 115.1305, "Q": 146.1445, "R": 174.201, "S": 105.0926, "T": 119.1192, "V": 117.1463,
    "W": 204.2252, "Y": 181.1885,
}  # fmt: skip
# pK of the groups that gain and that lose a proton. The pK of a terminus depends on its residue.
# Bjellqvist et al. 1993, 10.1002/elps.11501401163; 1994, 10.1002/elps.1150150171
BASIC_PK = {"K": 10.0, "R": 12.0, "H": 5.98}
ACIDIC_PK = {"D": 4.05, "E": 4.45, "C": 9.0, "Y": 10.0}
N_TERMINAL_PK, OTHER_N_TERMINAL_PK = {
    "A": 7.59, "M": 7.0, "S": 6.93, "P": 8.36, "T": 6.82, "V": 7.44, "E": 7.7,
}, 7.5  # fmt: skip
C_TERMINAL_PK, OTHER_C_TERMINAL_PK = {"D": 4.55, "E": 4.75}, 3.55
# Isoelectric points lie between those of proteins made of D and of R. The search begins at a usual
# one, as Biopython's does.
LOWEST_PH, USUAL_PH, HIGHEST_PH = 4.05, 7.775, 12.0
PH_STEP = 1e-4
# Instability of each dipeptide: first residue by row, second by column, both from A to Y.
# Guruprasad et al. 1990, 10.1093/protein/4.2.155
_INSTABILITY = """
    1 44.94 -7.49 1 1 1 -7.49 1 1 1 1 1 20.26 1 1 1 1 1 1 1
    1 1 20.26 1 1 1 33.6 1 1 20.26 33.6 1 20.26 -6.54 1 1 33.6 -6.54 24.68 1
    1 1 1 1 -6.54 1 1 1 -7.49 1 1 1 1 1 -6.54 20.26 -14.03 1 1 1
    1 44.94 20.26 33.6 1 1 -6.54 20.26 1 1 1 1 20.26 20.26 1 20.26 1 1 -14.03 1
    1 1 13.34 1 1 1 1 1 -14.03 1 1 1 20.26 1 1 1 1 1 1 33.601
    -7.49 1 1 -6.54 1 13.34 1 -7.49 -7.49 1 1 -7.49 1 1 1 1 -7.49 1 13.34 -7.49
    1 1 1 1 -9.37 -9.37 1 44.94 24.68 1 1 24.68 -1.88 1 1 1 -6.54 1 -1.88 44.94
    1 1 1 44.94 1 1 13.34 1 -7.49 20.26 1 1 -1.88 1 1 1 1 -7.49 1 1
    1 1 1 1 1 -7.49 1 -7.49 1 -7.49 33.6 1 -6.54 24.64 33.6 1 1 -7.49 1 1
    1 1 1 1 1 1 1 1 -7.49 1 1 1 20.26 33.6 20.26 1 1 1 24.68 1
    13.34 1 1 1 1 1 58.28 1 1 1 -1.88 1 44.94 -6.54 -6.54 44.94 -1.88 1 1 24.68
    1 -1.88 1 1 -14.03 -14.03 1 44.94 24.68 1 1 1 -1.88 -6.54 1 1 -7.49 1 -9.37 1
    20.26 -6.54 -6.54 18.38 20.26 1 1 1 1 1 -6.54 1 20.26 20.26 -6.54 20.26 1 20.26 -1.88 1
    1 -6.54 20.26 20.26 -6.54 1 1 1 1 1 1 1 20.26 20.26 1 44.94 1 -6.54 1 -6.54
    1 1 1 1 1 -7.49 20.26 1 1 1 1 13.34 20.26 20.26 58.28 44.94 1 1 58.28 -6.54
    1 33.6 1 20.26 1 1 1 1 1 1 1 1 44.94 20.26 20.26 20.26 1 1 1 1
    1 1 1 20.26 13.34 -7.49 1 1 1 1 1 -14.03 1 -6.54 1 1 1 1 -14.03 1
    1 1 -14.03 1 1 -7.49 1 1 -1.88 1 1 1 20.26 1 1 1 -7.49 1 1 -6.54
    -14.03 1 1 1 1 -9.37 24.68 1 1 13.34 24.68 13.34 1 1 1 1 -14.03 -7.49 1 1
    24.68 1 24.68 -6.54 1 -7.49 13.34 1 1 1 44.94 1 13.34 1 -15.91 1 -7.49 1 -9.37 13.34
"""
INSTABILITY: NDArray[np.float64] = np.array(_INSTABILITY.split(), float).reshape(20, 20)


def molecular_weight(residues: str) -> float:
    """Return the mean molecular weight, Da.

    >>> round(molecular_weight("GG"), 4)
    132.1179
    """
    free = sum(residues.count(letter) * weight for letter, weight in WEIGHTS_DA.items())
    return free - (len(residues) - 1) * WATER_DA


def isoelectric_point(residues: str) -> float:
    """Return the pH at which the protein has no charge, to 0.0001.

    Bjellqvist et al. 1993, 10.1002/elps.11501401163

    >>> round(isoelectric_point("INGAR"), 2)
    9.75
    """
    groups = [(residues.count(letter), pk, 1) for letter, pk in BASIC_PK.items()]
    groups += [(residues.count(letter), pk, -1) for letter, pk in ACIDIC_PK.items()]
    groups.append((1, N_TERMINAL_PK.get(residues[0], OTHER_N_TERMINAL_PK), 1))
    groups.append((1, C_TERMINAL_PK.get(residues[-1], OTHER_C_TERMINAL_PK), -1))
    low, ph, high = LOWEST_PH, USUAL_PH, HIGHEST_PH
    while high - low > PH_STEP:
        charge = sum(sign * count / (1 + 10 ** (sign * (ph - pk))) for count, pk, sign in groups)
        low, high = (ph, high) if charge > 0 else (low, ph)
        ph = (low + high) / 2
    return ph


def instability_index(residues: str) -> float:
    """Return the instability of the dipeptides; a protein above 40 counts as unstable.

    Guruprasad et al. 1990, 10.1093/protein/4.2.155

    >>> instability_index("AC")
    224.7
    """
    codes = CODES[np.frombuffer(residues.encode(), np.uint8)]
    return float(10 / len(residues) * INSTABILITY[codes[:-1], codes[1:]].sum())
