"""Every command, in this process: exact standard output, separate standard error, exit status."""

import csv
import gzip
import io
import itertools
import json
import re

import numpy as np
import pytest
from support import DATA, assert_same

from tpspred import cli
from tpspred.cli import options
from tpspred.dataset.enzymes import read_enzymes
from tpspred.io import fasta, store
from tpspred.model.calibration import POSSIBLE
from tpspred.model.calls import MAX_ENSEMBLES, EnsembleCall
from tpspred.writers import FORMATS, tsv

PROTEINS = DATA / "proteins.faa"
EXPECTED = (DATA / "expected.tsv").read_bytes()
FORMAT_OPTIONS = {"gaf": ("--taxon", "3702", "--date", "2026-02-22")}  # what a format needs


def table(data):
    return list(csv.DictReader(io.StringIO(data.decode()), delimiter="\t"))


def test_predict_writes_the_expected_table(run):
    done = run("predict", PROTEINS)
    assert (done.code, done.out) == (0, EXPECTED)
    assert "7 proteins scored with" in done.err


@pytest.mark.parametrize("kind", FORMATS)
def test_predict_writes_the_expected_file_in_every_format(run, monkeypatch, kind):
    monkeypatch.chdir(DATA)  # a page has the command
    done = run("predict", PROTEINS.name, "--format", kind, *FORMAT_OPTIONS.get(kind, ()))
    assert_same(done.out, (DATA / f"expected.{kind}").read_bytes(), kind)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.slow
def test_threads_change_nothing(run, threads):
    assert run("predict", PROTEINS, "-t", threads).out == EXPECTED


@pytest.mark.slow
def test_predict_from_a_pipe_and_from_gzip(run, tmp_path):
    content = PROTEINS.read_bytes()
    assert run("predict", "-", stdin=content).out == EXPECTED
    assert run("predict", "-", stdin=gzip.compress(content)).out == EXPECTED
    (tmp_path / "p.faa.gz").write_bytes(
        gzip.compress(content.replace(b"\n", b"\r\n").lower().replace(b">", b"\r\n>"))
    )
    lower = run("predict", tmp_path / "p.faa.gz").out
    assert lower.lower() == EXPECTED.lower()


@pytest.mark.slow
def test_order_and_neighbours_change_nothing(run):
    records = PROTEINS.read_bytes().split(b">")[1:]
    backwards = run("predict", "-", stdin=b"".join(b">" + record for record in records[::-1])).out
    assert sorted(backwards.splitlines()) == sorted(EXPECTED.splitlines())
    alone = run("predict", "-", stdin=b">" + records[1]).out.splitlines()[1]
    assert alone == EXPECTED.splitlines()[2]


def test_empty_input_gives_the_header_and_a_warning(run, tmp_path):
    done = run("predict", "-")
    assert (done.code, done.out.decode()) == (0, "\t".join(tsv.COLUMNS) + "\n")
    assert "tpspred: warning: - contains no record" in done.err.splitlines()
    (tmp_path / "empty.faa").write_text("\n\n")
    done = run("embed", tmp_path / "empty.faa", "-o", tmp_path / "s.h5")
    assert done.code == 0 and "empty.faa contains no record" in done.err
    assert "no record" not in run("predict", PROTEINS, "--shard", "9/9").err


def test_every_record_has_a_row_with_its_status(run):
    faa = b">a\nMK*L\n>b\n>c\nXXXXX\n>d\nMKV\n>e\n" + b"M" * 100_001 + b"\n"
    rows = table(run("predict", "-", stdin=faa).out)
    assert [(row["id"], row["length"], row["status"], row["tps_probability"]) for row in rows] == [
        ("a", "4", "internal_stop", "NA"),
        ("b", "0", "empty", "NA"),
        ("c", "5", "no_known_residue", "NA"),
        ("d", "3", "not_tps", "NA"),
        ("e", "100001", "too_long", "NA"),
    ]
    assert len({row["model"] for row in rows}) == 1


def test_all_adds_a_probability_for_every_label(run, model):
    rows = table(run("predict", PROTEINS, "--all").out)
    columns = [label.column for label in model.labels]
    assert list(rows[0])[len(tsv.COLUMNS) :] == columns
    unsupported = {label.column for label in model.unsupported()}
    assert {column for column in columns if rows[0][column] == "NA"} == unsupported
    assert rows[0]["is_tps:terpene_synthase"] == rows[0]["tps_probability"]
    assert {rows[4][column] for column in columns} == {"NA"}


