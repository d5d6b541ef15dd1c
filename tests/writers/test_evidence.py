"""What the page shows of called proteins, as data."""

import json

import pytest

from tpspred.dataset.ensembles import SLUGS
from tpspred.dataset.product_types import PRODUCT_TYPES
from tpspred.model import calls
from tpspred.writers import UNPLACED, Place, tsv
from tpspred.writers.evidence import FLAGS, REGIONS, TYPES, Evidence, ensemble_words


@pytest.fixture
def gathered(model, awkward_call):
    """The data of two proteins with the same neighbours."""
    evidence = Evidence(model, ["source", "locus_group"])
    evidence.add(awkward_call._replace(sequence="MKV"), Place("a.faa", "chr1:2"))
    evidence.add(awkward_call._replace(id="b", products=(), ensembles=()), UNPLACED)
    return json.loads(json.dumps(evidence.data(), allow_nan=False))


def test_a_protein_has_the_cells_of_its_row(gathered, awkward_call):
    assert gathered["columns"] == [*tsv.COLUMNS, "source", "locus_group"]
    first, second = gathered["proteins"]
    assert first["cells"] == [*tsv.cells_of(awkward_call), "a.faa", "chr1:2"]
    assert second["cells"][-2:] == ["-", "NA"]
    assert first["sequence"] == "MKV"


def test_enzymes_products_and_substrates_are_there_once(gathered, awkward_call):
    first, second = gathered["proteins"]
    assert [one["id"] for one in gathered["enzymes"]] == ["marts_0", "marts_1"]
    assert first["neighbours"] == second["neighbours"]
    assert first["neighbours"][0] == [0, 0.5, 0.4, False, [0.4, 0.9, "1e-50"]]
    names = [one["name"] for one in gathered["molecules"]]
    assert names == ["1,8-cineole", "α-pinene", "C%;C", "C"]
    assert first["products"][0] == [0, 0.96] and second["products"] == []
    assert list(gathered["substrates"]) == [first["substrate"][0]]


def test_a_product_has_identifiers_and_a_drawing_if_the_tables_have_it(gathered):
    cineole, _, unknown, _ = gathered["molecules"]
    assert cineole["chebi"].startswith("CHEBI:") and cineole["ec"] == ["4.2.3.108"]
    width, height, lines, letters, name = cineole["drawing"]
    assert width > 20 and height > 20 and lines.startswith("M") and letters
    assert name == "1,8-cineole"
    assert unknown["drawing"] is None and unknown["chebi"] == ""


def test_every_known_substrate_has_all_its_parts_drawn(model, awkward_call):
    for column, label in enumerate(model.labels):
        if label.group != "substrate" or not model.positives[column]:
            continue
        probabilities = awkward_call.probabilities * 0
        probabilities[column] = 0.9
        evidence = Evidence(model)
        evidence.add(awkward_call._replace(probabilities=probabilities), UNPLACED)
        assert evidence.proteins[0]["substrate"] == [label.name, 0.9]
        parts = evidence.data()["substrates"][label.name]
        assert ";".join(part["name"] for part in parts) == label.name
        assert all(part["drawing"] for part in parts)


def test_ensembles_are_the_likeliest_and_all_that_are_called(model, awkward_call):
    probabilities = awkward_call.probabilities.copy()
    column_of = {name: column for column, name in model.ensembles.items()}
    for number, one in enumerate(awkward_call.ensembles):
        probabilities[column_of[one.name]] = 0.9 - number / 10
    evidence = Evidence(model)
    evidence.add(awkward_call._replace(probabilities=probabilities), UNPLACED)
    data = evidence.data()
    shown = evidence.proteins[0]["ensembles"]
    slugs = [data["ensembles"][place]["slug"] for place, _, called in shown if called]
    assert slugs == ["mono_pinene", "mono_thujene", "mono_sabinene"]
    assert [value for _, value, _ in shown] == sorted((v for _, v, _ in shown), reverse=True)
    assert len(shown) == 8


def test_motifs_that_are_there_have_their_residues(gathered):
    motifs = gathered["proteins"][0]["motifs"]
    assert motifs == [
        ["DDxxD", "intact", 300, 304, "DDVYD", [300, 304]],
        ["NSE/DTE", "altered", 450, 458, "NDLGTAKGE", []],
    ]
    assert gathered["proteins"][0]["domains"] == [["class_I_alpha", "fam", 20, 590, 512]]


def test_everything_that_can_be_called_has_words(model):
    assert set(TYPES) == set(PRODUCT_TYPES)
    words = [ensemble_words(slug) for slug in SLUGS]
    assert not any("_" in word for word in words) and len(set(words)) == len(words)
    assert ensemble_words("my_own") == "my_own"
    regions = {name for profile in model.encoder.profiles for name, _, _ in profile.regions}
    assert regions <= set(REGIONS)
    called = {calls.CHARACTERISED, calls.NO_SIMILAR_ENZYME, calls.NO_NEIGHBOUR_AGREES}
    called |= {calls.NO_INTACT_ACTIVE_SITE, calls.MOTIF_CONFLICT}
    assert set(FLAGS) == called
