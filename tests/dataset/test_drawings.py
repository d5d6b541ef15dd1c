"""The drawings of structures that the package ships, and the script that makes them."""

import gzip
import re
import xml.etree.ElementTree as ET

import pytest
from support import ROOT

from tpspred.dataset.drawings import RESOURCE, read_drawings
from tpspred.dataset.ensembles import SLUGS
from tpspred.dataset.products import read_products
from tpspred.model import checkpoint

TABLE = ROOT / "tpspred" / RESOURCE


@pytest.fixture(scope="module")
def drawings():
    return read_drawings()


def test_every_product_and_ensemble_has_a_drawing(drawings):
    assert list(drawings.products) == list(read_products())
    assert set(drawings.ensembles) == set(SLUGS)


def test_an_ensemble_is_shown_by_a_product_of_it(drawings):
    for slug, drawing in drawings.ensembles.items():
        assert slug in read_products()[drawing.smiles].ensembles
    assert drawings.ensembles["sesq_cadinane"].name == "δ-cadinene"


def test_every_substrate_of_the_bundled_model_has_a_drawing(drawings):
    names = {
        part
        for label in checkpoint.load().labels
        if label.group == "substrate"
        for part in label.name.split(";")
    }
    assert names <= set(drawings.substrates)


def test_a_drawing_is_a_small_svg_without_colours_and_fonts(drawings):
    for drawing in [*drawings.products.values(), *drawings.substrates.values()]:
        svg = ET.fromstring(drawing.svg)
        assert svg.get("viewBox") == f"0 0 {svg.get('width')} {svg.get('height')}"
        for path in svg:
            assert path.tag.endswith("}path")
            assert set(path.attrib) <= {"d", "fill", "stroke", "stroke-linecap"}
            assert re.fullmatch(r"[MmlqzZ\d. -]+", path.get("d"))
            assert not re.search(r"\.\d\d", path.get("d"))
        assert "currentColor" in drawing.svg and "#" not in drawing.svg
    assert TABLE.stat().st_size < 150_000


def test_a_drawing_fills_its_frame(drawings):
    """Every corner of the lines lies in the frame, and the frame is no larger than it has to be."""
    pinene = drawings.ensembles["mono_pinene"]
    x = y = 0.0
    corners = []
    for letter, numbers in re.findall(r"([Ml])([^Mml]+)", pinene.lines):
        dx, dy = map(float, re.findall(r"-?\d*\.?\d+", numbers))
        x, y = (dx, dy) if letter == "M" else (x + dx, y + dy)
        corners.append((x, y))
    for axis, size in ((0, pinene.width), (1, pinene.height)):
        assert min(corner[axis] for corner in corners) == pytest.approx(1.5)
        assert max(corner[axis] for corner in corners) == pytest.approx(size - 1.5)


def test_letters_stand_at_heteroatoms_alone(drawings):
    by_name = {drawing.name: drawing for drawing in drawings.products.values()}
    assert by_name["limonene"].shapes == ""
    assert by_name["linalool"].shapes != ""
    assert drawings.substrates["(2E)-GPP"].shapes != ""


def test_the_table_is_text_in_gzip_without_a_date():
    data = TABLE.read_bytes()
    assert data[4:8] == bytes(4)
    assert gzip.decompress(data).decode().startswith("smiles\tensembles\tsubstrate\t")
