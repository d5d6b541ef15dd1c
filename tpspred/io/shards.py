"""Shards: every n-th record in a run of its own, and one result of them all."""

import contextlib
import dataclasses
import itertools
import re

import numpy as np

from ..errors import InputError
from . import files, store

COLUMN = "shard:"  # of a shard's table: this and I/N in the header, the record's number in the rows


@dataclasses.dataclass(frozen=True)
class Shard:
    """Records number, number + of, number + 2 of …, counted from 1."""

    number: int
    of: int

    def __str__(self):
        return f"{self.number}/{self.of}"

    @classmethod
    def parse(cls, text):
        """From I/N.

        Raises:
            ValueError: If it is not that, or I is not 1 to N.

        >>> Shard.parse("2/8")
        Shard(number=2, of=8)
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError(text)
        return cls(int(match[1]), int(match[2]))

    def select(self, stream):
        """Its part of a stream."""
        return itertools.islice(stream, self.number - 1, None, self.of)


def merge(sources, target):
    """Make one result of all shards, in the order of the input: of tables, or of stores.

    Returns:
        Number of rows.

    Raises:
        InputError: If shards are missing, come twice, are cut short, or were made by different models or in different ways.
    """
    twice = next((source for source in sources if sources.count(source) > 1), None)
    if twice:
        raise InputError.at(twice, "a shard that is given twice", "each once")
    stores = [source for source in sources if files.is_hdf5(source)]
    if stores and len(stores) < len(sources):
        raise InputError.at(
            next(source for source in sources if source not in stores),
            "a table",
            f"a store like {stores[0]}",
        )
    return (_merge_stores if stores else _merge_tables)(sources, target)


def _merge_tables(sources, target):
    with contextlib.ExitStack() as stack:
        tables = {}
        for source in sources:
            lines = files.lines(stack.enter_context(files.open_bytes(source)), source)
            *header, last = next(lines, (0, ""))[1].split("\t")
            tables[source] = (
                header,
                _shard(last.removeprefix(COLUMN) if last.startswith(COLUMN) else "", source),
                lines,
            )
        ordered = _complete({source: shard for source, (_, shard, _) in tables.items()})
        header = tables[ordered[0]][0]
        with files.open_text_output(target) as handle:
            print(*header, sep="\t", file=handle)
            count, model = 0, None
            for count, (source, row) in enumerate(
                _in_turn({source: tables[source][2] for source in ordered}), 1
            ):
                line, text = row
                *cells, number = text.split("\t")
                if number != str(count) or len(cells) != len(header) or tables[source][0] != header:
                    raise InputError.at(
                        f"{source}, line {line}",
                        f"{len(cells)} columns of record {number}",
                        f"{len(header)} columns of record {count}, as in {ordered[0]}",
                    )
                own = cells[header.index("model")]
                model = model or own
                if own != model:
                    raise InputError.at(
                        f"{source}, line {line}",
                        f"a row of model {own}",
                        f"{model}, as in {ordered[0]}",
                    )
                print(*cells, sep="\t", file=handle)
    return count


def _merge_stores(sources, target):
    tables = {source: store.read(source) for source in sources}
    ordered = _complete({source: _shard(table.shard, source) for source, table in tables.items()})
    parts = [tables[source] for source in ordered]
    for source, part in zip(ordered, parts):
        store.check_alike(part, parts[0], source)
    begins = np.concatenate(
        [[0], np.cumsum([len(part) for part in parts])]
    )  # of the parts laid end to end
    place = [
        row
        for _, row in _in_turn(
            {
                source: iter(range(begin, begin + len(part)))
                for source, begin, part in zip(ordered, begins, parts)
            }
        )
    ]
    gathered = {
        name: [value for part in parts for value in getattr(part, name)] for name in store.TEXTS
    }
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])[place]
        for name in ("embedding", "windows")
    }
    features = (
        None
        if parts[0].features is None
        else np.concatenate([part.features for part in parts])[place]
    )
    store.write(
        dataclasses.replace(
            parts[0],
            shard="",
            features=features,
            **arrays,
            **{name: [values[i] for i in place] for name, values in gathered.items()},
        ),
        target,
    )
    return len(place)


def _shard(text, source):
    try:
        return Shard.parse(text)
    except ValueError:
        raise InputError.at(source, "no shard of a run", "an output of --shard I/N") from None


def _complete(shards):
    """Sources in the order of their shards, which are all of one run.

    Args:
        shards: {source: Shard}.
    """
    of = {shard.of for shard in shards.values()}
    numbers = sorted(shard.number for shard in shards.values())
    if len(of) > 1 or numbers != list(range(1, max(of) + 1)):
        raise InputError.at(
            "shards",
            ", ".join(f"{shard} ({source})" for source, shard in shards.items()),
            f"each of 1/{max(of)} to {max(of)}/{max(of)} once",
        )
    return sorted(shards, key=lambda source: shards[source].number)


def _in_turn(streams):
    """Yield (source, row) from each in turn; a stream that ends ends the round for all that follow.

    Raises:
        InputError: If one has a row where an earlier one has ended.
    """
    ended = None
    while not ended:
        for source, rows in streams.items():
            row = next(rows, None)
            if row is None:
                ended = ended or source
            elif ended:
                raise InputError.at(
                    ended, "fewer rows than its turn", f"as many as {source} shows that there were"
                )
            else:
                yield source, row
