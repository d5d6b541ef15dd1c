"""The HDF5 store of representations: one row per protein, with its embedding and features."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..errors import StoreError
from . import files
from .files import Path, Source
from .hdf5 import refuse_pointers

FORMAT = "tpspred-representations"
FORMAT_VERSION = 3
NO_MATCH = "no_profile_match"
UNSCREENED = "none"
TEXTS = ("ids", "descriptions", "sequences", "problems")
# Attribute of the file → field of Representations.
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
    """What a store records about the encoder that made its vectors."""

    @property
    def name(self) -> str:
        """Name, such as ``profile``."""

    @property
    def checksum(self) -> str:
        """SHA-256 of what the encoder learned."""

    @property
    def pooling(self) -> str:
        """How residues become one vector."""

    @property
    def precision(self) -> str:
        """Precision of the arithmetic, such as ``float32``."""

    @property
    def screen(self) -> str:
        """SHA-256 of the profiles that screen the proteins."""


@dataclasses.dataclass(frozen=True)
class Representations:
    """What the network gets, for n proteins.

    Attributes:
        ids: n record IDs.
        descriptions: n FASTA descriptions.
        sequences: n normalised sequences.
        problems: n strings: '' for a row with a vector, ``no_profile_match`` for a protein that did
            not pass the screen, or why the sequence cannot be scored. Rows with a problem are zero.
        embedding: (n, dimension) vectors.
        windows: (n,) passes of the encoder that each row took; 0 for a row with a problem.
        features: (n, 64) engineered features; None before ``tpspred featurize``.
        encoder: Name of the encoder that made the embedding.
        checksum: SHA-256 of the encoder.
        pooling: How residues became one vector.
        precision: Precision of the arithmetic.
        screen: SHA-256 of the profiles of the screen; ``none`` if all proteins were embedded.
        shard: ``I/N`` if the rows are those of a shard, else ''.
        feature_names: Names of the feature columns.
    """

    ids: list[str]
    descriptions: list[str]
    sequences: list[str]
    problems: list[str]
    embedding: NDArray[np.float32]
    windows: NDArray[np.int32]
    features: NDArray[np.float32] | None
    encoder: str
    checksum: str
    pooling: str
    precision: str
    screen: str
    shard: str = ""
    feature_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


def write(table: Representations, target: Path) -> None:
    """Write a store that appears whole or not at all.

    Args:
        table: Representations to write.
        target: HDF5 file; '-' is standard output.

    Raises:
        InputError: If the target cannot be written.
    """
    with files.atomic_path(target) as path, h5py.File(path, "w") as handle:
        handle.attrs.update(
            {"format": FORMAT, "format_version": FORMAT_VERSION, "tpspred_version": __version__}
            | {name: getattr(table, field) for name, field in ATTRIBUTES.items()}
        )
        for name in TEXTS:
            _write_texts(handle, name, getattr(table, name))
        _write_array(handle, "embedding", table.embedding)
        _write_array(handle, "windows", table.windows)
        if table.features is not None:
            _write_array(handle, "features", table.features)
            _write_texts(handle, "feature_names", table.feature_names)


def _write_texts(handle: h5py.File, name: str, texts: Sequence[str]) -> None:
    handle.create_dataset(name, data=np.array(texts, object), dtype=TEXT)


def _write_array(handle: h5py.File, name: str, array: NDArray[Any]) -> None:
    compression = {"compression": "gzip", "shuffle": True} if array.size else {}
    handle.create_dataset(name, data=array, **compression)


def read(source: Source) -> Representations:
    """Read a store.

    Args:
        source: HDF5 file or pipe, '-' for standard input, or an open input.

    Raises:
        InputError: If the file cannot be opened.
        StoreError: If the file is no store or is cut short, has another format version, lacks a
            part, or has parts that differ in their number of rows.
    """
    with files.open_input(source) as opened:
        if not opened.is_hdf5:
            raise StoreError.at(
                opened.name, "a file that is not HDF5", "a store made by tpspred embed"
            )
        try:
            with files.seekable(opened) as stream, h5py.File(stream, "r") as handle:
                refuse_pointers(handle, opened.name, StoreError)
                return _read(handle, opened.name)
        except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            raise StoreError.at(
                opened.name,
                f"a file that HDF5 cannot open ({first_line})",
                "a store made by tpspred embed",
            ) from None


def _read(handle: h5py.File, source: str) -> Representations:
    if handle.attrs.get("format") != FORMAT:
        raise StoreError.at(source, f"format {handle.attrs.get('format', 'unknown')}", FORMAT)
    if handle.attrs["format_version"] != FORMAT_VERSION:
        raise StoreError.at(
            source, f"format version {handle.attrs['format_version']}", str(FORMAT_VERSION)
        )
    missing = [name for name in (*TEXTS, "embedding", "windows") if name not in handle]
    if missing:
        raise StoreError.at(source, f"no {', '.join(missing)}", "a whole store")
    has_features = "features" in handle
    table = Representations(
        ids=_read_texts(handle, "ids"),
        descriptions=_read_texts(handle, "descriptions"),
        sequences=_read_texts(handle, "sequences"),
        problems=_read_texts(handle, "problems"),
        embedding=handle["embedding"][()].astype(np.float32),
        windows=handle["windows"][()],
        features=handle["features"][()] if has_features else None,
        feature_names=tuple(_read_texts(handle, "feature_names")) if has_features else (),
        **{field: handle.attrs[name] for name, field in ATTRIBUTES.items()},
    )
    _check_rows(table, source)
    return table


def _read_texts(handle: h5py.File, name: str) -> list[str]:
    texts: list[str] = handle[name].asstr()[()].tolist()
    return texts


def _check_rows(table: Representations, source: Path) -> None:
    """Refuse a store whose parts differ in their number of rows.

    Raises:
        StoreError: If the numbers differ; the message lists them.
    """
    rows = {name: len(getattr(table, name)) for name in (*TEXTS, "embedding", "windows")}
    if table.features is not None:
        rows["features"] = len(table.features)
    if len(set(rows.values())) > 1:
        raise StoreError.at(
            source,
            ", ".join(f"{count} {name}" for name, count in rows.items()),
            "the same number of rows in all",
        )


def features_named(table: Representations, names: Sequence[str]) -> NDArray[np.float32]:
    """Return the features of a store that have the given names, in this order.

    Args:
        table: Content of a store of n proteins.
        names: Names of the wanted features.

    Returns:
        (n, names) features.

    Raises:
        StoreError: If the store has no features, or lacks a wanted one.
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


