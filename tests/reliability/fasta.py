"""A second, slow reading of FASTA, to compare the rows of tpspred with."""

from __future__ import annotations

import lzma
import re
import zlib
from typing import NamedTuple

STATUSES = {
    "tps", "related", "uncertain", "not_tps", "empty", "internal_stop", "too_long",
    "no_known_residue", "invalid_residue", "nucleotide",
}  # fmt: skip
PLAIN_HEADER = re.compile(r"[ -~\t]*")
LONGEST_HEADER = 9_000  # characters; tpspred may cut a longer one


class Record(NamedTuple):
    """A record of a FASTA file.

    Attributes:
        id: ID; None if it is not plain ASCII.
        length: Number of residues; None if the sequence is not made of letters alone.
        letters: The letters in upper case, without a stop at the end.
    """

    id: str | None
    length: int | None
    letters: str


class Content(NamedTuple):
    """What an input should give.

    Attributes:
        records: Its records.
        refused: Whether the whole file must be refused; None if either is right.
    """

    records: list[Record]
    refused: bool | None


def read(data: bytes) -> Content:
    """Read an uncompressed FASTA file.

    >>> read(b">a b\\nMk\\nv*\\n").records
    [Record(id='a', length=3, letters='MKV')]
    """
    if data.startswith((b"\x1f\x8b", b"\xfd7zXZ\0", b"\x89HDF\r\n\x1a\n")):
        return Content([], None)  # another format, or the beginning of one
    if b"\0" in data:
        return Content([], True)
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    records: list[Record] = []
    header: str | None = None
    header_line = 0
    body: list[str] = []
    for number, line in enumerate(re.split("\r\n|\n|\r", text), 1):
        if line.startswith(">"):
            if header is not None:
                records.append(_record(header, header_line, body))
            header, header_line, body = line[1:], number, []
        elif header is not None:
            body.append(line)
        elif line.strip(" \t\n\r\x0b\x0c"):
            return Content([], True)
    if header is not None:
        records.append(_record(header, header_line, body))
    return Content(records, _is_refused(records))


def _record(header: str, line: int, body: list[str]) -> Record:
    letters = re.sub("[ \t\n\r\x0b\x0c]", "", "".join(body)).removesuffix("*")
    words = header.split()
    name = words[0] if words else f"unnamed_line_{line}"
    is_plain = PLAIN_HEADER.fullmatch(header) and len(header) < LONGEST_HEADER
    length = len(letters) if re.fullmatch("[A-Za-z]*", letters) else None
    return Record(name if is_plain else None, length, letters.upper() if letters.isascii() else "?")


def _is_refused(records: list[Record]) -> bool | None:
    """Return whether a file is refused because it begins with nucleotide sequences only."""
    first = next((record for record in records if record.letters), None)
    if first is None or not looks_like_nucleotides(first.letters):
        return False
    if all(looks_like_nucleotides(record.letters) for record in records if record.letters):
        return True
    return None


def looks_like_nucleotides(letters: str) -> bool:
    """Return whether a sequence may be taken for nucleotides."""
    return len(letters) >= 50 and not letters.strip("ACGTUN")


def unpack(data: bytes) -> tuple[bytes, bool | None]:
    """Unpack gzip or xz with the standard library, member by member.

    Returns:
        (content; whether the data are whole members: None if NUL follows them).
    """
    for magic, decompressor in (
        (b"\x1f\x8b", lambda: zlib.decompressobj(31)),
        (b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=1 << 28)),
    ):
        if data.startswith(magic):
            return _unpack(data, magic, decompressor)
    return data, True


def _unpack(data, magic, decompressor) -> tuple[bytes, bool | None]:
    content = []
    while data.startswith(magic):
        member = decompressor()
        try:
            content.append(member.decompress(data))
        except (zlib.error, lzma.LZMAError):
            return b"".join(content), False
        if not member.eof:
            return b"".join(content), False
        rest = member.unused_data
        data = rest.lstrip(b"\0")
    if data:
        return b"".join(content), False
    return b"".join(content), None if rest else True


def rows_by_protein(proteins: bytes, table: bytes) -> dict[tuple[str, str], str]:
    """Return the row of every protein: (id, letters) → row."""
    rows = table.decode().split("\n")[1:-1]
    return {
        (str(record.id), record.letters): row
        for record, row in zip(read(proteins).records, rows, strict=True)
    }


def wrong_rows(
    data: bytes, status: int, table: bytes, row_of: dict[tuple[str, str], str]
) -> list[str]:
    """Compare a table of predictions with its input.

    Args:
        data: Input as it was given to tpspred.
        status: Exit status.
        table: Table that tpspred wrote.
        row_of: Rows of proteins that are known.

    Returns:
        What is wrong.
    """
    plain, whole = unpack(data)
    content = read(plain)
    refused = True if whole is False else content.refused
    if whole is None and refused is False:
        refused = None  # tapes pad with NUL; some programs accept that
    if status == 1 and refused is False:
        return ["refused, though every record could have got a row"]
    if status == 0 and refused:
        return ["accepted, though the file is damaged or is no protein FASTA"]
    if status or refused is None and not content.records:
        return []
    if b"\r" in table or not table.endswith(b"\n"):
        return ["the table has a carriage return, or does not end with a line"]
    header, *rows = table.decode().split("\n")[:-1]
    if len(rows) != len(content.records):
        return [f"{len(rows)} rows for {len(content.records)} records"]
    wrong = []
    for number, (row, record) in enumerate(zip(rows, content.records), 1):
        cells = row.split("\t")
        known = row_of.get((str(record.id), record.letters))
        if len(cells) != len(header.split("\t")) or cells[2] not in STATUSES:
            wrong.append(f"row {number} has {len(cells)} columns, status {cells[2:3]}")
        elif record.id not in (None, cells[0]):
            wrong.append(f"row {number} is of {cells[0]!r}, not of {record.id!r}")
        elif record.length not in (None, int(cells[1])):
            wrong.append(f"row {number}: length {cells[1]}, not {record.length}")
        elif known not in (None, row):
            wrong.append(f"row {number} is {row!r}, and was {known!r} beside other proteins")
    return wrong
