"""The benchmark scripts run; what they measure is not judged here."""

import csv
import gzip
import re
import shutil
import subprocess
import sys

import pytest
import torch
from browser import needs_chromium
from support import DATA, ROOT

from tpspred import building
from tpspred.dataset.ensembles import SLUGS
from tpspred.dataset.labels import labels_of
from tpspred.evaluation.cross_validation import NearHeldOut
from tpspred.io.fasta import ProteinRecord, read_fasta
from tpspred.model import checkpoint
from tpspred.model.trained import sequence_hash


def benchmark(script, *arguments):
    """Run a benchmark script and return what it printed: stdout and stderr."""
    command = [sys.executable, ROOT / "benchmarks" / script, *arguments]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def markdown_row(text):
    """The first row of a Markdown table as column → cell."""
    header, _, row = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[:3]
    )
    return dict(zip(header, row, strict=True))


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("hmmsearch"), reason="HMMER's hmmsearch is not installed")
def test_proteome_times_both_programs():
    out, _ = benchmark("proteome.py", DATA / "proteins.faa", "--runs", 1, "--copies", 2)
    start, proteomes, shards, threads = re.split(r"\n(?=[|] (?:proteome) [|])", out)
    assert markdown_row(start)["command"] == "tpspred --version"
    row = markdown_row(proteomes)
    assert [row[name] for name in ("proteome", "proteins", "tps")] == ["proteins", "7", "3"]
    assert float(row["predict, s"]) > 0 and float(row["hmmsearch, s"]) > 0
    assert proteomes.splitlines()[3].startswith("| 2 × proteins | 14 |")
    assert markdown_row(shards)["overhead"].endswith("%")
    assert markdown_row(threads)["faster"].endswith("×")


@pytest.mark.slow
@needs_chromium
def test_page_measures_size_and_time():
    out, _ = benchmark("page.py", DATA / "proteins.faa", "--runs", 1, "--calls", 70)
    row = markdown_row(out)
    assert row["calls"] == "70" and 100 < int(row["page, kB"]) < 500
    assert float(row["first rows, s"]) > 0 and float(row["all rows, s"]) > 0


@pytest.mark.slow
def test_formats_times_one_format_beside_all():
    out, _ = benchmark("formats.py", DATA / "proteins.faa", "--runs", 1)
    row = markdown_row(out)
    assert row["proteome"] == "proteins"
    assert float(row["TSV, s"]) > 0 and float(row["all, s"]) > 0