@pytest.fixture
def weak_fragment(tmp_path):
    """A file with a fragment of a test protein that is too short to match its profile."""
    tri = next(r for r in fasta.read_fasta(PROTEINS) if r.id == "plantae_tri_1")
    path = tmp_path / "fragment.faa"
    path.write_text(f">fragment\n{tri.sequence[:28]}\n>random\n{'MKVL' * 7}\n")
    return path


@pytest.mark.slow
def test_a_weak_match_is_flagged(run, tmp_path, weak_fragment):
    done = run("predict", weak_fragment, "--jsonl", tmp_path / "x.jsonl", "--tsv", "-", "--all")
    rows = table(done.out)
    assert [(row["status"], row["flags"]) for row in rows] == [
        ("not_tps", "weak_family_match"),
        ("not_tps", "NA"),
    ]
    assert {name for name, cell in rows[0].items() if cell != rows[1][name]} == {"id", "flags"}
    fragment, other = map(json.loads, (tmp_path / "x.jsonl").read_text().splitlines())
    assert fragment["flags"] == ["weak_family_match"] and other["flags"] == []
    assert fragment["weak_match"]["profile"] == "plantae_tri" and other["weak_match"] is None
    assert 0.001 < fragment["weak_match"]["e_value"] < 0.1 and fragment["weak_match"]["bits"] > 5
    # A store gives the same row.
    assert run("embed", weak_fragment, "-o", tmp_path / "s.h5").code == 0
    assert run("predict", tmp_path / "s.h5", "--all").out == done.out


@pytest.mark.slow
def test_several_outputs_from_one_pass(run, tmp_path):
    names = [tmp_path / f"p.{kind}" for kind in FORMATS]
    outputs = [part for kind, name in zip(FORMATS, names) for part in (f"--{kind}", name)]
    done = run("predict", PROTEINS, *outputs, *FORMAT_OPTIONS["gaf"])
    assert (done.code, done.out) == (0, b"") and (tmp_path / "p.tsv").read_bytes() == EXPECTED
    for kind, name in zip(FORMATS, names):
        needed = FORMAT_OPTIONS.get(kind, ())
        done = run("predict", PROTEINS, "--format", kind, *needed)
        assert without_command(done.out) == without_command(name.read_bytes())
    both = run("predict", PROTEINS, "--format", "tsv", "--html", tmp_path / "q.html")
    assert both.out == EXPECTED
    pages = [(tmp_path / name).read_bytes() for name in ("q.html", "p.html")]
    assert without_command(pages[0]) == without_command(pages[1])
    assert f"predict {PROTEINS} --format tsv --html {tmp_path}/q.html</code>".encode() in pages[0]


def without_command(output):
    """An output without the line of a page that has the command."""
    return re.sub(rb'<div class="command">.*\n', b"", output)


@pytest.mark.slow
def test_outputs_that_cannot_be_written_are_refused(run, tmp_path):
    assert run("predict", PROTEINS, "--format", "csv").code == 2
    for outputs in (("--tsv", "-", "--gff3", "-"), ("-o", "x", "--jsonl", "x")):
        done = run("predict", PROTEINS, *outputs)
        assert done.code == 2 and "two outputs to" in done.err
    done = run("predict", PROTEINS, "--annotation", "x", "--gaf", "y", "--taxon", "1")
    assert done.code == 2 and "--annotation is for the table, the page, JSON lines" in done.err
    for arguments, message in (
        (("--gaf", "x"), "--gaf needs --taxon N"),
        (("--format", "gaf"), "--gaf needs --taxon N"),
        (("--taxon", "3702"), "--taxon is for a GO annotation file: add --gaf FILE"),
    ):
        done = run("predict", PROTEINS, *arguments)
        assert done.code == 2 and message in done.err
    done = run("predict", PROTEINS, "--reference", "PMID:1")
    assert done.code == 2 and "--reference is for a GO annotation file: add --taxon" in done.err
    for name, value in (("database", "a b"), ("reference", "PMID"), ("date", "20260222")):
        done = run("predict", PROTEINS, "--gaf", "x", "--taxon", "3702", f"--{name}", value)
        assert done.code == 2 and f"Invalid value for '--{name}'" in done.err
    done = run("predict", PROTEINS, "--tsv", tmp_path / "a.tsv", "--html", "/nowhere/a.html")
    assert done.code == 1
    assert "/nowhere/a.html: cannot be written" in done.err
    assert not list(tmp_path.iterdir())
    done = run("predict", PROTEINS, "--multiqc", PROTEINS)
    assert done.code == 1 and "proteins.faa: cannot be made: File exists" in done.err
    (tmp_path / "g.gff3").write_text("##gff-version 3\nc\tx\tCDS\t1\t9\t.\t+\t0\tID=other\n")
    done = run(
        "predict",
        PROTEINS,
        "--gff3",
        tmp_path / "a.gff3",
        "--tsv",
        tmp_path / "a.tsv",
        "--annotation",
        tmp_path / "g.gff3",
    )
    assert done.code == 1 and "found none of the 4 called proteins" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["g.gff3"]


