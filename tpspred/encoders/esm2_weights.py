"""Find the weight files of ESM-2, check them, and say where they are published."""

import os
import pathlib
import re

from ..errors import ModelError
from ..io import published
from ..io.paths import Path
from ..io.published import Kind, PublishedFile

# Layers and dimension of the released sizes. Lin et al. 2023, 10.1126/science.ade2574
SIZES = {
    "esm2_t6_8M_UR50D": (6, 320),
    "esm2_t12_35M_UR50D": (12, 480),
    "esm2_t30_150M_UR50D": (30, 640),
    "esm2_t33_650M_UR50D": (33, 1280),
    "esm2_t36_3B_UR50D": (36, 2560),
    "esm2_t48_15B_UR50D": (48, 5120),
}
# SHA-256 of the released files. fair-esm publishes none: these are what others computed who had
# fetched the files from ADDRESS. Synthyra/FastPLMs (src/fastplms/models.toml) has all five, and
# for each at least one more project has the same: Hash-hh/RewireBench (8M), majorzb/RLPepGen
# (35M), haddocking/DeepRank-Ab (650M) and others. Nobody was found to have that of 15B.
CHECKSUMS = {
    "esm2_t6_8M_UR50D": "46f002a9870c9bdecd0ea887acb1f9a38a6b561e8f8bf8a6990b679b9d31b928",
    "esm2_t12_35M_UR50D": "7f21e80e61d16a71735163ef555d3009afb0c98da74c48e29df08606973cc55e",
    "esm2_t30_150M_UR50D": "881c7176cf198ef8dec26a3c375d40eb58d0c33df95c22562ca6cc6d3f812c62",
    "esm2_t33_650M_UR50D": "ea9d0522b335a8778dea6535a65301f10208dece28cd5865482b0b1fc446168c",
    "esm2_t36_3B_UR50D": "7de8b4082ba15891959ab368b77ce3886697af1efb16d3c9e9e7b0c5d3f07500",
}
ADDRESS = "https://dl.fbaipublicfiles.com/fair-esm/models/{name}.pt"
VARIABLE = "TPSPRED_WEIGHTS"  # environment variable: a weight file, or a folder of weight files
NAME = re.compile(r"\w[\w.-]*", re.ASCII)  # a name is part of a path and of every row of a table
# torch.save writes ZIP archives; the format before torch 1.6 is not read.
KIND = Kind("a weight file (.pt)", b"PK\x03\x04", ModelError)


def cache() -> pathlib.Path:
    """Return the folder where torch.hub, and therefore fair-esm, keeps weight files."""
    import torch

    return pathlib.Path(torch.hub.get_dir()) / "checkpoints"


def checked_name(name: str) -> str:
    """Return the name of an ESM-2, if it is one word that may be part of a path.

    Raises:
        ModelError: If it is not.

    >>> checked_name("esm2_../x")
    Traceback (most recent call last):
    tpspred.errors.ModelError: encoder: found 'esm2_../x'; wanted a name of letters, digits, _ - .
    """
    if not NAME.fullmatch(name):
        raise ModelError.at("encoder", f"{name!r:.80}", "a name of letters, digits, _ - .")
    return name


def home(name: str) -> pathlib.Path:
    """Return the path where a downloaded weight file belongs.

    It is in the folder TPSPRED_WEIGHTS, if that is a folder, and in the torch hub cache otherwise.

    Args:
        name: Name of an ESM-2, such as ``esm2_t33_650M_UR50D``.
    """
    folder = pathlib.Path(os.environ.get(VARIABLE) or cache())
    return (folder if folder.is_dir() else cache()) / f"{checked_name(name)}.pt"


def locate(name: str, given: Path | None = None) -> pathlib.Path:
    """Return the path of the weight file of an ESM-2.

    Args:
        name: Name of an ESM-2, such as ``esm2_t33_650M_UR50D``.
        given: Path that the user gives. By default the file is looked for at TPSPRED_WEIGHTS, which
            is a file or a folder, and then in the torch hub cache.

    Raises:
        ModelError: If there is no file. The message says which command downloads it.
    """
    places = _places(name, given)
    for place in places:
        if place.is_file():
            return place
    if name in SIZES:
        advice = f"run: tpspred fetch-weights {name}"
    else:
        advice = f"give --weights FILE, or one of {', '.join(SIZES)}"
    raise ModelError(f"{name}: no weights at {' or '.join(map(str, places))}; {advice}")


def _places(name: str, given: Path | None) -> list[pathlib.Path]:
    """Return the paths where the weight file may be, the first choice first.

    Raises:
        ModelError: If TPSPRED_WEIGHTS names a path that does not exist, or the name is no word.
    """
    if given:
        return [pathlib.Path(given)]
    cached = cache() / f"{checked_name(name)}.pt"
    variable = os.environ.get(VARIABLE)
    if not variable:
        return [cached]
    if not os.path.exists(variable):
        raise ModelError.at(
            VARIABLE,
            f"{variable}, which does not exist",
            f"a weight file or a folder with {name}.pt",
        )
    if os.path.isfile(variable):
        return [pathlib.Path(variable)]
    return [pathlib.Path(variable, f"{name}.pt"), cached]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a weight file, after comparing it with the one that was recorded.

    Raises:
        ModelError: If the file cannot be read, or has changed since its checksum was recorded.
    """
    return published.sha256(path, KIND)


def released(name: str) -> PublishedFile:
    """Return where fair-esm publishes the weights of an ESM-2, and their checksum if it is known.

    Args:
        name: Name of the ESM-2, one of :data:`SIZES`.
    """
    return PublishedFile(ADDRESS.format(name=name), KIND, CHECKSUMS.get(name))