def check_encoder(table: Representations, encoder: EncoderIdentity, source: Path) -> None:
    """Refuse a store that another encoder made, or that other profiles screened.

    Args:
        table: Content of the store.
        encoder: Encoder that should have made it.
        source: Path of the store, for error messages.

    Raises:
        StoreError: If the store does not fit the encoder; the message names both.
    """
    _require_equal(
        source,
        "an embedding by {}",
        f"{table.encoder} {_short(table.checksum)}",
        f"{encoder.name} {_short(encoder.checksum)}",
    )
    _require_equal(source, "pooling '{}'", table.pooling, encoder.pooling)
    if table.screen != UNSCREENED:
        _require_equal(
            source, "rows screened by profiles {}", table.screen[:12], encoder.screen[:12]
        )


def check_alike(table: Representations, other: Representations, source: Path) -> None:
    """Refuse to merge two stores that were made in different ways.

    Args:
        table: Content of the store to check.
        other: Content of the store that it is to be merged with.
        source: Path of the store to check, for error messages.

    Raises:
        StoreError: If the stores differ; the message names both ways.
    """
    for description, field in (
        ("an embedding by {}", "encoder"),
        ("an encoder with checksum {}", "checksum"),
        ("pooling '{}'", "pooling"),
        ("vectors in {}", "precision"),
        ("rows screened by {}", "screen"),
    ):
        _require_equal(source, description, getattr(table, field), getattr(other, field))
    own, others = table.feature_names, other.feature_names
    _require_equal(source, "{} features", str(len(own)), str(len(others)))
    differing = [(name, wanted) for name, wanted in zip(own, others) if name != wanted]
    _require_equal(
        source,
        "features {}",
        ", ".join(name for name, _ in differing),
        ", ".join(wanted for _, wanted in differing),
    )


def check_extension(
    table: Representations, encoder: EncoderIdentity, screened: bool, shard: str, source: Path
) -> None:
    """Refuse to add rows to a store whose rows were made in another way.

    Args:
        table: Content of the store.
        encoder: Encoder that makes the new rows.
        screened: Whether the new rows are screened with the encoder's profiles.
        shard: ``I/N`` if the new rows are those of a shard, else ''.
        source: Path of the store, for error messages.

    Raises:
        StoreError: If old and new rows differ; the message names both ways.
    """
    check_encoder(table, encoder, source)
    _require_equal(source, "vectors in {}", table.precision, encoder.precision)
    _require_equal(
        source,
        "rows screened by {}",
        table.screen[:12],
        encoder.screen[:12] if screened else UNSCREENED,
    )
    _require_equal(source, "shard {}", table.shard or "1/1", shard or "1/1")


def _require_equal(source: Path, description: str, value: str, wanted: str) -> None:
    """Compare what a store says about itself with what is wanted.

    Raises:
        StoreError: If the two differ; the braces of the description are filled with the value.
    """
    if value != wanted:
        raise StoreError.at(source, description.format(value), wanted)


def _short(checksum: str) -> str:
    """Return the beginning of a checksum, or of each part of a checksum of joined encoders."""
    return "+".join(part[:12] for part in checksum.split("+"))
