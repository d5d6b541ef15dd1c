"""What every HDF5 file has to be before its content is read: one file that points nowhere else."""

import h5py

from ..errors import TpspredError

MAX_DEPTH = 8  # groups inside groups; no file of this package is as deep


def refuse_pointers(
    group: h5py.Group, source: str, error: type[TpspredError], depth: int = 0
) -> None:
    """Refuse a file that takes content from elsewhere.

    A file of a stranger could otherwise show the content of any file that its reader may open: with
    external or soft links, datasets with external storage, or virtual datasets.

    Args:
        group: Group to look through, with all groups inside.
        source: Name of the file, for the message.
        error: Class of the error.
        depth: Number of groups around this one.

    Raises:
        TpspredError: Of the given class, if the file points elsewhere.
    """
    wanted = "data in the file itself"
    if depth > MAX_DEPTH:
        raise error.at(source, f"more than {MAX_DEPTH} groups inside each other", wanted)
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise error.at(source, f"a link to another place ({name})", wanted)
        item = group[name]
        if isinstance(item, h5py.Group):
            refuse_pointers(item, source, error, depth + 1)
        elif not isinstance(item, h5py.Dataset) or item.is_virtual or item.external:
            raise error.at(source, f"data from another place ({name})", wanted)