def test_no_output_may_be_an_input_or_another_output(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = PROTEINS.read_bytes()
    (tmp_path / "p.faa").write_bytes(content)
    (tmp_path / "link.faa").symlink_to("p.faa")
    (tmp_path / "sub").mkdir()
    for arguments, message in (
        (("predict", "p.faa", "-o", "link.faa"), "the output link.faa is the input p.faa"),
        (("predict", "link.faa", "--html", "p.faa"), "the output p.faa is the input link.faa"),
        (("predict", "p.faa", "--log", "p.faa"), "the output p.faa is the input p.faa"),
        (("predict", "x", "-o", "hits", "--log", "hits"), "two outputs to hits"),
        (("predict", "x", "--tsv", "y", "--jsonl", "sub/../y"), "two outputs to"),
        (
            ("predict", "p.faa", "--multiqc", ".", "--tsv", "sub/../p_tpspred_type_mqc.tsv"),
            "two outputs to sub/../p_tpspred_type_mqc.tsv",
        ),
        (("predict", "-", "--references", "-"), "two inputs from standard input"),
        (("embed", "p.faa", "-o", "p.faa"), "the output p.faa is the input p.faa"),
        (("merge", "a", "b", "-o", "b"), "the output b is the input b"),
        (("prepare", "r.csv", "-o", "d", "--fasta", "d"), "two outputs to d"),
        (("train", "d", "s.h5", "--negatives", "n.h5", "-o", "n.h5"), "the output n.h5 is"),
        (("calibrate", "m.h5", "d", "s.h5", "-o", "m.h5"), "the output m.h5 is the input"),
    ):
        done = run(*arguments)
        assert done.code == 2 and message in done.err, arguments
    assert (tmp_path / "p.faa").read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.faa", "p.faa", "sub"]


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_path_of_a_command_is_known_as_input_or_output(name):
    """What is not known could overwrite an input without an error."""
    other = {
        # Folders, in which every file is checked, and the store that featurize replaces.
        ("predict", "multiqc"),
        ("evaluate", "tables"),
        ("featurize", "source"),
        ("slurm", "work"),
        ("pbs", "work"),
    }
    for parameter in cli.group.get_command(None, name).params:
        words = set((parameter.metavar or "").replace("|", " ").strip("[].").split())
        if words & {
            "FILE",
            "FOLDER",
            "STORE",
            "FASTA",
            "DATASET",
            "MODEL",
            "PROTEINS",
            "SHARD",
            "TABLE",
        }:
            is_known = parameter.type in options.PATHS
            assert is_known != ((name, parameter.name) in other), parameter.name


@pytest.mark.slow
def test_neighbours_are_counted_and_aligned(run, model, tmp_path):
    """The references are the queries themselves, with the names of their neighbours."""
    rows = [
        json.loads(line)
        for line in run(
            "predict", PROTEINS, "--format", "jsonl", "--neighbours", 2
        ).out.splitlines()
    ]
    assert {len(row["neighbours"]) for row in rows} == {0, 2}
    proteins = {record.id: record.sequence for record in fasta.read_fasta(PROTEINS)}
    first, second = rows[0]["neighbours"][0], rows[1]["neighbours"][1]
    (tmp_path / "r.faa").write_text(
        f">{first['id']}\n{proteins[rows[0]['id']]}\n"
        f">{second['accessions'][0]} x\n{proteins[rows[1]['id']]}"
    )
    done = run("predict", PROTEINS, "--format", "jsonl", "--references", tmp_path / "r.faa")
    given = [json.loads(line) for line in done.out.splitlines()]
    for alignment in (
        given[0]["neighbours"][0]["alignment"],
        given[1]["neighbours"][1]["alignment"],
    ):
        assert alignment["identity"] == 1
        assert alignment["coverage"] > 0.95
        assert alignment["e_value"] < 1e-100
    assert given[2]["neighbours"][0]["alignment"] is None
    (tmp_path / "none.faa").write_text("")
    done = run("predict", PROTEINS, "--references", tmp_path / "none.faa")
    assert "none.faa: found no sequence" in done.err


@pytest.mark.slow
def test_explain(run):
    done = run("explain", PROTEINS, "--id", "bacteria_sesq_di_1", "--top", 5)
    rows = table(done.out)
    assert done.code == 0 and [row["kind"] for row in rows] == ["residue"] * 5 + ["feature"] * 5
    bacterial = next(row for row in table(EXPECTED) if row["id"] == "bacteria_sesq_di_1")
    name, _, probability = bacterial["ensembles"].partition(";")[0].partition(":")
    assert f"ensemble:{name} of bacteria_sesq_di_1: probability {probability};" in done.err
    named = run(
        "explain",
        PROTEINS,
        "--id",
        "bacteria_sesq_di_1",
        "--label",
        "is_tps:terpene_synthase",
        "--top",
        5,
    )
    assert named.out != done.out and "is_tps:terpene_synthase of bacteria_sesq_di_1" in named.err
    for name, message in (
        ("nobody", "found no record nobody"),
        ("random_0", "found no match to a family profile"),
    ):
        failed = run("explain", PROTEINS, "--id", name)
        assert (failed.code, failed.out) == (1, b"") and message in failed.err


@pytest.mark.slow
def test_info(run, model):
    text = run("info").out.decode()
    assert f"sha256: {model.checksum}" in text and "networks: 10" in text
    about = json.loads(run("info", "--json").out)
    rows = {row["label"]: row for row in about["labels"]}
    assert rows["ensemble:tri_squalene"]["positives"] == 39
    assert rows["ensemble:tri_squalene"]["threshold"] == POSSIBLE
    callable_ensembles = {
        label.removeprefix("ensemble:")
        for label, row in rows.items()
        if label.startswith("ensemble:") and row["threshold"] <= 1
    }
    assert callable_ensembles == set(model.callable_ensembles()) < set(model.ensembles.values())
    assert len(rows) == len(model.labels)
    assert about["calibration"]["proteins"] == model.calibration.sequences
    assert "ensemble:tri_squalene\t39\t" in text
    assert run("info", DATA / "proteins.faa").code == 1


def called_ensembles(row):
    """The called ensembles of a row of the table, with their probabilities."""
    cells = [cell.split(":") for cell in row["ensembles"].split(";") if ":" in cell]
    return {name: float(probability) for name, probability in cells}


def test_ensembles_are_called_from_one_probability_on_and_have_a_word_for_it():
    rows = table(EXPECTED)
    assert any(map(called_ensembles, rows))
    for row in rows:
        called = called_ensembles(row)
        assert len(called) <= MAX_ENSEMBLES
        assert all(probability >= POSSIBLE for probability in called.values())
        assert list(called.values()) == sorted(called.values(), reverse=True)
        words = [f"{name}:{EnsembleCall(name, called[name]).confidence}" for name in called]
        assert row["ensemble_confidence"] == (";".join(words) or row["ensembles"])


def test_help_names_the_default_of_the_precision(run):
    text = " ".join(run("predict", "--help").out.decode().split())
    assert f"[default: call from a probability of {POSSIBLE}]" in text
    assert {5: "At most five ensembles"}[MAX_ENSEMBLES] in text


@pytest.mark.slow
def test_precision_and_coverage_are_chosen(run, model):
    usual = table(EXPECTED)
    assert {row["ensemble_set"] for row in usual} == {"NA"}
    strict, sure = (
        table(run("predict", PROTEINS, "--target-precision", share).out) for share in ("0.5", "1")
    )
    promised = model.with_promises(0.5).calibration
    column_of = {name: i for i, name in model.ensembles.items()}
    called = [called_ensembles(row) for row in strict]
    assert sum(map(len, map(called_ensembles, sure))) <= sum(map(len, called)) and any(called)
    for name, probability in itertools.chain.from_iterable(map(dict.items, called)):
        column = column_of[name]
        assert promised.precision[column] >= 0.5
        assert probability >= promised.thresholds[column] - 1e-4
    done = run("predict", PROTEINS, "--target-precision", 0.7)
    assert "ensembles reach a precision of 0.7" in done.err
    wide, narrow = (
        table(run("predict", PROTEINS, "--coverage", share).out) for share in ("0.9", "0.5")
    )
    for some, more in zip(narrow, wide):
        assert (more["ensemble_set"] == "NA") == (more["status"] == "not_tps")
        assert set(some["ensemble_set"].split(";")) - {"none"} <= set(
            more["ensemble_set"].split(";")
        )
    assert run("predict", PROTEINS, "--coverage", 1).code == 2


@pytest.mark.parametrize(
    "content, message",
    [
        (b"no fasta", "before any header"),
        (
            b">a\n" + b"ACGTTGCA" * 10,
            "found nucleotide sequences only, such as record a; wanted proteins (translate it",
        ),
        (b">a\nM\0V\n", "found binary data"),
    ],
)
def test_wrong_input_is_one_line_and_exit_1(run, tmp_path, content, message):
    path = tmp_path / "bad.faa"
    path.write_bytes(content)
    done = run("predict", path, "-o", tmp_path / "out.tsv")
    assert done.code == 1
    assert message in done.err
    assert "bad.faa" in done.err
    assert "Traceback" not in done.err
    assert sorted(tmp_path.iterdir()) == [path]  # nothing half-written


def test_an_id_that_occurs_twice_is_kept_or_gets_a_suffix_or_stops_the_run(run):
    faa = b">a\nMKV\n>a\nMKL\n"
    for arguments, ids in (((), ["a", "a"]), (("--duplicates", "suffix"), ["a", "a_2"])):
        done = run("predict", "-", *arguments, stdin=faa)
        assert [row["id"] for row in table(done.out)] == ids
        assert ("1 records have an id that came before, the first is a" in done.err) != bool(
            arguments
        )
    done = run("predict", "-", "--duplicates", "error", stdin=faa)
    assert done.code == 1 and "record 2: found the id a, which came before" in done.err


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_a_proteome_that_repeats_ids_has_all_formats(run, kind):
    arguments = ("--format", kind, *FORMAT_OPTIONS.get(kind, ()))
    once = run("predict", PROTEINS, *arguments).out
    twice = run("predict", "-", *arguments, stdin=PROTEINS.read_bytes() * 2)
    assert twice.code == 0
    ids = re.findall(rb"ID=([^;]*)", twice.out)
    lines = 0 if kind == "html" else len(once.splitlines())
    assert len(set(ids)) == len(ids) == 2 * len(re.findall(rb"ID=", once))
    if lines:
        heading = {"tsv": 1, "gff3": 1, "jsonl": 0, "gaf": 5}[kind]
        assert len(twice.out.splitlines()) == 2 * lines - heading


def test_odd_records_have_a_row_and_stop_only_a_strict_run(run):
    odd = b">a\nMKV\n>b\nMK4\n>c\n" + b"ACGT" * 20 + b"\n>\nMKL\n>d\nMKI\n"
    done = run("predict", "-", stdin=odd)
    assert [(row["id"], row["length"], row["status"]) for row in table(done.out)] == [
        ("a", "3", "not_tps"),
        ("b", "3", "invalid_residue"),
        ("c", "80", "nucleotide"),
        ("unnamed_line_7", "3", "not_tps"),
        ("d", "3", "not_tps"),
    ]
    assert (
        "tpspred: warning: odd records: 1 invalid_residue, 1 nucleotide, 1 without_id; the first: "
        "-, line 3, record b: found '4' at residue 3; wanted amino acids in one-letter code"
    ) in done.err.splitlines()
    done = run("predict", "-", "--strict", stdin=odd)
    assert done.code == 1 and "record b: found '4' at residue 3" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "x", "--target-precision", "nan"),
        ("predict", "x", "--coverage", "nan"),
        ("predict", "x", "--threads", "100000"),
        ("predict", "x", "--neighbours", "99999999999999999999"),
        ("predict", "x", "--shard", "1/1e23"),
        ("predict", "x", "--shard", "1/99999999999999999999999"),
        ("predict", "x", "--shard", "١/٢"),
        ("evaluate", "x", "--identity", "nan"),
        ("evaluate", "x", "--identity", "-0.1"),
        ("evaluate", "x", "--max-identity", "101"),
        ("evaluate", "x", "--fold-count", "99999999999999999999"),
        ("evaluate", "x", "--seed", "1e20"),
    ],
)
def test_numbers_that_mean_nothing_are_wrong_usage(run, arguments):
    done = run(*arguments)
    assert done.code == 2 and "Invalid value for '" in done.err


