"""Valid files of every kind, made once by the command line itself; the trials damage copies."""

from __future__ import annotations

import copy
import gzip
import pathlib
import re
import signal
import sys
import tempfile

from . import fasta
from .runner import Job, Outcome, Zygote

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "test_data"
FORMATS = ("tsv", "gff3", "jsonl", "html")
SHARDS = 3
TAB = "\t"
FAMILIES = re.compile(
    rb"bacteria_sesq_di|animalia_pt"
)  # the smaller ones: every command loads them


class Bases:
    """A folder of valid files.

    ============== ====================================================================
    p.faa          the seven proteins of the test data
    old.faa        three of them, in another order: the input of an earlier run
    r.csv          reactions
    d.tsv, d.faa   dataset and its sequences
    f.tsv          folds of the dataset
    e.h5, m.h5     profile encoder and model, trained for a moment
    c.h5           the model, calibrated: all predictions are made with it
    d.h5, n.h5     stores of the dataset and of negatives, with features
    p.h5, pf.h5    stores of p.faa, without and with features
    pN.h5, pN.tsv  shards of p.faa
    g.gff3         annotation of a genome with the proteins of p.faa
    w.pt, w.h5     weights of a tiny ESM-2, and the store of d.faa that it makes
    w_old.h5       store of some of these sequences
    w.h5.partial   journal of a run that made w.h5 and was killed
    new.*, old.*   predictions for p.faa and old.faa in every format
    ============== ====================================================================

    Args:
        folder: Empty folder to fill.
        zygote: Process that runs the commands.
    """

    def __init__(self, folder: pathlib.Path, zygote: Zygote) -> None:
        self.folder = folder / "bases"
        self.folder.mkdir(parents=True)
        self._zygote = zygote
        self._cache: dict[str, bytes] = {}
        self._make_inputs()
        self._make_model()
        self._make_stores()
        self._make_language_model()
        self._make_predictions()
        self.row_of = fasta.rows_by_protein(self["p.faa"], self["new.tsv"])

    def __getitem__(self, name: str) -> bytes:
        """Return the content of a file."""
        if name not in self._cache:
            self._cache[name] = (self.folder / name).read_bytes()
        return self._cache[name]

    def path(self, name: str) -> str:
        """Return the absolute path of a file."""
        return str(self.folder / name)

    def records(self, name: str = "p.faa") -> list[bytes]:
        """Return the records of a FASTA file, as bytes."""
        return [b">" + record for record in self[name].split(b">")[1:]]

    def seen_by(self, zygote: Zygote) -> Bases:
        """Return the same files for the use of another process."""
        view = copy.copy(self)
        view._zygote = zygote
        return view

    def changed(self, data: bytes, seed: str) -> bytes:
        """Return an HDF5 file with other content, which follows from a seed."""
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as folder:
            path = pathlib.Path(folder, "work", "x.h5")
            path.parent.mkdir()
            path.write_bytes(data)
            change = Job([str(path), seed], path.parent, entry="reliability.hdf5_changes")
            self._zygote.run(change)
            return path.read_bytes()

    def _run(self, *arguments: str, folder: pathlib.Path | None = None) -> Outcome:
        job = Job(list(map(str, arguments)), folder or self.folder, seconds=300)
        outcome = self._zygote.run(job)
        if outcome.status:
            raise RuntimeError(f"tpspred {' '.join(arguments)}: {outcome.err}")
        return outcome

    def _write(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def _make_inputs(self) -> None:
        self._write("p.faa", (DATA / "proteins.faa").read_bytes())
        header, *rows = (DATA / "reactions.csv").read_bytes().splitlines(keepends=True)
        self._write("r.csv", header + b"".join(row for row in rows if FAMILIES.search(row)))
        records = self.records()
        self._write("old.faa", b"".join(records[i] for i in (5, 3, 1)))
        self._write("g.gff3", annotation(self["p.faa"]))
        for name in ("p.faa", "g.gff3"):
            self._write(f"{name}.gz", gzip.compress(self[name], mtime=0))

    def _make_model(self) -> None:
        self._run("prepare", "r.csv", "-o", "d.tsv", "--fasta", "d.faa")
        rows = enumerate(self["d.tsv"].decode().splitlines()[1:])
        folds = "".join(f"{row.split(TAB)[0]}{TAB}{number % 3}\n" for number, row in rows)
        self._write("f.tsv", b"id\tfold\n" + folds.encode())
        self._run("profiles", "d.tsv", "-o", "e.h5")
        for name, source in (("d.h5", "d.faa"), ("n.h5", str(DATA / "negatives.faa"))):
            self._run("embed", source, "-o", name, "--encoder", "e.h5")
            self._run("featurize", name, "--encoder", "e.h5")
        self._run("train", *self.training("m.h5"))
        self._run("calibrate", *self.calibration("c.h5"))

    def training(self, output: str) -> list[str]:
        """Return arguments that train the model again."""
        paths = [self.path(name) for name in ("d.tsv", "d.h5")]
        options = ["--negatives", self.path("n.h5"), "--encoder", self.path("e.h5"), "-q"]
        numbers = ["--folds", "3", "--members", "3", "--epochs", "1", "--device", "cpu", "-t", "1"]
        return [*paths, "-o", output, *options, *numbers]

    def calibration(self, output: str) -> list[str]:
        """Return arguments that calibrate the model again."""
        paths = [self.path(name) for name in ("m.h5", "d.tsv", "d.h5")]
        return [*paths, "-o", output, "--negatives", self.path("n.h5"), "-q", "-t", "1"]

    def _make_stores(self) -> None:
        self._run("embed", "p.faa", "-o", "p.h5", "--encoder", "e.h5")
        self._run("featurize", "p.h5", "-o", "pf.h5", "--encoder", "e.h5")
        for number in range(1, SHARDS + 1):
            shard = ["--shard", f"{number}/{SHARDS}", "-o"]
            self._run("embed", "p.faa", *shard, f"p{number}.h5", "--encoder", "e.h5")
            self._run("predict", "p.faa", *shard, f"p{number}.tsv", "-m", "c.h5")

    def embedding(self, output: str, weights: str = "", proteins: str = "") -> list[str]:
        """Return arguments that embed the sequences of the dataset with the tiny ESM-2."""
        return [
            proteins or self.path("d.faa"),
            "-o",
            output,
            "--encoder",
            "esm2_tiny",
            "--weights",
            weights or self.path("w.pt"),
            "--screen",
            self.path("e.h5"),
            "-t",
            "1",
        ]

    def _make_language_model(self) -> None:
        sys.path.append(str(ROOT / "tests"))
        from support import random_weights

        random_weights(self.folder / "w.pt")
        self._run("embed", *self.embedding("w.h5"))
        self._write("d_some.faa", b"".join(self.records("d.faa")[:5]))
        self._run("embed", *self.embedding("w_old.h5", proteins=self.path("d_some.faa")))
        self._make_journal()

    def _make_journal(self) -> None:
        """Kill a run after it has written the header and ten vectors of its journal."""
        work = self.folder / "killed"
        work.mkdir()
        job = Job(["embed", *self.embedding("w.h5")], work, signal=signal.SIGKILL)
        job.watch, job.event, job.event_count = str(work), "written", 11
        self._zygote.run(job)
        self._write("w.h5.partial", (work / "w.h5.partial").read_bytes())

    def prediction(self) -> list[str]:
        """Return the arguments that make a.tsv, a.html and so on of p.faa in the same folder."""
        outputs = [part for kind in FORMATS for part in (f"--{kind}", f"a.{kind}")]
        return ["predict", "p.faa", "-m", self.path("c.h5"), "-t", "1", *outputs]

    def _make_predictions(self) -> None:
        """Predict with the arguments of the trials, because a page says what command made it."""
        for name, source in (("new", "p.faa"), ("old", "old.faa")):
            work = self.folder / f"{name}.outputs"
            work.mkdir()
            (work / "p.faa").write_bytes(self[source])
            self._run(*self.prediction(), folder=work)
            for kind in FORMATS:
                self._write(f"{name}.{kind}", (work / f"a.{kind}").read_bytes())


def annotation(proteins: bytes) -> bytes:
    """Return a genome annotation (GFF3) with two exons for every protein of a FASTA file."""
    lines = ["##gff-version 3"]
    begin = 1
    for number, record in enumerate(fasta.read(proteins).records):
        strand = "+-"[number % 2]
        bases = 3 * record.length
        exons = [(begin, begin + 99), (begin + 200, begin + 200 + bases - 101)]
        phases = (0, 2) if strand == "+" else ((-(bases - 100)) % 3, 0)
        for (start, end), phase in zip(exons, phases):
            name = f"ID=cds-{number};protein_id={record.id}"
            lines.append(f"chr1\tx\tCDS\t{start}\t{end}\t.\t{strand}\t{phase}\t{name}")
        begin = exons[-1][1] + 1000
    return ("\n".join(lines) + "\n").encode()
