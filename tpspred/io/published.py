"""Published files: download one once, check its SHA-256, and keep that in a record beside it."""

import dataclasses
import hashlib
import os
import pathlib
import re

from ..console import Advance, warn
from ..errors import InputError, TpspredError
from .download import download
from .outputs import open_text_output
from .paths import Path

CHECKSUM = re.compile(r"[0-9a-f]{64}")
BLOCK = 1 << 20  # bytes that are read at a time
MAX_RECORD_BYTES = 10_000  # of a record of a checksum, of which only the first word counts


@dataclasses.dataclass(frozen=True)
class Kind:
    """What sort of file it is.

    Attributes:
        name: What to call such a file in messages, such as ``a weight file (.pt)``.
        begins: Bytes with which such a file begins.
        error: Error to raise if a file is not what it should be.
    """

    name: str
    begins: bytes
    error: type[TpspredError]


@dataclasses.dataclass(frozen=True)
class PublishedFile:
    """A file that anybody can download.

    Attributes:
        address: URL.
        kind: What sort of file it is.
        checksum: SHA-256 of the file in lower case; None if it is not known.
    """

    address: str
    kind: Kind
    checksum: str | None = None


def sha256(path: Path, kind: Kind) -> str:
    """Return the SHA-256 of a file, after comparing it with the one that was recorded.

    Raises:
        TpspredError: The error of the kind, if the file cannot be read, or has changed since its
            checksum was recorded.
    """
    digest = hashlib.sha256()
    try:
        if not os.path.isfile(path):  # a device or a pipe might never end
            raise kind.error.at(path, "a folder or a device", kind.name)
        with open(path, "rb") as handle:
            while block := handle.read(BLOCK):
                digest.update(block)
    except OSError as error:
        raise kind.error(f"{path}: cannot be read: {error.strerror or error}") from None
    checksum = digest.hexdigest()
    recorded = _recorded_checksum(path, kind)
    if recorded not in (None, checksum):
        raise kind.error.at(
            path,
            f"SHA-256 {checksum[:12]}",
            f"{recorded:.12} as {_record_of(path).name} says; fetch the file again, or delete "
            "the record if you have changed the file yourself",
        )
    return checksum


def check(path: Path, kind: Kind, expected: str | None) -> str:
    """Return the SHA-256 of a file, and refuse the file if the checksum is not the expected one.

    Args:
        path: Path of the file.
        kind: What sort of file it is.
        expected: SHA-256 in hexadecimal digits of any case; None accepts every file.

    Raises:
        TpspredError: The error of the kind, if the file has another checksum.
    """
    checksum = sha256(path, kind)
    if expected and checksum != expected.lower():
        raise kind.error.at(path, f"a file with SHA-256 {checksum}", expected.lower())
    return checksum


def adopt(published: PublishedFile, path: Path, expected: str | None = None) -> str:
    """Check a file that is already there, and record its checksum if there is no record.

    Args:
        published: What the file should be.
        path: Path of the file.
        expected: SHA-256 that the file must have. By default that of the published file, if it is
            known.

    Returns:
        SHA-256 of the file.

    Raises:
        TpspredError: The error of the kind, if the file has another checksum.
    """
    checksum = check(path, published.kind, expected or published.checksum)
    if _recorded_checksum(path, published.kind) is None:
        try:
            _record(path, checksum)
        except InputError as error:
            warn("%s; the checksum is not recorded", error)
    return checksum


def fetch(
    published: PublishedFile,
    target: Path,
    expected: str | None = None,
    address: str | None = None,
    progress: Advance = lambda count, total=None: None,
    allow_http: bool = False,
) -> str:
    """Download a file, check it and write its checksum to a file beside it.

    The download goes to ``target.part``, which is renamed at the end. If an earlier download was
    interrupted, it continues where that one stopped.

    Args:
        published: What to download.
        target: Path of the finished file; ``target.sha256`` records its checksum.
        expected: SHA-256 that the file must have. By default that of the published file; if that
            is not known, the one that an earlier download recorded, and any file the first time.
        address: URL to use instead of the published one.
        progress: Called with the number of bytes received and, once, ``total=`` bytes.
        allow_http: Whether the address, or one that it leads to, may begin with http:.

    Returns:
        SHA-256 of the file.

    Raises:
        TpspredError: If the address is refused or cannot be reached, the download ends early, or
            the file is not the expected one.
    """
    kind = published.kind
    final = os.path.realpath(target)
    expected = expected or published.checksum or _recorded_checksum(final, kind)
    with download(
        address or published.address, final, kind.begins, kind.name, allow_http, progress
    ) as path:
        checksum = check(path, kind, expected)
        _record(final, checksum)
    return checksum


def _record_of(path: Path) -> pathlib.Path:
    """Return the path of the file that records the checksum of a file.

    It lies beside the file itself, also if the path is a link.
    """
    return pathlib.Path(f"{os.path.realpath(path)}.sha256")


def _record(path: Path, checksum: str) -> None:
    """Record the checksum of a file, as sha256sum writes it."""
    with open_text_output(_record_of(path)) as handle:
        handle.write(f"{checksum}  {os.path.basename(os.path.realpath(path))}\n")


def _recorded_checksum(path: Path, kind: Kind) -> str | None:
    """Return the checksum that was recorded for a file; None if there is no record.

    Raises:
        TpspredError: The error of the kind, if the record contains something else.
    """
    record = _record_of(path)
    try:
        with open(record, errors="replace") as handle:
            words = handle.read(MAX_RECORD_BYTES).split()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise kind.error(f"{record}: cannot be read: {error.strerror}") from None
    if not words or not CHECKSUM.fullmatch(words[0].lower()):
        raise kind.error.at(record, "a file without a checksum", "SHA-256 in hexadecimal digits")
    return words[0].lower()