@pytest.mark.parametrize("option", ["--identity", "--max-identity"])
def test_a_per_cent_is_refused_with_the_share_that_it_is(run, option):
    done = run("evaluate", "x", option, 50)
    assert done.code == 2 and "50 is a per cent; write it as a share, 0.5." in done.err


@pytest.mark.parametrize(
    "option, value",
    [
        ("--learning-rate", "nan"),
        ("--learning-rate", "inf"),
        ("--dropout", "nan"),
        ("--seed", "99999999999999999999"),
        ("--seed", "-1"),
        ("--epochs", "99999999999999999999"),
    ],
)
def test_hyperparameters_out_of_range_are_named(run, option, value):
    done = run("train", "d.tsv", "s.h5", "-o", "m.h5", option, value)
    assert done.code in (1, 2) and option in done.err and "this is a bug" not in done.err


def test_predict_refuses_a_file_that_is_no_model(run, tmp_path):
    (tmp_path / "m.h5").write_text("weights")
    done = run("predict", PROTEINS, "-m", tmp_path / "m.h5")
    assert done.code == 1 and "m.h5: found a file that is not HDF5" in done.err


def test_unwritable_target_is_named(run):
    done = run("predict", PROTEINS, "-o", "/nowhere/hits.tsv")
    assert done.code == 1 and "/nowhere/hits.tsv: cannot be written" in done.err


