"""ESM-2 weight files: where they lie, what they are, and the one function that downloads them."""

import hashlib
import os
import pathlib
import urllib.error
import urllib.request

from .. import __version__
from ..errors import ModelError, TpspredError

# Layers and dimension of the released sizes. Lin et al. 2023, 10.1126/science.ade2574
SIZES = {
    "esm2_t6_8M_UR50D": (6, 320),
    "esm2_t12_35M_UR50D": (12, 480),
    "esm2_t30_150M_UR50D": (30, 640),
    "esm2_t33_650M_UR50D": (33, 1280),
    "esm2_t36_3B_UR50D": (36, 2560),
    "esm2_t48_15B_UR50D": (48, 5120),
}
ADDRESS = "https://dl.fbaipublicfiles.com/fair-esm/models/{name}.pt"
VARIABLE = "TPSPRED_WEIGHTS"
BLOCK = 1 << 20


def cache():
    """Folder in which torch.hub, and so fair-esm itself, keeps weights."""
    import torch

    return pathlib.Path(torch.hub.get_dir()) / "checkpoints"


def home(name):
    """Where a downloaded file belongs: below TPSPRED_WEIGHTS if that is a folder, else in the torch hub cache."""
    folder = pathlib.Path(os.environ.get(VARIABLE) or cache())
    return (folder if folder.is_dir() else cache()) / f"{name}.pt"


def locate(name, given=None):
    """Find the weights of an encoder: the file given, else TPSPRED_WEIGHTS (file or folder), else the torch hub cache.

    Raises:
        ModelError: If there is none, with the command that fetches them.
    """
    if given:
        places = [pathlib.Path(given)]
    else:
        set_to = os.environ.get(VARIABLE)
        if set_to and not os.path.exists(set_to):
            raise ModelError.at(
                VARIABLE,
                f"{set_to}, which is not there",
                f"a weight file or a folder with {name}.pt",
            )
        places = (
            [pathlib.Path(set_to)]
            if set_to and os.path.isfile(set_to)
            else [*([pathlib.Path(set_to, f"{name}.pt")] if set_to else []), cache() / f"{name}.pt"]
        )
    for place in places:
        if place.is_file():
            return place
    advice = (
        f"run: tpspred fetch-weights {name}"
        if name in SIZES
        else (f"give --weights FILE, or one of {', '.join(SIZES)}")
    )
    raise ModelError(f"{name}: no weights at {' or '.join(map(str, places))}; {advice}")


def sha256(path):
    """SHA-256 of a file; checked against what ``fetch`` recorded beside it.

    Raises:
        ModelError: If the file has changed since it was fetched.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(BLOCK):
            digest.update(block)
    record = _record(path)
    if record.is_file() and record.read_text().split()[:1] != [digest.hexdigest()]:
        raise ModelError.at(
            path,
            f"SHA-256 {digest.hexdigest()[:12]}",
            f"{record.read_text()[:12]} as {record.name} says",
        )
    return digest.hexdigest()


def check(path, expected):
    """SHA-256 of a file that must be the expected one, if any.

    Raises:
        ModelError: If it is another.
    """
    checksum = sha256(path)
    if expected and checksum != expected.lower():
        raise ModelError.at(path, f"a file with SHA-256 {checksum}", expected.lower())
    return checksum


def fetch(name, target, expected=None, address=None, progress=lambda count, total=None: None):
    """Download weights to ``target.part``, going on where an earlier try ended, check them and rename.

    Args:
        name: One of :data:`SIZES`.
        target: Path of the finished file; ``target.sha256`` records its checksum.
        expected: SHA-256 that the file must have.
        address: URL to use instead of the official one.
        progress: Called with bytes received and, once, ``total=`` bytes.

    Returns:
        SHA-256 of the file.

    Raises:
        TpspredError: If the address cannot be reached, the download ends early, or the checksum is another.
    """
    address = address or ADDRESS.format(name=name)
    part = pathlib.Path(f"{target}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        _download(address, part, progress)
    except urllib.error.HTTPError as error:
        raise TpspredError.at(address, f"HTTP status {error.code}", "weights") from None
    except OSError as error:
        raise TpspredError(
            f"{address}: download broke off ({getattr(error, 'reason', None) or error}); the same command "
            "goes on where it ended"
        ) from None
    try:
        checksum = check(part, expected)
    except ModelError:
        part.unlink()  # to go on with it would lead here again
        raise
    _record(target).write_text(f"{checksum}  {pathlib.Path(target).name}\n")
    os.replace(part, target)
    return checksum


def _download(address, part, progress):
    begun = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": f"tpspred/{__version__}"} | (
        {"Range": f"bytes={begun}-"} if begun else {}
    )
    try:
        reply = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=60)
    except urllib.error.HTTPError as error:
        if (
            error.code == 416
            and begun
            and error.headers.get("Content-Range", "").endswith(f"/{begun}")
        ):
            return  # nothing was missing
        raise
    with reply, open(part, "ab") as handle:
        if reply.status != 206:  # the server sends everything
            handle.truncate(0)
            begun = 0
        left = int(reply.headers.get("Content-Length") or 0)
        progress(begun, total=begun + left or None)
        while block := reply.read(BLOCK):
            handle.write(block)
            left -= len(block)
            progress(len(block))
        if left > 0:
            raise OSError(f"{left} bytes are missing")


def _record(path):
    return pathlib.Path(f"{path}.sha256")
