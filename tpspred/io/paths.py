"""Recognise paths that name a standard stream, an open descriptor, or one and the same file."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

Path = str | os.PathLike[str]

STANDARD_INPUT, STANDARD_OUTPUT = 0, 1  # file descriptors
MAX_LINKS = 40  # symbolic links that are followed to find a descriptor, as many as Linux follows


def output_descriptor(target: Path) -> int | None:
    """Return the number of the open file that an output stands for, or None for any other path.

    '-' is standard output, and so is /dev/stdout. Others are /dev/stderr and /dev/fd/N. They are
    links to the file that is open already, which must be written to and not replaced.

    >>> output_descriptor("-"), output_descriptor("/dev/stdout"), output_descriptor("x.tsv")
    (1, 1, None)
    """
    if target == "-":
        return STANDARD_OUTPUT
    path = os.path.abspath(target)
    for _ in range(MAX_LINKS):
        folder, name = os.path.split(path)
        if name.isdecimal() and os.path.realpath(folder) == f"/proc/{os.getpid()}/fd":
            return int(name)
        if not os.path.islink(path):
            return None
        path = os.path.join(folder, os.readlink(path))
    return None


def collision(outputs: Sequence[Path], inputs: Sequence[Path] = ()) -> str:
    """Return what is wrong with a command's paths, or '' if they can be used together.

    An output must not be the same file as another one or as an input, and only one input can be
    standard input. Links and different spellings of a path are followed. A device may be used more
    than once.

    Args:
        outputs: Paths to write; '-' is standard output.
        inputs: Paths to read; '-' is standard input.

    >>> collision(["x.tsv", "./x.tsv"])
    'two outputs to ./x.tsv'
    """
    if list(inputs).count("-") > 1:
        return "two inputs from standard input"
    input_of = {_identity(path, STANDARD_INPUT): path for path in inputs}
    seen = set()
    for target in outputs:
        name = "standard output" if target == "-" else str(target)
        descriptor = output_descriptor(target)
        identity = _identity(target if descriptor is None else "-", descriptor)
        if identity is None:
            continue
        if identity in seen:
            return f"two outputs to {name}"
        if identity in input_of:
            return f"the output {name} is the input {input_of[identity]}"
        seen.add(identity)
    return ""


def _identity(path: Path, descriptor: int | None) -> object:
    """Return what two paths to one file have in common; None for a device or a closed stream.

    Args:
        path: Path, or '-' for the descriptor.
        descriptor: Descriptor of an open file.
    """
    try:
        status = os.fstat(descriptor) if path == "-" and descriptor is not None else os.stat(path)
    except OSError:
        return None if path == "-" else os.path.realpath(path)
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        return None
    return status.st_dev, status.st_ino
