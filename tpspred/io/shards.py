"""Deal the records of an input out to several runs (shards), and merge what the runs wrote.

The last column of a shard's table numbers its records. The cell of the last row also says that it
is the last one, so that a table that was cut at the end of a row is recognised.
"""

import contextlib
import dataclasses
import itertools
import os
import re
import resource
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from ..errors import InputError
from . import files
from .files import OpenInput
from .outputs import open_text_output
from .paths import Path

# The last column of a shard's table. Its header is this and I/N, and its cells are record numbers.
COLUMN = "shard:"
# What follows the last cell of the table: of its last row, or of its header if there is no row.
LAST, EMPTY = ":last", ":empty"
MAX_SHARDS = 1_000_000
OTHER_FILES = 50  # files that a process opens beside those that it merges

Item = TypeVar("Item")


@dataclasses.dataclass(frozen=True)
class Shard:
    """One of several runs that share an input.

    Attributes:
        number: Number of the shard, counted from 1.
        of: Number of shards, N. The shard has the records ``number``, ``number`` + N,
            ``number`` + 2 N and so on, counted from 1.

    >>> str(Shard(2, 8))
    '2/8'
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Make a shard from its text, I/N.

        Raises:
            ValueError: If the text is not of this form, I is not between 1 and N, or N is above
                1,000,000.

        >>> Shard.parse("2/8")
        Shard(number=2, of=8)
        """
        match = re.fullmatch("([0-9]{1,7})/([0-9]{1,7})", text)
        if not match or not 1 <= int(match[1]) <= int(match[2]) <= MAX_SHARDS:
            raise ValueError(text)
        return cls(int(match[1]), int(match[2]))

    def select(self, stream: Iterable[Item]) -> Iterator[Item]:
        """Yield the items of a stream that belong to this shard.

        >>> list(Shard(2, 3).select("MKVLAW"))
        ['K', 'A']
        """
        return Dealer(self).select(stream)


class Dealer:
    """Deals the records of several inputs out as if they lay end to end in one.

    Args:
        shard: The shard that gets the selected records.

    >>> dealer = Dealer(Shard(2, 3))
    >>> [*dealer.select("MKVL"), *dealer.select("AW")]
    ['K', 'A']
    """

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._passed = 0  # records of this and of earlier inputs

    def select(self, stream: Iterable[Item]) -> Iterator[Item]:
        """Yield the items of the next stream that belong to the shard."""
        for item in stream:
            self._passed += 1
            if (self._passed - self._shard.number) % self._shard.of == 0:
                yield item


def merge(sources: Sequence[Path], target: Path) -> int:
    """Write one table from the tables of all shards, or one store from their stores.

    The rows are in the order of the input, as a single run would have written them.

    Args:
        sources: Tables or stores, one for each shard, in any order.
        target: Table or store to write; '-' is standard output.

    Returns:
        Number of rows.

    Raises:
        InputError: If a shard is missing, is given twice or is cut short, or if different models
            made the shards.
        StoreError: If a store is damaged, or the stores were made in different ways.
    """
    repeated = next((source for source in sources if sources.count(source) > 1), None)
    if repeated:
        raise InputError.at(repeated, "a shard that is given twice", "each once")
    _allow_more_open_files(len(sources) + OTHER_FILES)
    with contextlib.ExitStack() as stack:
        inputs = [stack.enter_context(files.open_input(source)) for source in sources]
        stores = [opened for opened in inputs if opened.is_hdf5]
        if stores and len(stores) < len(inputs):
            table = next(opened for opened in inputs if not opened.is_hdf5)
            raise InputError.at(table.name, "a table", f"a store like {stores[0].name}")
        return _merge_stores(inputs, target) if stores else _merge_tables(inputs, target)


