"""All outputs of one run together."""

import datetime
import functools
import importlib
import json

import pytest

from tpspred.errors import InputError
from tpspred.writers import FORMATS, Output, gff3, jsonl, open_all, tsv
from tpspred.writers.gaf import Columns
from tpspred.writers.places import placed


def test_all_outputs_get_every_call(tmp_path, model, awkward_call, unscored_call, written):
    outputs = [
        Output(str(tmp_path / "a.tsv"), functools.partial(tsv.Writer, all_labels=True)),
        Output(str(tmp_path / "a.jsonl"), jsonl.Writer),
    ]
    calls = [awkward_call, unscored_call]
    with open_all(outputs, model) as write:
        for call in calls:
            write(call)
    table = written(tsv.Writer, model, *calls, all_labels=True)
    assert (tmp_path / "a.tsv").read_text() == table
    assert (tmp_path / "a.jsonl").read_text() == written(jsonl.Writer, model, *calls)


def test_an_output_goes_to_standard_output(model, unscored_call, capsys):
    with open_all([Output("-", jsonl.Writer)], model) as write:
        write(unscored_call)
    assert json.loads(capsys.readouterr().out)["id"] == "e"


def test_no_file_appears_before_the_end(tmp_path, model, unscored_call):
    target = tmp_path / "a.tsv"
    with open_all([Output(str(target), tsv.Writer)], model) as write:
        write(unscored_call)
        assert not target.exists()
    assert target.exists()


def test_no_file_appears_when_the_run_fails(tmp_path, model, unscored_call):
    outputs = [Output(str(tmp_path / f"{name}.tsv"), tsv.Writer) for name in "ab"]
    with pytest.raises(InputError), open_all(outputs, model) as write:
        write(unscored_call)
        raise InputError("record 2 cannot be read")
    assert not list(tmp_path.iterdir())


def test_no_file_appears_when_the_last_step_fails(tmp_path, model, awkward_call):
    genome = tmp_path / "genome.gff3"
    genome.write_text("c\tx\tCDS\t1\t9\t.\t+\t0\tID=other\n")
    outputs = [
        Output(str(tmp_path / "a.tsv"), tsv.Writer),
        Output(str(tmp_path / "a.gff3"), functools.partial(gff3.Writer, on_genome=True)),
    ]
    message = "none of the 1 called proteins"
    with pytest.raises(InputError, match=message), open_all(outputs, model) as write:
        for call, place in placed([("p.faa", awkward_call)], {"p.faa": genome}):
            write(call, place)
    assert list(tmp_path.iterdir()) == [genome]


def test_a_file_that_cannot_be_written_is_named(tmp_path, model):
    outputs = [
        Output(str(tmp_path / "a.tsv"), tsv.Writer),
        Output(str(tmp_path / "nowhere/a.jsonl"), jsonl.Writer),
    ]
    message = r"nowhere/a\.jsonl: cannot be written"
    with pytest.raises(InputError, match=message), open_all(outputs, model):
        pytest.fail("the block began")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_module_with_a_writer(name, model, awkward_call, written):
    module = importlib.import_module(f"tpspred.writers.{name}")
    needed = {"columns": Columns(3702, datetime.date(2026, 2, 22))} if name == "gaf" else {}
    assert "cineole" in written(module.Writer, model, awkward_call, **needed)