def test_quiet_and_log(run, tmp_path):
    done = run("predict", PROTEINS, "-q", "--log", tmp_path / "log")
    assert done.err == "" and "7 proteins scored" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    "arguments, code",
    [
        ((), 2),
        (("predict",), 2),
        (("predict", "x", "--threads", "0"), 2),
        (("fly",), 2),
        (("predict", "x", "--nope"), 2),
        (("--help",), 0),
        (("--version",), 0),
        (("predict", "nowhere.faa"), 1),
    ],
)
def test_exit_status(run, arguments, code):
    assert run(*arguments).code == code


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help(run, name):
    done = run(name, "--help")
    assert done.code == 0 and done.out.startswith(b"Usage: tpspred " + name.encode())


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_consists_of_whole_sentences(name):
    command = cli.group.get_command(None, name)
    for text in (command.help, command.short_help):
        assert text.strip().endswith(".")
    for parameter in command.params:
        if parameter.param_type_name == "option":
            assert parameter.help[0].isupper(), parameter.name
            assert parameter.help.endswith("."), parameter.name


@pytest.mark.slow
def test_the_pipeline_is_a_chain_of_commands(run, tmp_path, monkeypatch):
    """From prepare to predict, with pipes where they make sense."""
    monkeypatch.chdir(tmp_path)
    assert run("prepare", DATA / "reactions.csv", "-o", "d.tsv", "--fasta", "d.faa").code == 0
    assert len(read_enzymes("d.tsv")) == 24
    assert "found" not in run("profiles", "d.tsv", "-o", "e.h5").err
    piped = run(
        "embed", "-", "-o", "-", "--encoder", "e.h5", stdin=(tmp_path / "d.faa").read_bytes()
    ).out
    assert run("featurize", "-", "-o", "d.h5", "--encoder", "e.h5", stdin=piped).code == 0
    assert run("embed", DATA / "negatives.faa", "-o", "n.h5", "--encoder", "e.h5").code == 0
    assert run("featurize", "n.h5", "--encoder", "e.h5").code == 0
    assert store.read("d.h5").features.shape == (24, 64)

    training = (
        "train",
        "d.tsv",
        "d.h5",
        "--negatives",
        "n.h5",
        "--encoder",
        "e.h5",
        "--folds",
        3,
        "--members",
        3,
        "--epochs",
        2,
        "--device",
        "cpu",
    )
    first = run(*training, "-o", "m.h5", "--history", "h.tsv", "-v", "--name", "mine")
    assert first.code == 0
    assert "member 0 epoch 1 loss" in first.err
    assert "unsupported: ensemble:mono_pinene" in first.err
    assert len((tmp_path / "h.tsv").read_text().splitlines()) == 7
    assert run("calibrate", "m.h5", "d.tsv", "d.h5", "--negatives", "n.h5", "-o", "c.h5").code == 0
    # The negatives may be FASTA: the models are the same.
    from_fasta = [DATA / "negatives.faa" if part == "n.h5" else part for part in training]
    assert run(*from_fasta, "-o", "mf.h5", "--name", "mine").code == 0
    assert (tmp_path / "mf.h5").read_bytes() == (tmp_path / "m.h5").read_bytes()
    others = ("--negatives", DATA / "negatives.faa")
    assert run("calibrate", "m.h5", "d.tsv", "d.h5", *others, "-o", "cf.h5").code == 0
    assert (tmp_path / "cf.h5").read_bytes() == (tmp_path / "c.h5").read_bytes()
    rows = table(run("predict", "d.faa", "-m", "c.h5").out)
    assert len(rows) == 24 and rows[0]["model"].startswith("mine:")
    assert {row["nearest_similarity"] for row in rows} <= {
        f"{value:.4f}" for value in np.arange(0.99, 1.01, 1e-4)
    }

    for arguments, message in (
        (("--folds", 2), "--folds: found 2; wanted at least 3\n"),
        (("--members", 11), "--members: found 11; wanted at most --folds, 10\n"),
    ):
        refused = run("train", "d.tsv", "d.h5", *arguments, "-o", "x.h5", "--encoder", "e.h5")
        assert refused.code == 2 and refused.err.endswith(message)
    wrong = run("train", "d.tsv", "d.h5", "-o", "x.h5")  # the bundled encoder made no such store
    assert wrong.code == 1 and "d.h5: found an embedding by profile" in wrong.err
    missing = run("train", "d.tsv", "n.h5", "-o", "x.h5", "--encoder", "e.h5")
    assert missing.err.count("every sequence of the dataset") == 1
    assert not (tmp_path / "x.h5").exists()
    single = run(*training[:-4], "--members", 1, "--epochs", 1, "-o", "s.h5")
    assert single.code == 0
    seen = run("calibrate", "s.h5", "d.tsv", "d.h5", "-o", "x.h5")
    assert seen.code == 1 and "sequences that the model was trained on" in seen.err


