"""The HDF5 store of representations: one row per protein, with its embedding and features."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..errors import StoreError
from .fasta import AMINO_ACIDS, MAX_LENGTH_AA, PROBLEMS
from .files import Source, name_of
from .paths import Path
from .sealed import shown

if TYPE_CHECKING:
    import h5py

    from .hdf5 import Content

FORMAT = "tpspred-representations"
FORMAT_VERSION = 4
NO_MATCH = "no_profile_match"
UNSCREENED = "none"
TEXTS = ("ids", "descriptions", "sequences", "problems")
# Dataset → number of its dimensions, and numpy's letters of its type.
NUMBERS = {"lengths": (1, "iu"), "embedding": (2, "f"), "windows": (1, "iu")}
FEATURES = {"features": (2, "f")}
MAX_FLOAT_BYTES = 4  # what is larger does not fit into the float32 of a table
# Attribute of the file → field of Representations.
ATTRIBUTES = {
    "encoder": "encoder",
    "encoder_checksum": "checksum",
    "pooling": "pooling",
    "precision": "precision",
    "screen": "screen",
    "shard": "shard",
}

# What the texts of a store look like. A tab, line break or NUL would forge the rows of a table.
ID = re.compile(r"[^\t\n\r\0 ]+")
DESCRIPTION = re.compile(r"[^\t\n\r\0]*")
SEQUENCE = re.compile(f"X*[{AMINO_ACIDS}][{AMINO_ACIDS}X]*")
WORD = re.compile("[!-~]+")
CHECKSUM = re.compile(r"[0-9a-f]{64}(\+[0-9a-f]{64})*")
TEXT_FORMS = {"ids": ID, "descriptions": DESCRIPTION, "feature_names": WORD}
ATTRIBUTE_FORMS = {
    "encoder": WORD,
    "checksum": CHECKSUM,
    "pooling": re.compile("[ -~]*"),
    "precision": WORD,
    "screen": re.compile(f"[0-9a-f]{{64}}|{UNSCREENED}"),
    "shard": re.compile("([0-9]+/[0-9]+)?"),
}


class EncoderIdentity(Protocol):
    """Identity of an encoder, which a store of its vectors records."""

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
        lengths: (n,) residues of the records; the sequence of a record that cannot be scored is ''.
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
    lengths: NDArray[np.int64]
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
        StoreError: If the table has content that :func:`read` would refuse.
    """
    from . import hdf5  # h5py takes longer to import than a model to read

    _check(table, str(target))
    attributes = {name: getattr(table, field) for name, field in ATTRIBUTES.items()}
    attributes["tpspred_version"] = __version__

    def fill(handle: h5py.File) -> None:
        for name in TEXTS:
            hdf5.add_lines(handle, name, getattr(table, name))
        for name in NUMBERS:
            hdf5.add_array(handle, name, getattr(table, name), compressed=True)
        if table.features is not None:
            hdf5.add_array(handle, "features", table.features, compressed=True)
            hdf5.add_lines(handle, "feature_names", table.feature_names)

    hdf5.write(target, FORMAT, FORMAT_VERSION, attributes, fill)


def read(source: Source) -> Representations:
    """Read a store.

    Args:
        source: HDF5 file or pipe, '-' for standard input, or an open input.

    Raises:
        InputError: If the file cannot be opened.
        StoreError: If the file is no store, is cut short, was altered, or has another format
            version, or if its content is not what tpspred embed writes.
    """
    from . import hdf5  # see write

    with hdf5.reading(source, (FORMAT,), FORMAT_VERSION, StoreError) as content:
        _check_layout(content)
        datasets = content.datasets
        rows = len(datasets["embedding"])
        features = datasets.get("features")
        names = [] if features is None else content.lines("feature_names", features.shape[1])
        table = Representations(
            ids=content.lines("ids", rows),
            descriptions=content.lines("descriptions", rows),
            sequences=content.lines("sequences", rows),
            problems=content.lines("problems", rows),
            lengths=datasets["lengths"][()].astype(np.int64),
            embedding=datasets["embedding"][()].astype(np.float32),
            windows=datasets["windows"][()].astype(np.int32),
            features=None if features is None else features[()].astype(np.float32),
            feature_names=tuple(names),
            **{field: content.attributes[name] for name, field in ATTRIBUTES.items()},
        )
    _check(table, name_of(source))
    return table


