"""Wrong files and wrong usage: one helpful line before any work, and nothing on standard output."""

import bz2
import zipfile

import pytest
from support import DATA

from tpspred import cli

PROTEINS = DATA / "proteins.faa"
# A line for every command that names a file: IN is read, and OUT is written.
LINES = (
    "predict IN -m IN --references IN --annotation IN --tsv OUT --gff3 OUT --html OUT",
    "predict IN IN --jsonl OUT --summary OUT --log OUT",
    "annotate IN --proteins IN -m IN -o OUT",
    "explain IN --id x -m IN -o OUT",
    "info IN",
    "prepare IN IN -o OUT --fasta OUT",
    "profiles IN -o OUT",
    "embed IN --encoder IN -o OUT",
    "embed IN --encoder esm2_t6_8M_UR50D --screen IN --weights IN -o OUT",
    "featurize IN --encoder IN -o OUT",
    "train IN IN --negatives IN --encoder IN -o OUT --history OUT",
    "calibrate IN IN IN --negatives IN -o OUT",
    "evaluate IN --negatives IN --folds IN -o OUT --report OUT",
    "evaluate IN --encoder esm2_t6_8M_UR50D --weights IN",
    "merge IN IN -o OUT",
    "slurm predict IN -m IN -o OUT",
    "pbs embed IN --encoder IN -o OUT",
    "fetch-weights esm2_t6_8M_UR50D -o OUT",
    "fetch-data -o OUT",
)
# Where each of these words stands → the line with another word there.
WRONG = [
    pytest.param(line, place, id=f"{line} ({place})")
    for line in LINES
    for place, word in enumerate(line.split())
    if word in ("IN", "OUT")
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fail(*arguments, **options):
    """Fail where a command would begin its work."""
    raise AssertionError("the work began")


def test_every_command_has_a_line():
    assert {line.split()[0] for line in LINES} == set(cli.COMMANDS)


@pytest.mark.parametrize("line, place", WRONG)
def test_a_file_that_cannot_be_stops_a_command_before_its_work(
    run, folder, monkeypatch, line, place
):
    """All other files are there, but not one of them has a content that could be read."""
    words = line.split()
    for name in ("load", "load_encoder"):
        monkeypatch.setattr(f"tpspred.model.checkpoint.{name}", fail)
    monkeypatch.setattr("tpspred.cli.cluster._program", lambda name, wanted: name)
    monkeypatch.setattr("tpspred.cli.cluster._queue", fail)
    is_input = words[place] == "IN"
    words[place] = "nowhere/file"
    for number, word in enumerate(words):
        if word == "IN":
            words[number] = f"in{number}"
            (folder / words[number]).write_text("no such content")
        elif word == "OUT":
            words[number] = f"out{number}.tsv"
    before = sorted(path.name for path in folder.iterdir())
    done = run(*words)
    reason = "No such file or directory" if is_input else "cannot be written"
    assert (done.code, done.out) == (1, b"")
    assert done.err.startswith("tpspred: error: nowhere/file: ") and reason in done.err
    assert done.err.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("tables", ["d.tsv", "d.tsv/tables"])
def test_a_folder_that_cannot_be_made_stops_evaluate_before_its_work(run, folder, tables):
    (folder / "d.tsv").write_text("no dataset")
    done = run("evaluate", "d.tsv", "--tables", tables)
    assert (done.code, done.out) == (1, b"")
    assert done.err == f"tpspred: error: {tables}: cannot be made: Not a directory\n"


@pytest.mark.parametrize(
    "line, message",
    [
        ("predict nowhere --gaf x.gaf", "--gaf needs --taxon N"),
        ("predict nowhere nowhere", "found the input nowhere twice"),
        ("predict nowhere -o x.html --hits-only", "--hits-only is for the table"),
        ("predict nowhere -o x.html -f tsv", "found --format tsv for x.html"),
        ("predict nowhere -m nowhere --locus-genes 3", "need --annotation"),
        ("predict nowhere -o nowhere/x.tsv.gz", "outputs are not compressed"),
        ("embed nowhere -o nowhere/x --screen none", "--screen none"),
        ("embed nowhere -o nowhere/x --encoder nowhere --screen nowhere", "--screen FILE"),
        ("train nowhere nowhere -o nowhere/x --folds 2", "--folds: found 2; wanted at least 3"),
        ("evaluate nowhere --weights nowhere", "--weights is for --encoder"),
        ("evaluate nowhere --inner-folds 2", "--inner-folds: found 2; wanted at least 3"),
        ("fetch-data -o nowhere/x --sha256 0", "wanted 64 hexadecimal digits"),
        ("slurm predict nowhere -o x.gff3", "an array of jobs writes only the table of -o"),
        ("slurm predict nowhere -o x.tsv --gff3 nowhere/x", "an array of jobs writes only"),
    ],
)
def test_wrong_usage_is_reported_before_wrong_files(run, folder, line, message):
    done = run(*line.split())
    assert (done.code, done.out) == (2, b"")
    assert done.err.splitlines()[-1].startswith("Error: ") and message in done.err
    assert not list(folder.iterdir())


def zipped(content):
    """Return a ZIP archive with one file."""
    import io

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("proteins.faa", content)
    return target.getvalue()


GENBANK = b"LOCUS       NC_000913  4641652 bp\n"
DNA = b">gene\n" + b"ATGC" * 30 + b"\n"
KINDS = {
    "x.bz2": (
        bz2.compress(PROTEINS.read_bytes()),
        "x.bz2: found data compressed with bzip2; wanted a file that is plain, gzip or xz: unpack "
        "it with bunzip2",
    ),
    "x.zip": (
        zipped(PROTEINS.read_bytes()),
        "x.zip: found a ZIP archive or an office document; wanted a file that is plain, gzip or "
        "xz: unpack it with unzip",
    ),
    "x.zst": (
        b"\x28\xb5\x2f\xfd" + bytes(range(100)),
        "x.zst: found data compressed with Zstandard; wanted a file that is plain, gzip or xz: "
        "unpack it with unzstd",
    ),
    "x.gbk": (GENBANK, "x.gbk, line 1: found a GenBank file; wanted proteins in FASTA format"),
    "x.fna": (
        DNA,
        "x.fna: found nucleotide sequences only, such as record gene; wanted proteins (translate "
        "it first)",
    ),
    "x.txt": (
        b"MKV\n",
        "x.txt, line 1: found 'MKV' before any header; wanted FASTA: a line that begins with '>'",
    ),
    "x": (None, "x: found a folder; wanted a file"),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("command", ["predict", "embed -o store.h5", "explain --id a"])
def test_what_is_no_fasta_is_named_in_one_line(run, folder, command, name):
    content, message = KINDS[name]
    if content is None:
        (folder / name).mkdir()
    else:
        (folder / name).write_bytes(content)
    done = run(*command.split(), name)
    assert (done.code, done.out, done.err) == (1, b"", f"tpspred: error: {message}\n")
    assert [path.name for path in folder.iterdir()] == [name]


@pytest.mark.parametrize(
    "line, message",
    [
        (
            "predict p.faa -m p.faa",
            "p.faa: found a FASTA file; wanted a model of tpspred train or calibrate",
        ),
        ("info p.faa", "p.faa: found a FASTA file; wanted a model of tpspred train or calibrate"),
        (
            "embed p.faa --encoder p.faa -o x.h5",
            "p.faa: found a FASTA file; wanted an encoder of tpspred profiles or a model of "
            "tpspred train or calibrate",
        ),
        ("featurize p.faa", "p.faa: found a FASTA file; wanted a store of tpspred embed"),
        ("prepare p.faa -o x", "p.faa, line 1: found a FASTA file; wanted a MARTS-DB reaction"),
        ("profiles p.faa -o x", "p.faa, line 1: found a FASTA file; wanted a table made by"),
        ("annotate p.faa -p p.faa", "p.faa: found no CDS; wanted an annotation in GFF3"),
        ("merge p.faa -o x", "p.faa: found no shard of a run; wanted an output of --shard I/N"),
        ("explain p.faa --id x", "p.faa: found no record x; wanted the id of one of its records"),
    ],
)
def test_a_file_of_another_kind_is_named(run, folder, line, message):
    (folder / "p.faa").write_bytes(PROTEINS.read_bytes())
    done = run(*line.split())
    assert (done.code, done.out) == (1, b"")
    assert done.err.startswith(f"tpspred: error: {message}") and done.err.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == ["p.faa"]


@pytest.mark.parametrize("kind", ["tsv", "gff3", "html", "jsonl", "gaf"])
def test_no_header_comes_from_an_input_that_is_refused(run, kind):
    for content in (DNA, GENBANK, b">a\nMKV\n>b\nMK\0V\n"):
        needed = ["--taxon", "3702"] if kind == "gaf" else []
        done = run("predict", "-", "-f", kind, *needed, stdin=content)
        assert (done.code, done.out) == (1, b"")
