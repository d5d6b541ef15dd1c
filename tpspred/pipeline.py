"""The whole way from an input to calls. Read me first.

A protein becomes a call in four steps: its record is screened with the family profiles; the match
gives it an embedding and features; the networks score these; the calibrated scores become a call.
The way from labelled enzymes to a model is in ``building``.
"""

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from .encoders.protocol import Encoder, encoder_class
from .encoders.representations import RepresentedProtein, represent_records, represent_rows
from .io import store
from .io.fasta import ProteinRecord, read_fasta
from .io.files import OpenInput, Source, name_of
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
        _, (table,) = read_stores([opened], encoder)
        rows = range(len(table))
        own_rows = shard.select(rows) if shard else rows
        return represent_rows(table, own_rows, encoder, feature_names, threads)
    encoder.ready()
    records = read_fasta(opened, duplicates, strict)
    own_records = shard.select(records) if shard else records
    return represent_records(own_records, encoder, feature_names, threads)


def read_stores(
    sources: Sequence[Source], loaded: Encoder, lend_profiles: bool = False
) -> tuple[Encoder, list[Representations]]:
    """Read representations and check that one encoder made all of them.

    Args:
        sources: Store files, or inputs that are open already.
        loaded: Encoder of an encoder file or of a model.
        lend_profiles: Whether the stores may be made by another encoder. It is identified by the
            name in the first store, and gets the profiles of ``loaded``.

    Returns:
        (encoder that made the stores; stores).

    Raises:
        StoreError: If one of the stores was made by another encoder.
    """
    tables = [store.read(source) for source in sources]
    first = tables[0]
    encoder = loaded
    if lend_profiles and first.encoder != loaded.name:
        named_class = encoder_class(first.encoder)
        if named_class is not None:
            encoder = named_class.from_name(
                first.encoder,
                loaded,
                checksum=first.checksum,
                dimension=first.embedding.shape[1],
            )
    for table, source in zip(tables, sources):
        store.check_encoder(table, encoder, name_of(source))
    return encoder, tables
