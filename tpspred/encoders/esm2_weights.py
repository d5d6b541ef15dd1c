"""Find, check and download the weight files of ESM-2."""

import hashlib
import os
import pathlib
import urllib.error
import urllib.request

from .. import __version__
from ..console import Advance
from ..errors import ModelError, TpspredError
from ..io.files import Path

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
VARIABLE = "TPSPRED_WEIGHTS"  # environment variable: a weight file, or a folder of weight files
BLOCK = 1 << 20  # bytes that are read at a time
TIMEOUT = 60  # seconds without an answer of the server
PARTIAL_CONTENT = 206  # HTTP status: the server sends the wanted range
RANGE_NOT_SATISFIABLE = 416  # HTTP status: the wanted range begins behind the end of the file


def cache() -> pathlib.Path:
    """Return the folder where torch.hub, and therefore fair-esm, keeps weight files."""
    import torch

    return pathlib.Path(torch.hub.get_dir()) / "checkpoints"


def home(name: str) -> pathlib.Path:
    """Return the path where a downloaded weight file belongs.

    It is in the folder TPSPRED_WEIGHTS, if that is a folder, and in the torch hub cache otherwise.

    Args:
        name: Name of an ESM-2, such as ``esm2_t33_650M_UR50D``.
    """
    folder = pathlib.Path(os.environ.get(VARIABLE) or cache())
    return (folder if folder.is_dir() else cache()) / f"{name}.pt"


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
        ModelError: If TPSPRED_WEIGHTS names a path that does not exist.
    """
    if given:
        return [pathlib.Path(given)]
    cached = cache() / f"{name}.pt"
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
    """Return the SHA-256 of a file, after comparing it with the one that :func:`fetch` recorded.

    Raises:
        ModelError: If the file has changed since it was downloaded.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(BLOCK):
            digest.update(block)
    checksum = digest.hexdigest()
    record = _checksum_file(path)
    if record.is_file():
        recorded = record.read_text()
        if recorded.split()[:1] != [checksum]:
            raise ModelError.at(
                path, f"SHA-256 {checksum[:12]}", f"{recorded[:12]} as {record.name} says"
            )
    return checksum


def check(path: Path, expected: str | None) -> str:
    """Return the SHA-256 of a file, and refuse the file if the checksum is not the expected one.

    Args:
        path: Path of the file.
        expected: SHA-256 in hexadecimal digits of any case; None accepts every file.

    Raises:
        ModelError: If the file has another checksum.
    """
    checksum = sha256(path)
    if expected and checksum != expected.lower():
        raise ModelError.at(path, f"a file with SHA-256 {checksum}", expected.lower())
    return checksum


def fetch(
    name: str,
    target: Path,
    expected: str | None = None,
    address: str | None = None,
    progress: Advance = lambda count, total=None: None,
) -> str:
    """Download a weight file, check it and write its checksum to a file beside it.

    The download goes to ``target.part``, which is renamed at the end. If an earlier download was
    interrupted, it continues where that one stopped.

    Args:
        name: Name of an ESM-2, one of :data:`SIZES`.
        target: Path of the finished file; ``target.sha256`` records its checksum.
        expected: SHA-256 that the file must have.
        address: URL to use instead of the official one.
        progress: Called with the number of bytes received and, once, ``total=`` bytes.

    Returns:
        SHA-256 of the file.

    Raises:
        TpspredError: If the address cannot be reached, the download ends early, or the checksum is
            not the expected one.
    """
    address = address or ADDRESS.format(name=name)
    part = pathlib.Path(f"{target}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        _download(address, part, progress)
    except urllib.error.HTTPError as error:
        raise TpspredError.at(address, f"HTTP status {error.code}", "weights") from None
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise TpspredError(
            f"{address}: the download was interrupted ({reason}); the same command continues it"
        ) from None
    try:
        checksum = check(part, expected)
    except ModelError:
        part.unlink()  # otherwise the next try would continue the wrong file and fail again
        raise
    _checksum_file(target).write_text(f"{checksum}  {pathlib.Path(target).name}\n")
    os.replace(part, target)
    return checksum


def _download(address: str, part: pathlib.Path, progress: Advance) -> None:
    """Download a file, or the rest of it if an earlier download wrote a part.

    Raises:
        OSError: If the address cannot be reached or the download ends early.
    """
    received = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": f"tpspred/{__version__}"}
    if received:
        headers["Range"] = f"bytes={received}-"
    request = urllib.request.Request(address, headers=headers)
    try:
        reply = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        # The reply says how long the file is. If the part is as long, nothing is missing.
        full_range = error.headers.get("Content-Range", "")
        is_complete = received > 0 and full_range.endswith(f"/{received}")
        if error.code == RANGE_NOT_SATISFIABLE and is_complete:
            return
        raise
    with reply, open(part, "ab") as handle:
        if reply.status != PARTIAL_CONTENT:  # the server sends the whole file
            handle.truncate(0)
            received = 0
        missing = int(reply.headers.get("Content-Length") or 0)
        progress(received, total=received + missing or None)
        while block := reply.read(BLOCK):
            handle.write(block)
            missing -= len(block)
            progress(len(block))
        if missing > 0:
            raise OSError(f"{missing} bytes are missing")


def _checksum_file(path: Path) -> pathlib.Path:
    """Return the path of the file that records the checksum of a downloaded file."""
    return pathlib.Path(f"{path}.sha256")
