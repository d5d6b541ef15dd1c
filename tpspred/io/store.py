"""HDF5 store of representations: row-aligned ids, sequences, embedding and features."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..errors import StoreError
from . import files

FORMAT = "tpspred-representations"
FORMAT_VERSION = 3
NO_MATCH = "no_profile_match"
UNSCREENED = "none"
TEXTS = ("ids", "descriptions", "sequences", "problems")
ATTRIBUTES = {
    "encoder": "encoder",
    "encoder_checksum": "checksum",
    "pooling": "pooling",
    "precision": "precision",
    "screen": "screen",
    "shard": "shard",
}
TEXT = h5py.string_dtype()


class EncoderIdentity(Protocol):
    """What a store records about the encoder that made its vectors.

    Attributes:
        name: Name, such as ``profile``.
        checksum: SHA-256 of what the encoder learned.
        pooling: How residues become one vector.
        precision: Precision of the arithmetic.
        screen: SHA-256 of the profiles that screen the proteins.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def checksum(self) -> str: ...  # noqa: D102

    @property
    def pooling(self) -> str: ...  # noqa: D102

    @property
    def precision(self) -> str: ...  # noqa: D102

    @property
    def screen(self) -> str: ...  # noqa: D102


@dataclasses.dataclass(frozen=True)
class Representations:
    """What the network is given, for n proteins.

    Attributes:
        ids, descriptions, sequences: Lists of n strings.
        problems: n strings: '' if the row is usable, ``no_profile_match`` if the screen let it go, or why the sequence
            cannot be scored; rows with a problem are zero.
        embedding: (n, dimension) float32.
        windows: (n,) int32 passes of the encoder that the row took; 0 if it has a problem.
        features: (n, 64) float32, or None before ``featurize``.
        encoder, checksum: Name and SHA-256 of the encoder that made the embedding.
        pooling, precision: How residues became one vector, and the precision of the arithmetic.
        screen: SHA-256 of the profiles of the screen, or ``none``.
        shard: ``I/N`` if the rows are those of a shard, else ''.
        feature_names: Names of the feature columns.
    """

    ids: list
    descriptions: list
    sequences: list
    problems: list
    embedding: np.ndarray
    windows: np.ndarray
    features: np.ndarray | None
    encoder: str
    checksum: str
    pooling: str
    precision: str
    screen: str
    shard: str = ""
    feature_names: tuple = ()

    def __len__(self):
        return len(self.ids)


def write(table, target):
    """Write a store under a temporary name and rename it; '-' goes to standard output."""
    with files.atomic_path(target) as path, h5py.File(path, "w") as handle:
        handle.attrs.update(
            {"format": FORMAT, "format_version": FORMAT_VERSION, "tpspred_version": __version__}
            | {name: getattr(table, field) for name, field in ATTRIBUTES.items()}
        )
        for name in TEXTS:
            handle.create_dataset(name, data=np.array(getattr(table, name), object), dtype=TEXT)
        handle.create_dataset("embedding", data=table.embedding, **_packed(table.embedding))
        handle.create_dataset("windows", data=table.windows, **_packed(table.windows))
        if table.features is not None:
            handle.create_dataset("features", data=table.features, **_packed(table.features))
            handle.create_dataset(
                "feature_names", data=np.array(table.feature_names, object), dtype=TEXT
            )


def read(source):
    """Read a store, '-' for standard input.

    Raises:
        StoreError: If it is cut short, not a store, of another format version, without a part, or its rows disagree.
    """
    with files.seekable(source) as path:
        try:
            with h5py.File(path, "r") as handle:
                return _read(handle, source)
        except OSError as error:
            raise StoreError.at(
                source,
                f"a file that HDF5 cannot open ({_first_line(error)})",
                "a store made by tpspred embed",
            ) from None