@pytest.mark.slow
def test_out_of_fold_scores_every_enzyme_with_a_model_that_has_not_seen_it(
    tmp_path, enzymes, tiny_weights
):
    """A benchmark folder of sampled enzymes goes through the real script."""
    data = tmp_path / "data"
    truth = tmp_path / "benchmark/truth.tsv"
    data.mkdir()
    truth.parent.mkdir()
    shutil.copy(DATA / "reactions.csv", data / "marts_reactions.csv.gz")
    shutil.copy(DATA / "negatives.faa", data / "swissprot_negatives.fasta.gz")
    with gzip.open(data / "hard_negatives.tsv.gz", "wt") as handle:
        print("id", "category", "evidence", "sequence", sep="\t", file=handle)
        print("look_alike", "transIDS", "name", enzymes[-1].sequence, sep="\t", file=handle)
    with open(truth, "w") as handle:
        print("id", "fold50", "product_types", sep="\t", file=handle)
        for i, enzyme in enumerate(enzymes):
            print(enzyme.id, i % 2, "mono", sep="\t", file=handle)
    # Of two more enzymes one is like none, and trains in both folds; one is like those of fold 0.
    like_none, like_first = enzymes[0].sequence[::-1], enzymes[0].sequence[:-2] + "AA"
    with open(tmp_path / "added.tsv", "w") as handle:
        print("id", "product_types", "products_smiles_nostereo", "sequence", sep="\t", file=handle)
        for name, sequence in (("none", like_none), ("first", like_first)):
            print(name, "mono", "CC1=CCC(CC1)C(C)=C", sequence, sep="\t", file=handle)
    arguments = ["--data", tmp_path, "--level", 50, "-o", tmp_path / "p.tsv"]
    arguments += ["--added", tmp_path / "added.tsv"]
    arguments += ["--folds", 3, "--members", 3, "--epochs", 2, "--tables", tmp_path / "t"]
    arguments += ["--encoder", "esm2_tiny", "--weights", tiny_weights]
    rankings = ["--products", tmp_path / "r.tsv", "--identifiers", tmp_path / "i.tsv"]
    out, err = benchmark("out_of_fold.py", *arguments, *rankings)
    with open(tmp_path / "p.tsv", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    assert [row["id"] for row in rows] == [enzyme.id for enzyme in enzymes]
    assert set(rows[0]) == {"id", "status"} | {label.name for label in labels_of(enzymes)}
    assert all(-17 < float(row[slug]) < 17 for row in rows for slug in SLUGS)
    # Each of the four that match a profile trains in one of two folds. The look-alike, identical
    # to an enzyme, never does.
    used = re.findall(r"^fold \d: (\d+) enzymes, (\d) negatives", err, re.M)
    assert sum(int(negatives) for _, negatives in used) == 4
    assert used[0][0] == "13" and used[1][0] in ("13", "14")
    assert "recall (tps or uncertain)" in out
    with open(tmp_path / "t/gaps.tsv", newline="") as handle:
        gaps = list(csv.DictReader(handle, delimiter="\t"))
    assert {row["method"] for row in gaps} == {"esm2_tiny", "profile+esm2_tiny"}
    assert all(
        float(row["low"]) <= float(row["high"]) for row in gaps if row["group"] == "ensemble"
    )

    # Products are those of other folds, the likeliest first, and have EC numbers to be compared.
    with open(tmp_path / "r.tsv", newline="") as handle:
        ranked = list(csv.DictReader(handle, delimiter="\t"))
    called = {row["id"] for row in rows if row["status"] in ("tps", "related", "uncertain")}
    assert {row["id"] for row in ranked} <= called
    scores = [(row["id"], -float(row["score"])) for row in ranked]
    assert scores == sorted(scores)
    structures = {smiles for enzyme in enzymes for smiles in enzyme.structures}
    assert {row["product"] for row in ranked} <= structures | {"CC1=CCC(CC1)C(C)=C"}
    with open(data / "marts_ec.tsv", "w") as handle:
        print("enzyme", "product_type", "ec", sep="\t", file=handle)
        for enzyme in enzymes[:6]:
            print(enzyme.id, "mono", "4.2.3.15,4.2.3.-", sep="\t", file=handle)
    with gzip.open(tmp_path / "benchmark/blast_hits.tsv.gz", "wt") as handle:
        print("query", "subject", "bitscore", sep="\t", file=handle)
        print(enzymes[0].id, enzymes[1].id, 90, sep="\t", file=handle)  # of the other fold
        print(enzymes[0].id, enzymes[2].id, 99, sep="\t", file=handle)  # of its own
        print(enzymes[1].id, enzymes[8].id, 99, sep="\t", file=handle)  # without a number
    out, _ = benchmark("ec_numbers.py", *arguments[:4], *rankings)
    found = [line.split("\t") for line in out.splitlines()[1:]]
    assert [row[:3] for row in found] == [
        [method, digits, "6"]
        for digits in "43"
        for method in ("column ec", "likeliest product", "three likeliest", "best BLAST hit")
    ]
    assert found[3][3:] == found[7][3:] == ["0.167", "1.000", "0.167", "1.000"]


@pytest.mark.slow
def test_members_of_a_family_are_left_out_one_by_one(tmp_path, monkeypatch, model):
    """Enzymes of the bundled model stand for those of the new table."""
    records = list(read_fasta(DATA / "proteins.faa"))
    called = [call for call in model.predict(records) if call.is_called][:3]
    sequence_of = {record.id: record.sequence for record in records}
    (tmp_path / "data").mkdir()
    with open(tmp_path / "data/marts_2026_02_new.tsv", "w") as handle:
        print("id", "product_types", "products_smiles_nostereo", "sequence", sep="\t", file=handle)
        for call in called:
            print(
                call.id, "mono", "CC1=CCC(CC1)C(C)=C", sequence_of[call.id], sep="\t", file=handle
            )
    with gzip.open(tmp_path / "data/hard_negatives.tsv.gz", "wt") as handle:
        print("id", "category", "evidence", "sequence", sep="\t", file=handle)
        print("look_alike", "UbiA", "name", sequence_of[called[0].id][5:], sep="\t", file=handle)
    shutil.copy(DATA / "negatives.faa", tmp_path / "data/swissprot_negatives.fasta.gz")
    ids = ",".join(call.id for call in called)
    out, _ = benchmark("leave_one_out.py", "--data", tmp_path, "--ids", ids, "--category", "UbiA")
    lines = out.splitlines()
    assert [line.split("\t")[0] for line in lines[1:4]] == [call.id for call in called]
    assert lines[-3].startswith("enzymes of 3 3 ")


@pytest.mark.slow
def test_time_split_scores_new_enzymes_beside_blast(tmp_path, small, enzymes):
    """The new enzymes are known to the model and to BLAST, which find all of them."""
    (tmp_path / "data").mkdir()
    shutil.copy(DATA / "reactions.csv", tmp_path / "data/marts_reactions.csv.gz")
    with open(tmp_path / "data/marts_2026_02_new.tsv", "w") as handle:
        print("id", "product_types", "ensembles", "sequence", sep="\t", file=handle)
        for enzyme in enzymes:
            lists = (";".join(enzyme.product_types), ";".join(enzyme.ensembles))
            print(enzyme.id, *lists, enzyme.sequence, sep="\t", file=handle)
    shutil.copy(DATA / "negatives.faa", tmp_path / "data/swissprot_negatives.fasta.gz")
    with gzip.open(tmp_path / "data/hard_negatives.tsv.gz", "wt") as handle:
        print("id", "category", "evidence", "sequence", sep="\t", file=handle)
    checkpoint.save(small.predictor, tmp_path / "m.h5")
    out, _ = benchmark("time_split.py", "--data", tmp_path, "--model", tmp_path / "m.h5")
    trained, own, blast = out.splitlines()[4:]
    assert trained.startswith(f"| trained here, which has seen {len(enzymes)} |")
    assert trained.endswith("| 0 |") and own.endswith("| 0 |")
    assert f"m.h5, which has seen {len(enzymes)} |" in own
    assert blast.split(" | ")[2:] == ["1.000", str(len(enzymes)), "0 |"]


@pytest.mark.slow
def test_nothing_of_a_left_out_fold_reaches_training(small, enzymes):
    """A model is the same to the last bit beside other left-out proteins, and knows none."""
    kept = enzymes[:18]
    left_out = [enzyme.sequence for enzyme in enzymes[18:]]
    first, second = (
        building.build_model(
            kept,
            [],
            small.config,
            "m",
            torch.device("cpu"),
            labels_of(enzymes),
            exclude=NearHeldOut(
                [ProteinRecord("left", "", sequence) for sequence in held_out], 0.5
            ).exclude,
        )[0]
        for held_out in (left_out, [sequence[::-1] for sequence in left_out])
    )
    assert first.encoder.checksum == second.encoder.checksum
    for name, weights in first.trained.weights.items():
        assert (weights == second.trained.weights[name]).all()
    known = set(first.trained.sequence_hashes.tolist())
    assert not known & set(map(sequence_hash, left_out))
    assert {about["id"] for about in first.references.about} == {enzyme.id for enzyme in kept}


@pytest.mark.slow
def test_model_card_is_filled_with_the_numbers_of_the_model_and_the_tables(model, tmp_path):
    """A stand-in scores two labels; the statuses, negatives and promises are read from tables."""
    score = tmp_path / "benchmark/score.py"
    score.parent.mkdir()
    score.write_text(
        "for name in ('mono_pinene', 'mono'):\n"
        "    print(name, 9, 0.5, 0.25, 0.75, 0.125, sep='\\t')\n"
        "for name in ('model', 'BLAST'):\n"
        "    print(name, 'macro AP 0.6', 'AP all 0.5', 'macro F1 0.4', sep='\\t')\n"
        "print('ratio', 'gap in AP all +0.1 [+0.0, +0.2]', sep='\\t')\n"
    )
    (score.parent / "score_products.py").write_text(
        "for name in ('model', 'blast'):\n"
        "    shares = 'top 1 0.3', 'top 3 0.4', 'top 5 0.5', 'MAP 0.35'\n"
        "    print(name, *shares, '9 enzymes', sep='\\t')\n"
        "print('ratio', 'top 1 1.0', 'gap in top 3 +0.1 [+0.0, +0.2]', sep='\\t')\n"
    )
    folds = "fold_random\tfold70\tfold50\tfold40"
    (score.parent / "truth.tsv").write_text(
        f"id\tproduct_types\t{folds}\na\tmono\t0\t0\t0\t0\nb\tpt\t1\t1\t1\t1\nc\tmono;pt\t1\t1\t1\t1\n"
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data/marts_ec.tsv").write_text(
        "enzyme\tproduct_type\tec\na\tmono\t4.2.3.15\nb\tpt\t2.5.1.1\nc\tmono\t4.2.3.16\n"
    )
    with gzip.open(score.parent / "blast_hits.tsv.gz", "wt") as handle:
        handle.write("query\tsubject\tbitscore\na\tc\t90\n")
    tables = {
        "terpene_synthases": "against\tnegatives\taverage_precision\tlow\thigh\troc_auc\t"
        "precision_of_tps\trecall_of_tps\tcalibration_error\nhard\t7\t0.9\t0.8\t1\t0.7\t0.6\t0.5\t0.1\n",
        "identity": "method\tidentity_from\tidentity_to\tenzymes\tcalibration_error\t"
        "calibration_error_of_calls\ntpspred\t0.4000\t0.6000\t9\t0.01\t0.02\n",
        "options": "option\tset_to\tidentity_from\tidentity_to\tmeasured\tensembles_per_enzyme\n"
        "target_precision\t0.8000\t0.0000\t1.0000\t0.81\t1.5\n"
        "target_precision\t0.8000\t0.0000\t0.2000\t0.71\t1.4\n",
    }
    for level in ("random", "70", "50", "40"):
        (tmp_path / f"{level}.tsv").write_text("id\tstatus\na\ttps\nb\trelated\nc\tuncertain\n")
        (tmp_path / f"{level}.products.tsv").write_text("id\tproduct\tscore\n")
        (tmp_path / f"{level}.identifiers.tsv").write_text("id\tec\na\t4.2.3.15\nc\t4.2.3.-\n")
        (tmp_path / level).mkdir()
        for name, text in tables.items():
            (tmp_path / level / f"{name}.tsv").write_text(text)
    card, _ = benchmark("model_card.py", "--benchmark", score.parent, "--predictions", tmp_path)
    bundled = (ROOT / "tpspred/resources/model_card.md").read_text()
    assert card.splitlines()[:24] == bundled.splitlines()[:24]  # the words and the model's numbers
    assert [line for line in card.splitlines() if line.startswith("#")] == [
        line for line in bundled.splitlines() if line.startswith("#")
    ]
    for row in (
        "| product types | 70 | 0.6 | 0.6 | 0.4 | 0.4 | +0.1 [+0.0, +0.2] |",
        "| 70 | 9 | 0.3 (0.3) | 0.4 (0.4) | 0.5 (0.5) | 0.35 (0.35) | +0.1 [+0.0, +0.2] |",
        "| 70 | column ec | 4 | 2 | 0.500 | 1.000 | 0.500 | 1.000 |",
        "| 70 | column ec | 3 | 2 | 1.000 | 1.000 | 1.000 | 1.000 |",
        "| 70 | best BLAST hit | 4 | 2 | 0.500 | 1.000 | 0.000 | 0.000 |",
        "| 50 | 2 | 1 | 1 | 0 | 0 | 100.0% | 1 | 0 |",
        "| 40 | hard | 7 | 0.9 | 0.8–1 | 0.7 | 0.6 | 0.5 | 0.1 |",
        "| 40% to 60% |" + " 0.01 (0.02), n = 9 |" * 4,
        "| target precision | 0.8 | 0.81 | 0.81 | 0.81 | 0.81 | 1.5 | 1.5 | 1.5 | 1.5 |",
    ):
        assert row in card.splitlines()
    (pinene,) = (line for line in card.splitlines() if line.startswith("| mono_pinene |"))
    assert pinene.endswith("| 0.5 (0.25) | 0.75 (0.125) | 0.5 (0.25) | 0.75 (0.125) |")
    (taxane,) = (line for line in card.splitlines() if line.startswith("| di_taxane |"))
    assert taxane.endswith("| – | – | – | – |")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks, limits and events are those of Linux")
def test_reliability_counts_its_trials(tmp_path):
    table = tmp_path / "table.tsv"
    options = ["--minutes", 0.1, "--seed", 3, "--jobs", 1, "--kinds", "tables of shards"]
    out, err = benchmark("reliability.py", *options, "-o", table)
    row = markdown_row(out)
    exits = [int(row[f"exit {status}"]) for status in (0, 1, 2)]
    assert row["kind"] == "tables of shards" and int(row["inputs"]) == sum(exits) > 5
    with open(table, newline="") as handle:
        assert next(csv.DictReader(handle, delimiter="\t")) == row
    assert f"{row['inputs']} trials, 0 findings" in err


@pytest.mark.slow
def test_reliability_streams_proteins():
    out, _ = benchmark("reliability.py", "--stream", "--proteins", 300, 1200)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines()[2:]]
    assert [row[:3] for row in rows] == [["300", "300", "yes"], ["1200", "1200", "yes"]]
    assert all(float(cell) > 0 for row in rows for cell in row[3:])


def test_build_model_script_names_what_it_needs():
    done = subprocess.run([ROOT / "bin/build-model"], capture_output=True, text=True)
    assert done.returncode != 0 and "usage: build-model DATA_DIR" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("mode", [(), ("--passes",)])
def test_embed_is_compared_with_esm_extract(mode):
    out, _ = benchmark("embed.py", "--size", "tiny", "--sequences", 8, "--runs", 1, *mode)
    assert len(out.splitlines()) == 3
    row = markdown_row(out)
    assert float(row["ratio"]) > 0
    if not mode:
        assert float(row["cosine"]) > 0.9999 and float(row["cosine, same windows"]) > 0.9999
