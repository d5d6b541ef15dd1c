"""The whole way from an input to calls. Read me first.

A protein becomes a call in four steps: its record is screened with the family profiles; the match
gives it an embedding and features; the networks score these; the calibrated scores become a call.
The way from labelled enzymes to a model is in ``building``.
"""

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from .encoders.protocol import Encoder, encoder_class
from .encoders.representations import (
    RepresentedProtein,
    records_of,
    represent,
    represent_records,
    represent_rows,
)
from .family.screening import screen
from .io import store
from .io.fasta import ProteinRecord, read_fasta
from .io.files import OpenInput, Source, name_of, open_input
from .io.shards import Dealer, Shard
from .io.store import Representations
from .model.calls import Call
from .model.predictor import NEIGHBOURS, Predictor


def predict(
    opened: OpenInput,
    predictor: Predictor,
    shard: Shard | None = None,
    duplicates: str = "keep",
    strict: bool = False,
    threads: int = 1,
    progress: Callable[[int], object] = lambda count: None,
    neighbours: int = NEIGHBOURS,
    sequence_of: Mapping[str, str] | None = None,
) -> Iterator[Call]:
    """Call the proteins of a FASTA file or of a store, in order.

    Args:
        opened: FASTA, or a store that the encoder of the model made.
        predictor: Model.
        shard: Part of the records to call; all by default.
        duplicates: What to do with an id that occurs twice (see ``io.fasta.read_fasta``).
        strict: Whether an odd record stops the run (see ``io.fasta.read_fasta``).
        threads: CPU threads; the calls do not depend on them.
        progress: Called after every batch with the number of its proteins.
        neighbours: Number of characterised enzymes to compare with.
        sequence_of: ID or accession of a characterised enzyme → its sequence. If it is given,
            called proteins are aligned with their neighbours.

    Raises:
        StoreError: If the input is a store that another encoder made.
    """
    batches = represent_input(opened, predictor, shard, duplicates, strict, threads)
    return predictor.calls(batches, progress, neighbours, sequence_of)


def predict_each(
    inputs: Iterable[OpenInput],
    predictor: Predictor,
    shard: Shard | None = None,
    duplicates: str = "keep",
    strict: bool = False,
    threads: int = 1,
    progress: Callable[[int], object] = lambda count: None,
    neighbours: int = NEIGHBOURS,
    sequence_of: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, Call]]:
    """Call the proteins of several inputs, in order, as those of one.

    The next input is asked for when the one before it is read. The other arguments are those of
    :func:`predict`; ids that occur twice are looked for within each input.

    Yields:
        (name of the input, call).

    Raises:
        StoreError: If an input is a store that another encoder made.
    """
    dealer = Dealer(shard) if shard else None
    for is_store, group in itertools.groupby(inputs, lambda opened: opened.is_hdf5):
        if is_store:
            for opened in group:
                batches = represent_input(opened, predictor, dealer, threads=threads)
                for call in predictor.calls(batches, progress, neighbours, sequence_of):
                    yield opened.name, call
            continue

        # Many small files are searched as one stream. This remembers where its records are from.
        names: collections.deque[str] = collections.deque()
        predictor.encoder.ready()
        records = _records(group, names, dealer, duplicates, strict)
        batches = represent_records(records, predictor.encoder, predictor.feature_names, threads)
        for call in predictor.calls(batches, progress, neighbours, sequence_of):
            yield names.popleft(), call


def _records(
    inputs: Iterable[OpenInput],
    names: collections.deque[str],
    dealer: Dealer | None,
    duplicates: str,
    strict: bool,
) -> Iterator[ProteinRecord]:
    """Yield the records of several FASTA files, and append the name of its file for each.

    Args:
        inputs: The files.
        names: Gets the names.
        dealer: Chooses the records of a shard, if only those are wanted.
        duplicates: What to do with an id that occurs twice in a file.
        strict: Whether an odd record stops the run.
    """
    for opened in inputs:
        records = read_fasta(opened, duplicates, strict)
        for record in dealer.select(records) if dealer else records:
            names.append(opened.name)
            yield record


def represent_input(
    opened: OpenInput,
    predictor: Predictor,
    shard: Shard | Dealer | None = None,
    duplicates: str = "keep",
    strict: bool = False,
    threads: int = 1,
) -> Iterator[list[RepresentedProtein]]:
    """Represent the proteins of a FASTA file or of a store as a model wants them, in batches.

    The arguments are those of :func:`predict`.

    Raises:
        StoreError: If the input is a store that another encoder made.
    """
    encoder, feature_names = predictor.encoder, predictor.feature_names
    if opened.is_hdf5:
        _, table = read_store(opened, encoder)
        rows = range(len(table))
        own_rows = shard.select(rows) if shard else rows
        return represent_rows(table, own_rows, encoder, feature_names, threads)
    encoder.ready()
    records = read_fasta(opened, duplicates, strict)
    own_records = shard.select(records) if shard else records
    return represent_records(own_records, encoder, feature_names, threads)


def read_store(
    source: Source, loaded: Encoder, lend_profiles: bool = False
) -> tuple[Encoder, Representations]:
    """Read representations and check which encoder made them.

    Args:
        source: Store file, or an input that is open already.
        loaded: Encoder of an encoder file or of a model.
        lend_profiles: Whether the store may be made by another encoder. It is identified by its
            name in the store, and gets the profiles of ``loaded``.

    Returns:
        (encoder that made the store; store).

    Raises:
        StoreError: If another encoder made the store.
    """
    table = store.read(source)
    encoder = loaded
    if lend_profiles and table.encoder != loaded.name:
        named_class = encoder_class(table.encoder)
        if named_class is not None:
            encoder = named_class.from_name(
                table.encoder,
                loaded,
                checksum=table.checksum,
                dimension=table.embedding.shape[1],
            )
    store.check_encoder(table, encoder, name_of(source))
    return encoder, table


def read_records(source: Source, duplicates: str = "keep") -> list[ProteinRecord]:
    """Read the proteins of a FASTA file or of a store that can be scored.

    Args:
        source: FASTA file or store.
        duplicates: What to do with an id that occurs twice in FASTA (see ``io.fasta.read_fasta``).
    """
    with open_input(source) as opened:
        if opened.is_hdf5:
            records = records_of(store.read(opened))
        else:
            records = list(read_fasta(opened, duplicates))
    return [record for record in records if not record.problem]


def read_negatives(
    sources: Sequence[Source], encoder: Encoder, threads: int = 1
) -> list[Representations]:
    """Read representations of negatives, and compute those of a FASTA file.

    Args:
        sources: Stores that the encoder made, or FASTA files.
        encoder: Encoder of the model.
        threads: CPU threads; the result does not depend on them.

    Raises:
        StoreError: If one of the stores was made by another encoder.
    """
    tables = []
    for source in sources:
        with open_input(source) as opened:
            if opened.is_hdf5:
                _, table = read_store(opened, encoder)
            else:
                encoder.ready()
                proteins = screen(list(read_fasta(opened)), encoder.profiles, threads)
                table = represent(proteins, encoder, threads)
            tables.append(table)
    return tables