def _read(handle, source):
    if handle.attrs.get("format") != FORMAT:
        raise StoreError.at(source, f"format {handle.attrs.get('format', 'unknown')}", FORMAT)
    if handle.attrs["format_version"] != FORMAT_VERSION:
        raise StoreError.at(
            source, f"format version {handle.attrs['format_version']}", str(FORMAT_VERSION)
        )
    missing = [name for name in (*TEXTS, "embedding", "windows") if name not in handle]
    if missing:
        raise StoreError.at(source, f"no {', '.join(missing)}", "a whole store")
    parts = {name: handle[name].asstr()[()].tolist() for name in TEXTS}
    features = handle["features"][()] if "features" in handle else None
    table = Representations(
        **parts,
        embedding=handle["embedding"][()].astype(np.float32),
        windows=handle["windows"][()],
        features=features,
        **{field: handle.attrs[name] for name, field in ATTRIBUTES.items()},
        feature_names=tuple(handle["feature_names"].asstr()[()]) if features is not None else (),
    )
    rows = {name: len(part) for name, part in parts.items()} | {
        "embedding": len(table.embedding),
        "windows": len(table.windows),
    }
    if features is not None:
        rows["features"] = len(features)
    if len(set(rows.values())) > 1:
        raise StoreError.at(
            source,
            ", ".join(f"{count} {name}" for name, count in rows.items()),
            "the same number of rows in all",
        )
    return table


def features_named(table: Representations, names: Sequence[str]) -> NDArray[np.float32]:
    """Return some features of a store.

    Args:
        table: Store of n proteins.
        names: Names of the wanted features.

    Returns:
        (n, names) features.

    Raises:
        StoreError: If the store has no features, or lacks one of these.
    """
    if table.features is None:
        raise StoreError.at(
            "representations", "no features", "a store that went through tpspred featurize"
        )
    absent = [name for name in names if name not in table.feature_names]
    if absent:
        raise StoreError.at(
            "representations",
            f"no feature {', '.join(absent)}",
            "a store that this version of tpspred featurize made",
        )
    if tuple(names) == table.feature_names:
        return table.features
    return table.features[:, [table.feature_names.index(name) for name in names]]


def check_encoder(table, encoder, source):
    """Refuse a store that another encoder made, or that the profiles of another screened.

    Raises:
        StoreError: Naming both.
    """
    _same(
        source,
        "an embedding by {}",
        f"{table.encoder} {_short(table.checksum)}",
        f"{encoder.name} {_short(encoder.checksum)}",
    )
    _same(source, "pooling '{}'", table.pooling, encoder.pooling)
    if table.screen != UNSCREENED:
        _same(source, "rows screened by profiles {}", table.screen[:12], encoder.screen[:12])


def check_alike(table, other, source):
    """Refuse a store that was made in another way than one it is to be merged with.

    Raises:
        StoreError: Naming both ways.
    """
    for what, field in (
        ("an embedding by {}", "encoder"),
        ("an encoder with checksum {}", "checksum"),
        ("pooling '{}'", "pooling"),
        ("vectors in {}", "precision"),
        ("rows screened by {}", "screen"),
    ):
        _same(source, what, getattr(table, field), getattr(other, field))
    _same(source, "features {}", ", ".join(table.feature_names), ", ".join(other.feature_names))


def check_extension(table, encoder, screened, shard, source):
    """Refuse to add rows to a store whose rows were made in another way.

    Raises:
        StoreError: Naming both ways.
    """
    check_encoder(table, encoder, source)
    _same(source, "vectors in {}", table.precision, encoder.precision)
    _same(
        source,
        "rows screened by {}",
        table.screen[:12],
        encoder.screen[:12] if screened else UNSCREENED,
    )
    _same(source, "shard {}", table.shard or "1/1", shard or "1/1")


def _same(source, what, found, wanted):
    if found != wanted:
        raise StoreError.at(source, what.format(found), wanted)


def _short(checksum):
    """The beginning of a checksum, or of each of those that it is made of."""
    return "+".join(part[:12] for part in checksum.split("+"))


def _packed(array):
    return {"compression": "gzip", "shuffle": True} if array.size else {}


def _first_line(error):
    return str(error).splitlines()[0]
