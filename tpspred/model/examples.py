"""Training examples: labelled enzymes and negatives, gathered from their stores."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..console import detail
from ..dataset.enzymes import Enzyme
from ..dataset.labels import IS_TPS, Label, known_targets, label_targets, structure_targets
from ..errors import StoreError
from ..family.alignment import identity_matrix
from ..family.features import FEATURES
from ..io.store import Representations, features_named

DOUBTFUL_IDENTITY = 0.4  # identity to a terpene synthase from which a negative is doubtful
# With fewer enzymes that share their labels with another, an input may look like a leak by chance,
# so it is not tested.
MIN_REPEATED_LABELS = 100


@dataclasses.dataclass(frozen=True)
class Examples:
    """The inputs and the known answers of n proteins that passed the screen.

    Attributes:
        ids: IDs of the n proteins.
        sequences: Sequences of the n proteins.
        embedding: (n, dimension) vectors, not scaled.
        features: (n, features) engineered features, not scaled.
        feature_names: Names of the features, in order.
        targets: (n, labels) 0/1.
        mask: (n, labels) 1 where the target is known.
        products: (n, products) 0/1, 1 where the enzyme makes the product.
        structures: Structures of these products as SMILES without stereochemistry.
        identities: (n, n) pairwise identity, 0–1.
    """

    ids: list[str]
    sequences: list[str]
    embedding: NDArray[np.float32]
    features: NDArray[np.float32]
    feature_names: tuple[str, ...]
    targets: NDArray[np.float32]
    mask: NDArray[np.float32]
    products: NDArray[np.float32]
    structures: list[str]
    identities: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_enzyme(self) -> NDArray[np.bool_]:
        """(n,) whether a protein is a characterised enzyme.

        The other proteins are negatives. Of their targets only is-a-terpene-synthase is known.
        """
        return (self.mask > 0).sum(1) > 1

    def products_among(self, structures: Sequence[str]) -> NDArray[np.float32]:
        """Return which of some products the proteins make, as an (n, structures) array of 0 and 1.

        Args:
            structures: Structures of products as SMILES without stereochemistry.
        """
        column_of = {smiles: i for i, smiles in enumerate(self.structures)}
        padded = np.concatenate([self.products, np.zeros((len(self), 1), np.float32)], 1)
        return padded[:, [column_of.get(smiles, -1) for smiles in structures]]

    def without_identities(self) -> "Examples":
        """Return the same examples without what is as large as their number squared."""
        return dataclasses.replace(self, identities=np.zeros((0, 0), np.float32))

    def subset(self, rows: NDArray[np.int64]) -> "Examples":
        """Return the examples of some proteins.

        Args:
            rows: Indices of the proteins.
        """
        return Examples(
            ids=[self.ids[i] for i in rows],
            sequences=[self.sequences[i] for i in rows],
            embedding=self.embedding[rows],
            features=self.features[rows],
            feature_names=self.feature_names,
            targets=self.targets[rows],
            mask=self.mask[rows],
            products=self.products[rows],
            structures=self.structures,
            identities=self.identities[np.ix_(rows, rows)],
        )


def gather_examples(
    enzymes: Sequence[Enzyme],
    store: Representations,
    negatives: Sequence[Representations],
    labels: Sequence[Label],
    feature_names: Sequence[str] | None = None,
    threads: int = 1,
) -> Examples:
    """Gather labelled enzymes and negatives from their representations.

    Negatives have one known target: they are not terpene synthases. A negative is left out if its
    nearest enzyme, at 40 % identity or more, is a terpene synthase. It is more likely unlabelled
    than negative, because large samples of negatives contain uncharacterised members of the
    family. Proteins that did not pass the screen are left out too.

    Args:
        enzymes: Labelled enzymes.
        store: Representations that contain the sequence of every enzyme.
        negatives: Representations of proteins that are not terpene synthases.
        labels: Labels, one for each column of the targets.
        feature_names: Names of the wanted features, in order; by default those of the store.
        threads: CPU threads; the result does not depend on them.

    Raises:
        StoreError: If a store lacks features, an enzyme is not in the store, or an input leaks the
            labels.
    """
    wanted = tuple(store.feature_names if feature_names is None else feature_names)
    unknown = [name for name in store.feature_names if name not in FEATURES]
    if unknown and feature_names is None:
        raise StoreError.at(
            "representations",
            f"feature {', '.join(unknown)}, which this version does not compute",
            "a store that this version of tpspred featurize made",
        )
    row_of = {sequence: i for i, sequence in enumerate(store.sequences)}
    absent = [enzyme.id for enzyme in enzymes if enzyme.sequence not in row_of]
    if absent:
        raise StoreError.at(
            "representations",
            f"no row for {absent[0]} and {len(absent) - 1} others",
            "every sequence of the dataset",
        )

    # The rows of each store: first the enzymes, then the negatives.
    passed = [enzyme for enzyme in enzymes if not store.problems[row_of[enzyme.sequence]]]
    enzyme_sequences = {enzyme.sequence for enzyme in enzymes}
    parts = [
        (store, [row_of[enzyme.sequence] for enzyme in passed]),
        *_new_rows(negatives, enzyme_sequences),
    ]
    sequences = [table.sequences[i] for table, rows in parts for i in rows]

    # The targets of negatives are 0, and only the one for is-a-terpene-synthase is known.
    targets = label_targets(passed, labels)  # (enzymes, labels)
    known = known_targets(passed, labels)  # (enzymes, labels)
    structures, products = structure_targets(passed)  # (enzymes, products)
    others = len(sequences) - len(passed)
    only_tps = np.array([label == IS_TPS for label in labels], np.float32)
    gathered = Examples(
        ids=[table.ids[i] for table, rows in parts for i in rows],
        sequences=sequences,
        embedding=np.concatenate([table.embedding[rows] for table, rows in parts]),
        features=np.concatenate([features_named(table, wanted)[rows] for table, rows in parts]),
        feature_names=wanted,
        targets=np.concatenate([targets, np.zeros((others, len(labels)), np.float32)]),
        mask=np.concatenate([known, np.tile(only_tps, (others, 1))]),
        products=np.concatenate([products, np.zeros((others, products.shape[1]), np.float32)]),
        structures=structures,
        identities=identity_matrix(sequences, threads),
    )
    refuse_leaked_labels(gathered)
    return _without_doubtful(gathered, np.array([enzyme.is_tps for enzyme in passed]))


def _new_rows(
    tables: Iterable[Representations], known: Iterable[str]
) -> Iterator[tuple[Representations, list[int]]]:
    """Yield each store with the rows of its new proteins.

    Args:
        tables: Stores.
        known: Sequences that are not new.

    Yields:
        (store, indices of the rows that passed the screen and whose sequence did not occur before).
    """
    seen = set(known)
    for table in tables:
        rows = []
        for i, sequence in enumerate(table.sequences):
            if not table.problems[i] and sequence not in seen:
                seen.add(sequence)
                rows.append(i)
        yield table, rows


def refuse_leaked_labels(examples: Examples) -> None:
    """Reject inputs that leak the labels.

    An input leaks the labels if all enzymes with the same labels have the same value, and other
    enzymes have other values: it was computed from the labels.

    Raises:
        StoreError: If an input leaks; the message names the feature or the axis of the embedding.
    """
    # (enzymes,) group of each enzyme; enzymes in one group have the same labels.
    rows = np.flatnonzero(examples.is_enzyme)
    _, group = np.unique(examples.targets[rows], axis=0, return_inverse=True)
    group = group.ravel()
    repeated = np.bincount(group)[group] > 1
    if repeated.sum() < MIN_REPEATED_LABELS:
        return

    # (repeated, inputs) in the order of the groups, and the row at which each group starts.
    inputs = np.concatenate([examples.embedding[rows], examples.features[rows]], 1)[repeated]
    order = np.argsort(group[repeated], kind="stable")
    inputs = inputs[order]
    starts = np.flatnonzero(np.diff(group[repeated][order], prepend=-1))

    # (inputs,) whether an input has one value within every group.
    constant = (np.maximum.reduceat(inputs, starts) == np.minimum.reduceat(inputs, starts)).all(0)
    leaked = np.flatnonzero(constant & (np.ptp(inputs, axis=0) > 0))
    if len(leaked):
        column = leaked[0] - examples.embedding.shape[1]
        name = f"embedding axis {leaked[0] + 1}"
        if column >= 0:
            name = f"feature {examples.feature_names[column]}"
        raise StoreError.at(
            "representations",
            f"{name}, which is a function of the labels",
            "inputs that follow from the sequence alone",
        )


def _without_doubtful(examples: Examples, is_tps: NDArray[np.bool_]) -> Examples:
    """Leave out negatives that are more similar to a terpene synthase than to any other enzyme.

    Args:
        examples: Enzymes, then negatives.
        is_tps: (enzymes,) whether an enzyme is a terpene synthase.
    """
    to_enzymes = examples.identities[len(is_tps) :, : len(is_tps)]  # (negatives, enzymes)
    nearest_tps = np.where(is_tps, to_enzymes, 0).max(1)
    nearest_other = np.where(is_tps, 0, to_enzymes).max(1)
    doubtful = (nearest_tps >= DOUBTFUL_IDENTITY) & (nearest_tps > nearest_other)
    detail("%d negatives left out: nearest to a terpene synthase", doubtful.sum())
    kept = np.append(np.arange(len(is_tps)), len(is_tps) + np.flatnonzero(~doubtful))
    return examples.subset(kept)
