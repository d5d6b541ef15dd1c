"""Drawings of structures: products, substrates, and an example of every ensemble.

``bin/make-drawings`` makes them with RDKit. They exist for what the package's tables have. All have
one scale, in which a bond is 15 units long, and the colour of the text around them.
"""

import dataclasses
import functools
import gzip
import importlib.resources

from .products import product_of

RESOURCE = "resources/drawings.tsv.gz"
COLUMNS = ("smiles", "ensembles", "substrate", "size", "lines", "shapes")


@dataclasses.dataclass(frozen=True)
class Drawing:
    """The drawing of one structure.

    Attributes:
        smiles: The structure.
        name: Name of the product or substrate; the SMILES of one without a name.
        width, height: Size, in SVG units.
        lines: Bonds, as the ``d`` of an SVG path that is drawn with a pen.
        shapes: Letters and wedges, as the ``d`` of an SVG path that is filled, or ''.
    """

    smiles: str
    name: str
    width: float
    height: float
    lines: str
    shapes: str

    @property
    def svg(self) -> str:
        """The drawing as an SVG element, which takes the colour of the text around it."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'width="{self.width:g}" height="{self.height:g}">{self.paths}</svg>'
        )

    @property
    def paths(self) -> str:
        """The paths inside the SVG element."""
        lines = f'<path d="{self.lines}" fill="none" stroke="currentColor" stroke-linecap="round"/>'
        return lines + (f'<path d="{self.shapes}" fill="currentColor"/>' if self.shapes else "")


@dataclasses.dataclass(frozen=True)
class Drawings:
    """The package's drawings.

    Attributes:
        products: By SMILES without stereochemistry.
        ensembles: By slug, a product of the ensemble: that which most known enzymes make.
        substrates: By name, as the labels of a model have it.
    """

    products: dict[str, Drawing]
    ensembles: dict[str, Drawing]
    substrates: dict[str, Drawing]


@functools.cache
def read_drawings() -> Drawings:
    """Return the package's drawings.

    >>> drawings = read_drawings()
    >>> drawings.ensembles["mono_pinene"].name, drawings.substrates["(2E)-GPP"].name
    ('α-pinene', '(2E)-GPP')
    """
    table = importlib.resources.files("tpspred").joinpath(RESOURCE).read_bytes()
    drawings = Drawings({}, {}, {})
    for line in gzip.decompress(table).decode().splitlines()[1:]:
        smiles, slugs, substrate, size, lines, shapes = line.split("\t")
        width, height = map(float, size.split())
        name = substrate or product_of(smiles).label
        drawing = Drawing(smiles, name, width, height, lines, shapes)
        if substrate:
            drawings.substrates[substrate] = drawing
            continue
        drawings.products[smiles] = drawing
        for slug in filter(None, slugs.split(";")):
            drawings.ensembles[slug] = drawing
    return drawings
