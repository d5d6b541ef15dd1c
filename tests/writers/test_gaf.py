"""Calls as a GO annotation file."""

import datetime

import pytest

from tpspred import __version__
from tpspred.dataset.terms import read_terms
from tpspred.model.calls import ProductCall
from tpspred.writers import gaf

COLUMNS = gaf.Columns(3702, datetime.date(2026, 2, 22))


def lines(text):
    """Return the columns of every line that is no header."""
    return [line.split("\t") for line in text.splitlines() if not line.startswith("!")]


def test_header_names_format_program_and_date(model, written):
    assert written(gaf.Writer, model, columns=COLUMNS).splitlines() == [
        "!gaf-version: 2.2",
        "!generated-by: tpspred",
        "!date-generated: 2026-02-22",
        f"!tpspred-version: {__version__}",
        f"!model: {model.name}",
    ]


def test_line_of_a_synthase(model, awkward_call, written):
    (line,) = lines(written(gaf.Writer, model, awkward_call, columns=COLUMNS))
    assert line == [
        "local",
        awkward_call.id,
        awkward_call.id,
        "enables",
        "GO:0010333",
        model.name,
        "IEA",
        "EC:4.2.3.108|EC:4.2.3.119|EC:4.2.3.121",
        "F",
        "putative 1,8-cineole/α-pinene synthase",
        "",
        "protein",
        "taxon:3702",
        "20260222",
        "tpspred",
        "",
        "",
    ]


def test_every_function_has_a_line_with_its_ec_number(model, awkward_call, written):
    both = awkward_call._replace(
        product_type="tri",
        products=tuple(
            ProductCall(smiles, 0.9)
            for smiles in (
                "C=C(C)C1CCC2(C)CCC3(C)C(CCC4C5(C)CCC(O)C(C)(C)C5CCC43C)C12",
                "CC1(C)CCC2(C)CCC3(C)C(=CCC4C5(C)CCC(O)C(C)(C)C5CCC43C)C2C1",
            )
        ),
    )
    found = lines(written(gaf.Writer, model, both, columns=COLUMNS))
    assert [(line[4], line[7]) for line in found] == [
        ("GO:0031559", "EC:5.4.99.41"),
        ("GO:0042300", "EC:5.4.99.39"),
    ]
    names = {row.go: row.go_name for row in read_terms()}
    assert names["GO:0042300"] == "beta-amyrin synthase activity"


@pytest.mark.parametrize("status", ["uncertain", "not_tps"])
def test_what_is_no_synthase_has_no_line(model, awkward_call, written, status):
    product_type = "mono" if status == "uncertain" else None
    call = awkward_call._replace(status=status, product_type=product_type)
    assert not lines(written(gaf.Writer, model, call, columns=COLUMNS))


def test_an_id_of_uniprot_is_taken_apart(model, awkward_call, written):
    call = awkward_call._replace(id="sp|P37268|FDFT_HUMAN")
    (line,) = lines(written(gaf.Writer, model, call, columns=COLUMNS))
    assert line[:3] == ["UniProtKB", "P37268", "FDFT_HUMAN"] and line[16] == ""
    isoform = call._replace(id="sp|P37268-2|FDFT_HUMAN")
    (line,) = lines(written(gaf.Writer, model, isoform, columns=COLUMNS))
    assert line[:3] == ["UniProtKB", "P37268", "FDFT_HUMAN"] and line[16] == "UniProtKB:P37268-2"


def test_database_and_reference_can_be_given(model, awkward_call, written):
    columns = gaf.Columns(3702, COLUMNS.date, "TAIR", "PMID:2676709")
    (line,) = lines(written(gaf.Writer, model, awkward_call, columns=columns))
    assert (line[0], line[5]) == ("TAIR", "PMID:2676709")
