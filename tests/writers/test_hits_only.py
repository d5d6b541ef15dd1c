"""Only the hits among the calls."""

import functools

import pytest
from support import DATA

from tpspred.writers import ROW_FORMATS, hits_only, jsonl, tsv

PROTEINS = DATA / "proteins.faa"
EXPECTED = (DATA / "expected.tsv").read_text().splitlines(keepends=True)


@pytest.mark.parametrize("writer", [tsv.Writer, jsonl.Writer])
def test_only_hits_are_passed_on(model, awkward_call, unscored_call, written, writer):
    likely = awkward_call._replace(status="uncertain")
    related = awkward_call._replace(status="related")
    calls = [unscored_call, awkward_call, related, likely]
    filtered = functools.partial(hits_only.Writer, make_writer=writer)
    assert written(filtered, model, *calls) == written(writer, model, awkward_call, related, likely)


def test_the_table_of_hits_has_their_rows_alone_and_the_others_are_counted(run, model):
    odd = b">a\nMK*L\n>b\n\n"
    done = run("predict", "-", "--hits-only", stdin=PROTEINS.read_bytes() + odd)
    assert (done.code, done.out.decode()) == (0, "".join(EXPECTED[:5]))
    assert done.err.splitlines()[-2:] == [
        f"tpspred: 9 proteins scored with {model.name}",
        "tpspred: 5 proteins without a call left out: 3 not_tps, 1 internal_stop, 1 empty",
    ]


def test_every_format_with_a_row_for_every_record_is_restricted(run, tmp_path):
    lines_of = {}
    for name in ROW_FORMATS:
        done = run("predict", PROTEINS, "--hits-only", f"--{name}", tmp_path / name)
        assert done.code == 0
        lines_of[name] = len((tmp_path / name).read_text().splitlines())
    assert lines_of == {"tsv": 5, "jsonl": 4}


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--html", "x.html"), "--hits-only is for the table and JSON lines: add --tsv FILE or"),
        (("--shard", "1/2"), "--hits-only: tpspred merge needs a row of every record of a shard"),
    ],
)
def test_where_hits_only_would_do_nothing_or_harm_it_is_refused(run, arguments, message):
    done = run("predict", PROTEINS, "--hits-only", *arguments)
    assert (done.code, done.out) == (2, b"") and message in done.err