def _allow_more_open_files(more: int) -> None:
    """Let this process open so many files beside those that are open, if it may not yet.

    Raises:
        InputError: If the system does not allow so many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return
    # The limit is raised first: to list the open files opens one more. Files that were open before
    # somebody lowered the limit are not bound by it, so there may be more of them than it allows.
    wanted = 2 * soft + more
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        soft = limit
    count = len(os.listdir("/dev/fd")) - 1 + more
    if count > soft:
        raise InputError.at(
            "shards", "too low a limit of open files", f"{count} or more (see ulimit -Hn)"
        )


@dataclasses.dataclass(frozen=True)
class _OpenTable:
    """A shard's table after its header is read.

    Attributes:
        columns: Column names, without the last one, which names the shard.
        shard: The shard.
        rows: (line number, text) of the remaining lines.
    """

    columns: list[str]
    shard: Shard
    rows: Iterator[tuple[int, str]]


def _open_table(opened: OpenInput) -> _OpenTable:
    rows = files.lines(opened.stream, opened.name)
    _, header = next(rows, (0, ""))
    *columns, last_column = header.split("\t")
    shard_text = last_column.removeprefix(COLUMN) if last_column.startswith(COLUMN) else ""
    shard = _parse_shard(shard_text.removesuffix(EMPTY), opened.name)
    return _OpenTable(columns, shard, _whole(rows, shard_text.endswith(EMPTY), opened.name))


def _whole(rows: Iterator[tuple[int, str]], ended: bool, source: str) -> Iterator[tuple[int, str]]:
    """Pass the rows of a table on, without the mark of the last one.

    Args:
        rows: (line number, text).
        ended: Whether the header says that there is no row.
        source: Name of the table.

    Raises:
        InputError: If the last row has no mark, or another one has it.
    """
    for line, text in rows:
        if ended:
            raise InputError.at(f"{source}, line {line}", "a row behind the last one", "the end")
        ended = text.endswith(LAST)
        yield line, text.removesuffix(LAST)
    if not ended:
        raise InputError.at(source, "a table that is cut short", f"a last row that ends in {LAST}")


def _merge_tables(inputs: Sequence[OpenInput], target: Path) -> int:
    tables = {opened.name: _open_table(opened) for opened in inputs}
    ordered = _in_shard_order({source: table.shard for source, table in tables.items()})
    columns = tables[ordered[0]].columns
    rows = _in_turn({source: tables[source].rows for source in ordered})
    count = 0
    model = None
    if "model" not in columns:
        raise InputError.at(ordered[0], "no column model", "a table of tpspred predict")
    with open_text_output(target) as handle:
        print(*columns, sep="\t", file=handle)
        for source, (line, text) in rows:
            count += 1
            place = f"{source}, line {line}"

            # The row has to be that of the next record, with the same columns.
            *cells, number = text.split("\t")
            same_columns = len(cells) == len(columns) and tables[source].columns == columns
            if number != str(count) or not same_columns:
                raise InputError.at(
                    place,
                    f"{len(cells)} columns of record {number}",
                    f"{len(columns)} columns of record {count}, as in {ordered[0]}",
                )

            # The same model has to have made all rows.
            row_model = cells[columns.index("model")]
            model = model or row_model
            if row_model != model:
                raise InputError.at(
                    place, f"a row of model {row_model}", f"{model}, as in {ordered[0]}"
                )
            print(*cells, sep="\t", file=handle)
    return count


def _merge_stores(inputs: Sequence[OpenInput], target: Path) -> int:
    # Tables are merged in less time than it takes to import these.
    import numpy as np

    from . import store

    tables = {opened.name: store.read(opened) for opened in inputs}
    ordered = _in_shard_order(
        {source: _parse_shard(table.shard, source) for source, table in tables.items()}
    )
    parts = [tables[source] for source in ordered]
    for source, part in zip(ordered, parts):
        store.check_alike(part, parts[0], source)

    # Number the rows of all parts as if they lay end to end, and take one from each part in turn.
    begins = itertools.accumulate((len(part) for part in parts), initial=0)
    row_numbers = {
        source: iter(range(begin, begin + len(part)))
        for source, begin, part in zip(ordered, begins, parts)
    }
    order = [row for _, row in _in_turn(row_numbers)]

    def gather(texts: Iterable[list[str]]) -> list[str]:
        end_to_end = list(itertools.chain.from_iterable(texts))
        return [end_to_end[row] for row in order]

    # Either all parts have features or none has: check_alike has compared their names.
    features = [part.features for part in parts if part.features is not None]
    merged = dataclasses.replace(
        parts[0],
        ids=gather(part.ids for part in parts),
        descriptions=gather(part.descriptions for part in parts),
        sequences=gather(part.sequences for part in parts),
        problems=gather(part.problems for part in parts),
        lengths=np.concatenate([part.lengths for part in parts])[order],
        embedding=np.concatenate([part.embedding for part in parts])[order],
        windows=np.concatenate([part.windows for part in parts])[order],
        features=np.concatenate(features)[order] if features else None,
        shard="",
    )
    store.write(merged, target)
    return len(order)


def _parse_shard(text: str, source: str) -> Shard:
    """Make a shard from its text.

    Raises:
        InputError: If the text is not I/N.
    """
    try:
        return Shard.parse(text)
    except ValueError:
        raise InputError.at(source, "no shard of a run", "an output of --shard I/N") from None


def _in_shard_order(shards: Mapping[str, Shard]) -> list[str]:
    """Return the sources in the order of their shards.

    Raises:
        InputError: If the shards are not all shards of one run, each once.
    """
    shard_counts = {shard.of for shard in shards.values()}
    numbers = sorted(shard.number for shard in shards.values())
    last = max(shard_counts)
    if len(shard_counts) > 1 or numbers != list(range(1, last + 1)):
        raise InputError.at(
            "shards",
            ", ".join(f"{shard} ({source})" for source, shard in shards.items()),
            f"each of 1/{last} to {last}/{last} once",
        )
    return sorted(shards, key=lambda source: shards[source].number)


def _in_turn(streams: Mapping[str, Iterator[Item]]) -> Iterator[tuple[str, Item]]:
    """Yield (source, row) from each stream in turn, as the records were dealt out.

    When a stream ends, every stream after it has to end in the same round.

    Raises:
        InputError: If a stream has a row after an earlier one has ended.
    """
    ended: str | None = None
    while not ended:
        for source, rows in streams.items():
            row = next(rows, None)
            if row is None:
                ended = ended or source
            elif ended:
                raise InputError.at(
                    ended,
                    "too few rows",
                    f"a whole shard ({source} contains a later record)",
                )
            else:
                yield source, row