@pytest.mark.slow
def test_embed_again_computes_only_what_is_missing(run, tmp_path):
    target = tmp_path / "s.h5"
    head = b">" + b">".join(PROTEINS.read_bytes().split(b">")[1:3])
    assert run("embed", "-", "-o", target, stdin=head).code == 0
    assert run("embed", PROTEINS, "-o", target).code == 0
    again = store.read(target)
    target.unlink()
    assert run("embed", PROTEINS, "-o", target).code == 0
    assert np.array_equal(again.embedding, store.read(target).embedding) and len(again) == 7


@pytest.mark.slow
def test_embed_refuses_the_store_of_another_encoder(run, tmp_path, small):
    store.write(small.table, tmp_path / "s.h5")
    before = (tmp_path / "s.h5").read_bytes()
    done = run("embed", PROTEINS, "-o", tmp_path / "s.h5")
    assert done.code == 1 and "s.h5: found an embedding by profile" in done.err
    assert (tmp_path / "s.h5").read_bytes() == before


def test_prepare_writes_nothing_when_a_row_is_bad(run, tmp_path):
    lines = (DATA / "reactions.csv").read_text().splitlines()
    (tmp_path / "r.csv").write_text("\n".join([*lines[:5], lines[5] + ",more"]) + "\n")
    done = run("prepare", tmp_path / "r.csv", "-o", tmp_path / "d.tsv")
    assert done.code == 1 and "r.csv, line 6: found 15 columns; wanted 14" in done.err
    assert not (tmp_path / "d.tsv").exists()
