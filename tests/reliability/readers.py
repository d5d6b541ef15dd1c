"""Damaged inputs for every reader. A function makes a case from a random generator."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import lzma
import random
from collections.abc import Callable

from . import fasta
from .bases import FORMATS, SHARDS, Bases
from .cases import Case
from .command_lines import command_line, odd_path
from .hdf5_changes import SCRIPT, changed_json, crafted_hdf5, damaged_hdf5
from .mutations import BYTES, TEXTS, change_cells, mutate

MakeCase = Callable[[random.Random, Bases], Case]
OLD = b"an output of an earlier run\n"


def gzip_compress(data: bytes) -> bytes:
    """Return data compressed with gzip, the same at any time."""
    return gzip.compress(data, mtime=0)


def old_or_none(rng: random.Random) -> bytes | None:
    """Return the content of an output that is there before, or None."""
    return rng.choice((OLD, None))


def some_records(rng: random.Random, bases: Bases) -> list[bytes]:
    """Return one to four of the proteins, in random order."""
    records = bases.records()
    return rng.sample(records, rng.choice((1, 2, 2, 3, 4)))


def odd_records(rng: random.Random, bases: Bases) -> bytes:
    """Return FASTA in which some records are odd, but none of it is damaged."""
    records = some_records(rng, bases)
    odd = [
        b">\nMKV\n",
        b">  \nMKV\n",
        b">\tid of words\nMKV\n",
        b">empty\n",
        b">empty2\n\n\n",
        b">stop\nMK*LV\n",
        b">stops\nMKLV**\n",
        b">only_stop\n*\n",
        b">unknown\nXXXX\n",
        b">digit\nMK4V\n",
        b">gap\nMK-V.L\n",
        b">lower\nmkvlaw\n",
        b">rare\nMUOBZJ\n",
        b">dna\n" + b"ACGTTGCA" * 20 + b"\n",
        b">rna n\n" + b"ACGUNN" * 20 + b"\n",
        b">peptide\nACGTACGT\n",
        b">spaces\nMK V\tL\n A \n",
        b">long\n" + b"M" * rng.choice((99_999, 100_000, 100_001, 300_000)) + b"\n",
        b">long_header " + b"x" * rng.choice((100, 9_999, 70_000)) + b"\nMKV\n",
        b">text " + rng.choice(TEXTS).replace(b"\0", b"") + b"\nMKV\n",
        b">" + rng.choice(TEXTS).replace(b"\0", b"").replace(b"\n", b"") + b"x\nMKV\n",
        b">residue\nMK" + rng.choice(TEXTS).replace(b"\0", b"").replace(b"\n", b"") + b"V\n",
        rng.choice(records),
        b"\n\n",
    ]
    for _ in range(rng.choice((1, 1, 2, 5))):
        records.insert(rng.randint(0, len(records)), rng.choice(odd))
    data = b"".join(records)
    if rng.random() < 0.3:
        data = data.replace(b"\n", rng.choice((b"\r\n", b"\r")))
    return rng.choice((b"", b"", b"", b"\xef\xbb\xbf", b"\n")) + data


def damaged_fasta(rng: random.Random, bases: Bases) -> bytes:
    """Return FASTA that is odd or damaged."""
    if rng.random() < 0.4:
        return odd_records(rng, bases)
    return mutate(rng, b"".join(some_records(rng, bases)))


def predict_case(rng: random.Random, bases: Bases, data: bytes) -> Case:
    """Return a case that predicts an input, from a file or a pipe, to a file or to a pipe."""
    options = ["-m", bases.path("c.h5"), "-t", "1"]

    def check(status: int, files: dict[str, bytes], name: str = "o.tsv") -> list[str]:
        return fasta.wrong_rows(data, status, files.get(name, b""), bases.row_of)

    where = rng.random()
    if where < 0.5:
        outputs = {"o.tsv": old_or_none(rng)}
        return Case(["predict", "x.faa", "-o", "o.tsv", *options], {"x.faa": data}, outputs,
                    check=check)  # fmt: skip
    if where < 0.8:
        return Case(["predict", "-", *options], stdin=data, feed=rng.choice((0, 1000, 65536)),
                    check=lambda status, files: check(status, files, "-"))  # fmt: skip
    outputs = {f"o.{kind}": old_or_none(rng) for kind in FORMATS}
    names = [part for kind in FORMATS for part in (f"--{kind}", f"o.{kind}")]

    def check_all(status: int, files: dict[str, bytes]) -> list[str]:
        return check(status, files) + (wrong_formats(files) if not status else [])

    return Case(["predict", "x.faa", *names, *options], {"x.faa": data}, outputs, check=check_all)


def wrong_formats(files: dict[str, bytes]) -> list[str]:
    """Return what is wrong with the shape of o.gff3, o.jsonl and o.html."""
    wrong = []
    if "o.gff3" in files:
        wrong += wrong_gff3(files["o.gff3"])
    if "o.jsonl" in files:
        lines = files["o.jsonl"].decode().split("\n")
        rows = files["o.tsv"].decode().count("\n") - 1
        if lines.pop() or len(lines) != rows:
            wrong.append(f"{len(lines)} JSON lines for {rows} rows")
        for line in lines:
            try:
                json.loads(line, parse_constant=lambda name: wrong.append(f"{name} in JSON"))
            except ValueError as error:
                wrong.append(f"JSON: {error}")
    return wrong


def wrong_gff3(data: bytes, lifted: bool = False) -> list[str]:
    """Return what is wrong with the shape of a GFF3 file.

    Args:
        data: Content of the file.
        lifted: Whether the features lie on a genome, where they may have several parts.
    """
    wrong = []
    names: set[str] = set()
    for line in data.decode().split("\n")[:-1]:
        if line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) != 9 or not all(map(str.isdigit, cells[3:5])) or cells[6] not in "+-.":
            wrong.append(f"GFF3: {line[:200]!r}")
            continue
        if not 1 <= int(cells[3]) <= int(cells[4]):
            wrong.append(f"GFF3: from {cells[3]} to {cells[4]}")
        name = dict(part.partition("=")[::2] for part in cells[8].split(";")).get("ID", "")
        if name in names and cells[2] == "polypeptide" and not lifted:
            wrong.append(f"GFF3: two features with the ID {name}")
        names.add(name)
    return wrong


def fasta_plain(rng: random.Random, bases: Bases) -> Case:
    """FASTA, plain."""
    if rng.random() < 0.1:
        return fasta_to_store(rng, bases)
    return predict_case(rng, bases, damaged_fasta(rng, bases))


def fasta_to_store(rng: random.Random, bases: Bases) -> Case:
    """FASTA that is embedded."""
    data = damaged_fasta(rng, bases)
    arguments = ["embed", "x.faa", "-o", "o.h5", "--encoder", bases.path("e.h5")]

    def check(status: int, files: dict[str, bytes]) -> list[str]:
        content = fasta.read(data)
        if status or content.refused is None:
            return [] if content.refused is not False or not status else ["refused"]
        if content.refused:
            return ["accepted, though the file is no protein FASTA"]
        rows = store_rows(files["o.h5"])
        wanted = len(content.records)
        return [] if rows == wanted else [f"{rows} rows for {wanted} records"]

    return Case(arguments, {"x.faa": data}, {"o.h5": None}, check=check)


def fasta_packed(rng: random.Random, bases: Bases) -> Case:
    """FASTA, gzip or xz: damaged members, garbage behind them, several members."""
    pack: Callable[[bytes], bytes] = rng.choice((gzip_compress, lzma.compress))
    records = some_records(rng, bases)
    if rng.random() < 0.3:
        records = [damaged_fasta(rng, bases)]
    plain = b"".join(records)
    cut = rng.randint(0, len(plain))
    members = rng.choice(
        ([plain], [plain], [plain[:1], plain[1:]], [plain[:cut], plain[cut:]], [plain, b""])
    )
    data = b"".join(map(pack, members))
    if rng.random() < 0.9:
        data = mutate(rng, data, BYTES)
    return predict_case(rng, bases, data)


def shard_tables(rng: random.Random, bases: Bases) -> Case:
    """Tables of shards, for merge; one of them is damaged."""
    files = {f"p{number}.tsv": bases[f"p{number}.tsv"] for number in range(1, SHARDS + 1)}
    name = rng.choice(list(files))
    if rng.random() < 0.5:
        files[name] = mutate(rng, files[name])
    else:
        files[name] = change_cells(rng, files[name], b"\t")
    if rng.random() < 0.1:
        files[name] = gzip_compress(files[name])
    shards = rng.sample(list(files), len(files))
    whole = bases["new.tsv"].count(b"\n")

    def check(status: int, outputs: dict[str, bytes]) -> list[str]:
        lines = outputs.get("o.tsv", b"").count(b"\n")
        return [] if status or lines == whole else [f"{lines - 1} rows of {whole - 1}"]

    return Case(["merge", *shards, "-o", "o.tsv"], files, {"o.tsv": old_or_none(rng)}, check=check)


def dataset_table(rng: random.Random, bases: Bases) -> Case:
    """dataset.tsv, for calibrate, train and profiles; and folds, for evaluate."""
    name = rng.choices(("d.tsv", "f.tsv"), (4, 1))[0]
    data = bases[name]
    data = mutate(rng, data) if rng.random() < 0.5 else change_cells(rng, data, b"\t")
    if rng.random() < 0.1:
        data = mutate(rng, gzip_compress(data), BYTES)
    if name == "f.tsv":
        # The folds are read, and then refused because all sequences are too similar for them.
        arguments = ["evaluate", bases.path("d.tsv"), "--folds", "f.tsv", "--max-identity", "0"]
        return Case([*arguments, "-o", "o.tsv"], {"f.tsv": data}, {"o.tsv": old_or_none(rng)})
    command = rng.choices(("calibrate", "train", "profiles"), (16, 3, 1))[0]
    make_arguments = {"calibrate": bases.calibration, "train": bases.training}
    if command == "profiles":
        arguments = ["d.tsv", "-o", "o.h5", "-t", "1"]
    else:
        arguments = make_arguments[command]("o.h5")
        arguments[arguments.index(bases.path("d.tsv"))] = "d.tsv"
    return Case([command, *arguments], {"d.tsv": data}, {"o.h5": old_or_none(rng)})


def reaction_table(rng: random.Random, bases: Bases) -> Case:
    """reactions.csv, for prepare and as references."""
    lines = bases["r.csv"].split(b"\n")
    rows = rng.sample(lines[1:-1], rng.choice((1, 3, len(lines) - 2)))
    data = b"\n".join([lines[0], *rows, b""])
    data = mutate(rng, data) if rng.random() < 0.5 else change_cells(rng, data, b",")
    if rng.random() < 0.2:
        arguments = ["predict", bases.path("old.faa"), "-m", bases.path("c.h5"), "-t", "1"]
        arguments += ["--jsonl", "o.jsonl", "--references", "r.csv"]
        return Case(arguments, {"r.csv": data}, {"o.jsonl": old_or_none(rng)})
    outputs = {"o.tsv": old_or_none(rng), "o.faa": old_or_none(rng)}
    arguments = ["prepare", "r.csv", "-o", "o.tsv", "--fasta", "o.faa"]
    return Case(arguments, {"r.csv": data}, outputs, check=wrong_dataset)


def additional_table(rng: random.Random, bases: Bases) -> Case:
    """Additional enzymes for prepare, alone or beside an export with the same sequences."""
    structures = ["CC1=CCC2CC1C2(C)C", "C=CC(=C)CCC=C(C)C|C=CC(=C)C", "C12CC(CC=C1C)C2(C)C"]
    lines = [b"id\tproduct_types\tproducts_smiles_nostereo\tensembles\tsequence"]
    for line in rng.sample(bases["d.tsv"].decode().splitlines()[1:], 3):
        sequence = line.split("\t")[1]
        lines.append(f"a{len(lines)}\tmono\t{rng.choice(structures)}\t\t{sequence}".encode())
    data = b"\n".join([*lines, b""])
    data = mutate(rng, data) if rng.random() < 0.5 else change_cells(rng, data, b"\t")
    outputs = {"o.tsv": old_or_none(rng), "o.faa": old_or_none(rng)}
    export = [bases.path("r.csv")] if rng.random() < 0.2 else []
    arguments = ["prepare", *export, "a.tsv", "-o", "o.tsv", "--fasta", "o.faa"]
    return Case(arguments, {"a.tsv": data}, outputs, check=wrong_dataset)


def wrong_dataset(status: int, files: dict[str, bytes]) -> list[str]:
    """Return what is wrong with the shape of a dataset and its sequences."""
    if status:
        return []
    header, *rows = files["o.tsv"].decode().split("\n")[:-1]
    wrong = [row for row in rows if row.count("\t") != header.count("\t")]
    if len(rows) != files["o.faa"].count(b">"):
        wrong.append(f"{len(rows)} rows, {files['o.faa'].count(b'>')} sequences")
    return wrong


def genome_annotation(rng: random.Random, bases: Bases) -> Case:
    """GFF3 of a genome, for predict --annotation."""
    data = bases["g.gff3"]
    data = mutate(rng, data) if rng.random() < 0.5 else change_cells(rng, data, b"\t")
    if rng.random() < 0.1:
        data = mutate(rng, gzip_compress(data), BYTES)
    arguments = ["predict", bases.path("old.faa"), "-m", bases.path("c.h5"), "-t", "1"]
    arguments += ["--gff3", "o.gff3", "--annotation", "g.gff3"]

    def check(status: int, files: dict[str, bytes]) -> list[str]:
        return [] if status else wrong_gff3(files["o.gff3"], lifted=True)

    return Case(arguments, {"g.gff3": data}, {"o.gff3": old_or_none(rng)}, check=check)


def store(rng: random.Random, bases: Bases) -> Case:
    """HDF5 store, for predict, featurize, merge and embed."""
    command = rng.choice(("predict", "predict", "featurize", "merge", "embed"))
    name = {"merge": f"p{rng.randint(1, SHARDS)}.h5", "embed": "p.h5"}.get(
        command, rng.choice(("p.h5", "pf.h5"))
    )
    data = damaged_hdf5(rng, bases[name], bases.changed)
    encoder = ["--encoder", bases.path("e.h5")]

    def whole(name: str, wanted: str) -> Callable[[int, dict[str, bytes]], list[str]]:
        def check(status: int, files: dict[str, bytes]) -> list[str]:
            # An empty file is no store, but FASTA without a record, which gives a warning.
            same = status or not data or files.get(name) == bases[wanted]
            return [] if same else ["a damaged store was accepted, with another answer"]

        return check

    if command == "predict":
        arguments = ["predict", name, "-m", bases.path("c.h5"), "-t", "1", "-o", "o.tsv"]
        check = whole("o.tsv", "new.tsv")
        return Case(arguments, {name: data}, {"o.tsv": old_or_none(rng)}, check=check)
    if command == "featurize":
        arguments = ["featurize", name, "-o", "o.h5", *encoder]
        check = whole("o.h5", "pf.h5")
        return Case(arguments, {name: data}, {"o.h5": old_or_none(rng)}, check=check)
    if command == "embed":
        arguments = ["embed", bases.path("p.faa"), "-o", name, *encoder]
        return Case(arguments, {}, {name: data}, check=whole(name, "p.h5"))
    shards = [bases.path(f"p{number}.h5") for number in range(1, SHARDS + 1)]
    shards[shards.index(bases.path(name))] = name
    arguments = ["merge", *shards, "-o", "o.h5"]
    return Case(arguments, {name: data}, {"o.h5": old_or_none(rng)}, check=whole("o.h5", "p.h5"))


def crafted_store(rng: random.Random, bases: Bases) -> Case:
    """A store that was changed on purpose and sealed again: it may be read, but only as a store."""
    name = rng.choice(("p.h5", "pf.h5"))
    data = crafted_hdf5(rng, bases[name], bases.changed)
    encoder = ["--encoder", bases.path("e.h5")]
    if rng.random() < 0.6:
        arguments = ["predict", name, "-m", bases.path("c.h5"), "-t", "1", "-o", "o.tsv"]
        return Case(arguments, {name: data}, {"o.tsv": old_or_none(rng)}, check=wrong_table)
    if rng.random() < 0.5:
        arguments = ["embed", bases.path("p.faa"), "-o", name, *encoder]
        return Case(arguments, {}, {name: data})
    arguments = ["featurize", name, "-o", "o.h5", *encoder]
    return Case(arguments, {name: data}, {"o.h5": old_or_none(rng)})


def wrong_table(status: int, files: dict[str, bytes]) -> list[str]:
    """Return what is wrong with the shape of a table of predictions."""
    if status:
        return []
    header, *rows = files["o.tsv"].decode().split("\n")[:-1]
    return [
        f"a row that no record has: {row[:200]!r}"
        for row in rows
        if row.count("\t") != header.count("\t")
        or row.split("\t")[2] not in fasta.STATUSES
        or not is_probability(row.split("\t")[3])
        or "root:" in row
        or "\r" in row
    ]


def is_probability(cell: str) -> bool:
    """Return whether a cell is a number from 0 to 1, or NA."""
    with contextlib.suppress(ValueError):
        return cell == "NA" or 0 <= float(cell) <= 1
    return False


def model(rng: random.Random, bases: Bases) -> Case:
    """Model or encoder."""
    if rng.random() < 0.7:
        data = damaged_hdf5(rng, bases["c.h5"], bases.changed)
        arguments = ["predict", bases.path("p.faa"), "-m", "m.h5", "-t", "1", "-o", "o.tsv"]
        wanted, output = "new.tsv", "o.tsv"
    else:
        data = damaged_hdf5(rng, bases["e.h5"], bases.changed)
        arguments = ["embed", bases.path("p.faa"), "-o", "o.h5", "--encoder", "m.h5"]
        wanted, output = "p.h5", "o.h5"

    def check(status: int, files: dict[str, bytes]) -> list[str]:
        same = status or files.get(output) == bases[wanted]
        return [] if same else ["a damaged model was accepted, with another answer"]

    return Case(arguments, {"m.h5": data}, {output: None}, check=check)


def crafted_model(rng: random.Random, bases: Bases) -> Case:
    """A model or encoder that was changed on purpose, with new checksums."""
    if rng.random() < 0.3:
        files = {"m.h5": crafted_hdf5(rng, bases["e.h5"], bases.changed)}
        arguments = ["embed", bases.path("p.faa"), "-o", "o.h5", "--encoder", "m.h5"]
        return Case(arguments, files, {"o.h5": None})
    files = {"m.h5": crafted_hdf5(rng, bases["c.h5"], bases.changed)}
    if rng.random() < 0.3:
        return Case(["info", "m.h5", *rng.choice(([], ["--json"]))], files)
    outputs = ["--tsv", "o.tsv", "--html", "o.html", "--jsonl", "o.jsonl", "--gff3", "o.gff3"]
    arguments = ["predict", bases.path("old.faa"), "-m", "m.h5", "-t", "1", *outputs]

    def check(status: int, files: dict[str, bytes]) -> list[str]:
        if status:
            return []
        script = (
            ["a script of the model is in the page"] if SCRIPT.encode() in files["o.html"] else []
        )
        return script + wrong_table(status, files) + wrong_formats(files)

    names = ("o.tsv", "o.html", "o.jsonl", "o.gff3")
    return Case(arguments, files, dict.fromkeys(names), check=check)


def journal(rng: random.Random, bases: Bases) -> Case:
    """Journal of an embedding that goes on."""
    data = bases["w.h5.partial"]
    header, _, entries = data.partition(b"\n")
    if rng.random() < 0.3:
        data = changed_json(rng, header) + b"\n" + entries
    elif rng.random() < 0.9:
        data = mutate(rng, data, BYTES)

    def check(status: int, files: dict[str, bytes]) -> list[str]:
        same = status or files.get("w.h5") == bases["w.h5"]
        return [] if same else ["another store than without the journal"]

    return Case(
        ["embed", *bases.embedding("w.h5")],
        {},
        {"w.h5": None, "w.h5.partial": data},
        check=check,
        may_stay=("w.h5.partial",),
    )


def weights(rng: random.Random, bases: Bases) -> Case:
    """Weights of ESM-2 (.pt), for embed."""
    data = mutate(rng, bases["w.pt"], BYTES) if rng.random() < 0.7 else changed_weights(rng, bases)
    records = bases.records("d.faa")[:2]
    arguments = ["embed", *bases.embedding("o.h5", "w.pt", "x.faa")]
    return Case(arguments, {"w.pt": data, "x.faa": b"".join(records)}, {"o.h5": None},
                may_stay=("o.h5.partial",))  # fmt: skip


class Opened:
    """An object whose pickle makes a file if it is loaded without care."""

    def __reduce__(self) -> tuple[object, ...]:
        return open, ("executed", "w")


def changed_weights(rng: random.Random, bases: Bases) -> bytes:
    """Return weights with other settings, shapes, types or keys."""
    import argparse

    import torch

    with torch.serialization.safe_globals([argparse.Namespace]):
        state = torch.load(io.BytesIO(bases["w.pt"]), weights_only=True)
    settings, tensors = state["cfg"]["model"], state["model"]
    odd = [None, True, [], {}, "", -1, 0, 1, 3, 10**9, 10**30, float("nan"), "x", Opened()]
    odd += [torch.zeros(0), torch.zeros(2, 3), torch.zeros(1, dtype=torch.complex64)]
    action = rng.choice(("setting", "setting", "setting", "tensor", "tensor", "missing", "part"))
    if action == "setting":
        setattr(settings, rng.choice(list(vars(settings))), rng.choice(odd))
    elif action == "tensor":
        tensors[rng.choice(list(tensors))] = rng.choice(odd)
    elif action == "missing":
        del tensors[rng.choice(list(tensors))]
    else:
        state = rng.choice([rng.choice(odd), {"cfg": state["cfg"]}, {"cfg": 1, "model": 2}])
    written = io.BytesIO()
    torch.save(state, written)
    return written.getvalue()


def store_rows(data: bytes) -> int:
    """Return the number of rows of a store."""
    import h5py

    with h5py.File(io.BytesIO(data), "r") as handle:
        return len(handle["windows"])


KINDS: dict[str, tuple[MakeCase, int]] = {
    "FASTA": (fasta_plain, 200),
    "FASTA, gzip or xz": (fasta_packed, 110),
    "tables of shards": (shard_tables, 220),
    "dataset.tsv": (dataset_table, 30),
    "reactions.csv": (reaction_table, 70),
    "additional enzymes": (additional_table, 40),
    "genome GFF3": (genome_annotation, 40),
    "store": (store, 110),
    "crafted store": (crafted_store, 40),
    "model, encoder": (model, 70),
    "crafted model": (crafted_model, 30),
    "journal": (journal, 20),
    "ESM-2 weights": (weights, 30),
    "command line": (command_line, 80),
    "odd paths": (odd_path, 30),
}
