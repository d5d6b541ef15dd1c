"""Change bytes as transfers, editors, disks and attackers do; every change follows from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable

Mutation = Callable[[random.Random, bytes], bytes]

# Texts that readers of files and of options have stumbled over.
SPECIAL = (
    "nan NaN inf -inf 1e400 -1 0 1e20 99999999999999999999 ² ١ ß ﬁ ı ſ İ é α 漢 🧬 NA null None "
    "true [] {} \" ' ' , ; | % %00 %0A \\ \\n / .. ../x ~ # ## > >> >\n * ** - -- = + & $(id) `id` "
    "<script> &lt; \x1b[31m \x07 \x08 \x7f \x85 \u2028 \u202e \ufeff \u00a0 \x0b \x0c \x1c \t\t "
    "\n\n \r \r\n \n>\n \n>x\n ,, ;; || :: // ID LOCUS @ {"
)
WHITESPACE_SPECIAL = ["\t", "\n", " ", "\r\n", "\n>a b\n", "\n> \nMKV\n", "\0", "\ud800"]
TEXTS = [
    text.encode("utf-8", "surrogatepass")
    for text in [*SPECIAL.split(" "), *WHITESPACE_SPECIAL]
    if text
]
MAGIC = [
    b"\x1f\x8b\x08\0",
    b"\xfd7zXZ\0",
    b"\x89HDF\r\n\x1a\n",
    b"PK\x03\x04",
    b"\xff\xfe",
    b"BZh9",
]
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "cp037")


def place(rng: random.Random, data: bytes) -> int:
    """Return a position in the data, often near the beginning or the end."""
    edge = min(len(data), 64)
    return rng.choice(
        (
            rng.randint(0, len(data)),
            rng.randint(0, len(data)),
            rng.randint(0, edge),
            rng.randint(len(data) - edge, len(data)),
        )
    )


def span(rng: random.Random, data: bytes) -> tuple[int, int]:
    """Return the begin and the end of a part of the data, which is short more often than long."""
    begin = place(rng, data)
    length = int(2 ** rng.uniform(0, max(len(data), 2).bit_length()))
    return begin, min(begin + length, len(data))


def flip(rng: random.Random, data: bytes) -> bytes:
    """Change one bit."""
    if not data:
        return data
    position = min(place(rng, data), len(data) - 1)
    changed = data[position] ^ (1 << rng.randrange(8))
    return data[:position] + bytes([changed]) + data[position + 1 :]


def set_bytes(rng: random.Random, data: bytes) -> bytes:
    """Overwrite one to eight bytes with special or random ones."""
    count = rng.choice((1, 1, 2, 4, 8))
    position = place(rng, data)
    value = rng.choice((b"\0", b"\xff", b"\x80", b"\x7f", b"\n", b"\r", b"\t", b">", b" ", b""))
    new = value * count if value else rng.randbytes(count)
    return data[:position] + new + data[position + len(new) :]


def delete(rng: random.Random, data: bytes) -> bytes:
    """Leave a part out."""
    begin, end = span(rng, data)
    return data[:begin] + data[end:]


def insert(rng: random.Random, data: bytes) -> bytes:
    """Insert random bytes."""
    position = place(rng, data)
    return data[:position] + rng.randbytes(rng.choice((1, 2, 8, 100, 4096))) + data[position:]


def insert_text(rng: random.Random, data: bytes) -> bytes:
    """Insert a special text."""
    position = place(rng, data)
    return data[:position] + rng.choice(TEXTS) + data[position:]


def insert_unicode(rng: random.Random, data: bytes) -> bytes:
    """Insert random characters of all planes."""
    characters = [chr(rng.choice((rng.randrange(0x20, 0xD800), rng.randrange(0x10000, 0x20000))))]
    characters *= rng.choice((1, 1, 5))
    position = place(rng, data)
    return data[:position] + "".join(characters).encode() + data[position:]


def swap(rng: random.Random, data: bytes) -> bytes:
    """Exchange two parts that lie side by side."""
    first, last = span(rng, data)
    middle = rng.randint(first, last)
    return data[:first] + data[middle:last] + data[first:middle] + data[last:]


def repeat(rng: random.Random, data: bytes) -> bytes:
    """Repeat a part."""
    begin, end = span(rng, data)
    times = rng.choice((2, 2, 3, 10, 1000))
    return data[:begin] + (data[begin:end] * times)[:200_000] + data[end:]


def truncate(rng: random.Random, data: bytes) -> bytes:
    """Cut the end off."""
    return data[: place(rng, data)]


def begin_late(rng: random.Random, data: bytes) -> bytes:
    """Cut the beginning off."""
    return data[place(rng, data) :]


def zero(rng: random.Random, data: bytes) -> bytes:
    """Fill a part with NUL, as a disk does after a crash."""
    begin, end = span(rng, data)
    return data[:begin] + bytes(end - begin) + data[end:]


def change_line_ends(rng: random.Random, data: bytes) -> bytes:
    """Write lines as other systems do, or mix them."""
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    ends = rng.choice(([b"\r\n"], [b"\r"], [b"\n", b"\r\n"], [b"\n", b"\r"], [b"\n\n"], [b" \n"]))
    return b"".join(line + rng.choice(ends) for line in lines)


def change_encoding(rng: random.Random, data: bytes) -> bytes:
    """Write text in another encoding."""
    encoding = rng.choice(ENCODINGS)
    return data.decode("utf-8", "replace").encode(encoding, "replace")


def change_lines(rng: random.Random, data: bytes) -> bytes:
    """Delete, repeat, move or join lines."""
    lines = data.split(b"\n")
    index = rng.randrange(len(lines))
    action = rng.choice(("delete", "repeat", "move", "join", "shuffle", "blank"))
    if action == "delete":
        del lines[index]
    elif action == "repeat":
        lines[index:index] = [lines[index]] * rng.choice((1, 2, 50))
    elif action == "move":
        lines.insert(rng.randint(0, len(lines) - 1), lines.pop(index))
    elif action == "join":
        lines[index : index + 2] = [b"".join(lines[index : index + 2])]
    elif action == "shuffle":
        rng.shuffle(lines)
    else:
        lines.insert(index, b"")
    return b"\n".join(lines)


def put_magic(rng: random.Random, data: bytes) -> bytes:
    """Begin as another format does."""
    magic = rng.choice(MAGIC)
    return magic + rng.choice((data, data[len(magic) :]))


def append_garbage(rng: random.Random, data: bytes) -> bytes:
    """Append bytes, as a broken transfer or a second file does."""
    return data + rng.choice((rng.randbytes(rng.choice((1, 64, 5000))), bytes(1024), data, b"\n"))


BYTES: tuple[Mutation, ...] = (
    flip, flip, flip, set_bytes, set_bytes, delete, delete, insert, insert_text, swap, repeat,
    truncate, truncate, begin_late, zero, append_garbage, put_magic,
)  # fmt: skip
TEXT: tuple[Mutation, ...] = (
    *BYTES, insert_text, insert_text, insert_text, insert_unicode, insert_unicode,
    change_line_ends, change_line_ends, change_encoding, change_lines, change_lines, change_lines,
)  # fmt: skip


def mutate(rng: random.Random, data: bytes, mutations: tuple[Mutation, ...] = TEXT) -> bytes:
    """Apply one to four random changes.

    >>> mutate(random.Random(1), b"MKV") == mutate(random.Random(1), b"MKV")
    True
    """
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        data = rng.choice(mutations)(rng, data)
    return data


def change_cells(rng: random.Random, data: bytes, separator: bytes) -> bytes:
    """Change cells of a table: other values, one cell more or less, other order of columns."""
    rows = [line.split(separator) for line in data.split(b"\n")]
    for _ in range(rng.choice((1, 1, 2, 5))):
        cells = rng.choice(rows)
        index = rng.randrange(len(cells))
        action = rng.choice(("value", "value", "value", "insert", "delete", "swap", "mutate"))
        if action == "value":
            cells[index] = rng.choice((b"", *TEXTS))
        elif action == "insert":
            cells.insert(index, rng.choice((b"", *TEXTS)))
        elif action == "delete":
            del cells[index]
            cells or cells.append(b"")
        elif action == "swap":
            other = rng.randrange(len(cells))
            cells[index], cells[other] = cells[other], cells[index]
        else:
            cells[index] = mutate(rng, cells[index])
    return b"\n".join(separator.join(cells) for cells in rows)
