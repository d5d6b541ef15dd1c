"""Changes of HDF5 files: damaged bytes, and other content with or without a new seal."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import re
import sys
from collections.abc import Callable

from .mutations import BYTES, mutate

Change = Callable[[bytes, str], bytes]  # function of a file and a seed; see Bases.changed
# h5py and numpy are imported where they are needed: the campaign starts without them.

SEAL = b"\ntpspred-sha256:"
# What h5py raises for a change that HDF5 cannot store.
REFUSED_BY_HDF5 = (OSError, LookupError, ValueError, TypeError, RuntimeError, ArithmeticError)
LARGEST = 1_000_000  # elements of a dataset that is read to be changed
SECRET = "/etc/passwd"  # what a crafted file points to
SCRIPT = "</script><script>alert(1)</script>"


def unsealed(data: bytes) -> bytes:
    """Return an HDF5 file without its seal."""
    return re.sub(re.escape(SEAL) + rb"[0-9a-f]{64}\n$", b"", data)


def sealed(data: bytes) -> bytes:
    """Return an HDF5 file with a seal."""
    return data + SEAL + hashlib.sha256(data).hexdigest().encode() + b"\n"


def damaged_hdf5(rng: random.Random, data: bytes, change: Change) -> bytes:
    """Return an HDF5 file whose bytes or content were changed without a new seal."""
    if rng.random() < 0.8:
        return mutate(rng, data, BYTES)
    plain = unsealed(data)
    return change(plain, str(rng.random())) + data[len(plain) :]


def crafted_hdf5(rng: random.Random, data: bytes, change: Change) -> bytes:
    """Return an HDF5 file whose content or bytes were changed, with a new seal."""
    plain = unsealed(data)
    if rng.random() < 0.2:
        return sealed(mutate(rng, plain, BYTES))
    return sealed(change(plain, str(rng.random())))


def main() -> None:
    """Change the content of an HDF5 file in place: types, shapes, names, links, values.

    The arguments are its path and a seed. HDF5 may crash over what it has made; therefore this runs
    in a process of its own.
    """
    import h5py
    import numpy as np

    path, seed = sys.argv[1:]
    rng = random.Random(seed)
    with (
        np.errstate(all="ignore"),
        contextlib.suppress(*REFUSED_BY_HDF5),
        h5py.File(path, "r+") as handle,
    ):
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            names = _datasets(handle)
            rng.choice(CHANGES)(rng, handle, rng.choice(names))
        if "sha256" in handle.attrs:
            handle.attrs["sha256"] = np.bytes_(content_checksum(handle).encode())


def content_checksum(handle) -> str:
    """Return the checksum that a model has of its content, as one who forges it would."""
    import numpy as np

    digest = hashlib.sha256()
    for name in sorted(_datasets(handle)):
        value = handle[name][()]
        is_text = isinstance(value, bytes)
        data = value if is_text else np.ascontiguousarray(value).tobytes()
        kind = "text" if is_text else f"{np.asarray(value).dtype.str}{np.shape(value)}"
        digest.update(f"{name}\0{kind}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _datasets(handle) -> list[str]:
    """Return the paths of the datasets of a file that are small enough to be read."""
    names: list[str] = []

    def visit(name: str, item: object) -> None:
        if getattr(item, "size", None) is not None and item.size < LARGEST:
            names.append(name)

    handle.visititems(visit)
    return names


def _odd_value(rng: random.Random) -> object:
    import h5py
    import numpy as np

    return rng.choice(
        [
            np.float64("nan"), np.float64(1e300), np.int64(-1), np.uint64(2**64 - 1), "x", "",
            b"\xff", "a\nb", "a\tb", SCRIPT, np.bytes_(SCRIPT), np.zeros(0), np.zeros((2, 2)),
            np.zeros(3, "c16"), np.zeros(2, [("a", "i4"), ("b", "S3")]), h5py.Empty("f4"), True,
        ]
    )  # fmt: skip


def _attribute(rng: random.Random, handle, name: str) -> None:
    """Change an attribute of the file or of a dataset."""
    target = handle if rng.random() < 0.8 else handle[name]
    key = rng.choice([*target.attrs, "x"])
    target.attrs[key] = _odd_value(rng)


def _value(rng: random.Random, handle, name: str) -> None:
    """Change one number."""
    dataset = handle[name]
    if dataset.shape and dataset.size:
        index = tuple(rng.randrange(size) for size in dataset.shape)
        dataset[index] = rng.choice([float("nan"), float("inf"), -1, 0, 1e30, 255, 10, 62])


def _content(rng: random.Random, handle, name: str) -> None:
    """Change the bytes of texts, or a JSON text."""
    import numpy as np

    data = np.asarray(handle[name][()]).tobytes()
    kind = handle[name].dtype.kind
    del handle[name]
    if kind == "S" and rng.random() < 0.6:
        with contextlib.suppress(ValueError):
            data = changed_json(rng, data)
    else:
        data = mutate(rng, data)
    handle[name] = np.bytes_(data) if kind == "S" else np.frombuffer(data, np.uint8)


def changed_json(rng: random.Random, text: bytes) -> bytes:
    """Return a JSON value in which something is another value."""
    value = json.loads(text)
    odd = [None, True, [], {}, "", "x" * 1000, SCRIPT, -1, 0, 1e308, 10**30, [[]], float("nan")]
    if rng.random() < 0.2 or not isinstance(value, (dict, list)) or not value:
        return json.dumps(rng.choice([*odd, [value], "[" * 100_000])).encode()
    inner = value
    while True:  # go down to some depth
        key = rng.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
        if not isinstance(inner[key], (dict, list)) or not inner[key] or rng.random() < 0.3:
            break
        inner = inner[key]
    inner[key] = rng.choice(odd)
    return json.dumps(value).encode()


def _replace(rng: random.Random, handle, name: str) -> None:
    del handle[name]
    handle[name] = _odd_value(rng)


def _shape(rng: random.Random, handle, name: str) -> None:
    """Give an array another shape: longer, shorter, flat, or with one more axis."""
    import numpy as np

    content = np.asarray(handle[name][()])
    shapes = [np.repeat(content, 2), np.ravel(content)[:-1], content[None], content.T]
    del handle[name]
    handle[name] = rng.choice(shapes)


def _type(rng: random.Random, handle, name: str) -> None:
    """Give an array another type."""
    import numpy as np

    shape = handle[name].shape
    del handle[name]
    new = rng.choice(["f8", "i8", "u1", "S8", "c16", ">f2", "O"])
    handle[name] = np.full(shape, "1", object) if new == "O" else np.zeros(shape, new)


def _link(rng: random.Random, handle, name: str) -> None:
    """Put a link in the place of a dataset."""
    import h5py

    target = "/" + rng.choice(_datasets(handle))
    del handle[name]
    handle[name] = rng.choice([h5py.SoftLink(target), h5py.ExternalLink(SECRET, "/")])


def _virtual(rng: random.Random, handle, name: str) -> None:
    """Put a virtual dataset in the place of a dataset."""
    import h5py

    shape = handle[name].shape or (1,)
    source = rng.choice(_datasets(handle))
    del handle[name]
    layout = h5py.VirtualLayout(shape=shape, dtype="f4")
    layout[...] = h5py.VirtualSource(".", source, shape=shape)
    handle.create_virtual_dataset(name, layout)


def _external(rng: random.Random, handle, name: str) -> None:
    """Put the bytes of another file in the place of a dataset."""
    shape, kind = handle[name].shape or (8,), rng.choice(["S8", "u1"])
    del handle[name]
    handle.create_dataset(name, shape, kind, external=[(SECRET, 0, 2**20)])


def _huge(rng: random.Random, handle, name: str) -> None:
    """Declare an array that is larger than any memory, and store nothing of it."""
    kind = handle[name].dtype
    del handle[name]
    shape = rng.choice([(2**40,), (10**6, 10**7), (2**31, 2), (0, 10**9), (10**9, 0)])
    chunks = tuple(min(max(size, 1), 64) for size in shape)
    handle.create_dataset(name, shape, kind if kind.kind in "fiu" else "f4", chunks=chunks)


def _bomb(rng: random.Random, handle, name: str) -> None:
    """Store an array of zeros that is small as long as it is compressed."""
    kind = handle[name].dtype
    del handle[name]
    shape = (2**26,)
    dataset = handle.create_dataset(
        name, shape, kind if kind.kind in "fiu" else "f4", compression="gzip", chunks=shape
    )
    dataset[:10] = 1


def _group(rng: random.Random, handle, name: str) -> None:
    """Put a group in the place of a dataset."""
    del handle[name]
    handle.create_group(f"{name}/deeper")


def _extra(rng: random.Random, handle, name: str) -> None:
    """Add a dataset that does not belong there."""
    handle[rng.choice(["x", "x/y", "\x1b", "a b", f"{name}2"])] = handle[name][()]


def _delete(rng: random.Random, handle, name: str) -> None:
    del handle[name]


CHANGES: tuple[Callable[[random.Random, object, str], None], ...] = (
    _attribute, _attribute, _value, _value, _content, _content, _content, _replace, _shape, _shape,
    _type, _link, _virtual, _external, _huge, _bomb, _group, _extra, _delete,
)  # fmt: skip