def _check_layout(content: Content) -> None:
    """Refuse a store whose datasets are not those of a store, before any of them is read.

    Raises:
        StoreError: If one is missing, or has another type, number of dimensions or of rows.
    """
    from .hdf5 import LINES

    datasets = content.datasets
    has_features = "features" in datasets
    layout_of = NUMBERS | FEATURES if has_features else NUMBERS
    texts = [LINES + name for name in ((*TEXTS, "feature_names") if has_features else TEXTS)]
    missing = [name for name in (*texts, *layout_of) if name not in datasets]
    if missing:
        raise StoreError.at(content.name, f"no {', '.join(missing)}", "a whole store")
    for name, dataset in datasets.items():
        shape, dtype = dataset.shape, dataset.dtype
        dimensions, letters = layout_of.get(name, (0, ""))
        is_text = name in texts and len(shape) == 1 and dtype == np.uint8 and not dataset.chunks
        is_array = len(shape) == dimensions and dtype.kind in letters
        is_large = dtype.kind == "f" and dtype.itemsize > MAX_FLOAT_BYTES
        if not (is_text or is_array) or is_large:
            raise StoreError.at(
                content.name,
                f"{shown(name)} of type {dtype} and shape {shape}",
                "the arrays and texts that tpspred embed writes",
            )
    rows = {name: len(datasets[name]) for name in layout_of}
    if len(set(rows.values())) > 1:
        raise StoreError.at(
            content.name,
            ", ".join(f"{count} {name}" for name, count in rows.items()),
            "the same number of rows in all",
        )


def _check(table: Representations, source: str) -> None:
    """Refuse a table with texts that no FASTA file gives, or numbers that no encoder makes.

    Args:
        table: Content of a store.
        source: Name of the store, for error messages.

    Raises:
        StoreError: If there is one; the message names it.
    """
    for field, form in ATTRIBUTE_FORMS.items():
        if not form.fullmatch(getattr(table, field)):
            raise StoreError.at(
                source, f"{field} '{shown(getattr(table, field))}'", "what tpspred embed writes"
            )
    for field, form in TEXT_FORMS.items():
        odd = next((text for text in getattr(table, field) if not form.fullmatch(text)), None)
        if odd is not None:
            raise StoreError.at(source, f"'{shown(odd)}' among the {field}", "a text as in FASTA")
    rows = zip(table.sequences, table.problems, table.lengths.tolist(), table.windows.tolist())
    for number, row in enumerate(rows, 1):
        if not _is_possible(*row):
            raise StoreError.at(
                source,
                f"row {number} with sequence '{shown(row[0], 20)}', problem '{shown(row[1])}', "
                f"length {row[2]} and {row[3]} windows",
                "a row as tpspred embed writes it",
            )
    for numbers in (table.embedding, table.features):
        if numbers is not None and not np.isfinite(numbers).all():
            raise StoreError.at(source, "a vector that is infinite or no number", "finite numbers")


def _is_possible(sequence: str, problem: str, length_aa: int, windows: int) -> bool:
    """Return whether a row is one that an embedding can have.

    >>> _is_possible("MKV", "", 3, 1), _is_possible("", "empty", 0, 0)
    (True, True)
    >>> _is_possible("MKV", "", 4, 1), _is_possible("MKV", "empty", 3, 0)
    (False, False)
    """
    if problem in PROBLEMS:
        return not sequence and length_aa >= 0 and not windows
    return (
        problem in ("", NO_MATCH)
        and bool(SEQUENCE.fullmatch(sequence))
        and len(sequence) == length_aa <= MAX_LENGTH_AA
        and (windows > 0) == (problem == "")
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
