"""What a call says in the vocabulary of annotations: products, identifiers and a name."""

import dataclasses

from ..dataset.products import Product, product_of
from ..dataset.terms import Terms, class_of_synthase, enzyme_name, terms_of
from ..family import motifs
from ..model.calls import CONFIDENCE, TPS, UNCERTAIN, Call

CONFIDENT = CONFIDENCE[0][1]  # least probability of a product or type whose identifiers are given
# The name of a protein that belongs to the family, and that is not called a synthase.
FAMILY_MEMBER = "terpene synthase family protein"


@dataclasses.dataclass(frozen=True)
class Description:
    """A called protein in the vocabulary of annotations.

    Attributes:
        enzyme: Its name, such as ``putative β-farnesene synthase``.
        tps_class: ``I``, ``II`` or ``I+II``; None if it is not called a terpene synthase, or the
            class is not known.
        terms: Its identifiers; none if the status is uncertain.
    """

    enzyme: str
    tps_class: str | None
    terms: Terms


def describe(call: Call) -> Description | None:
    """Return a called protein in the vocabulary of annotations; None if it is not called.

    Identifiers of a product need a probability of 0.8 that the protein makes it, and so does a name
    that says what it makes.
    """
    if call.product_type is None:
        return None
    if call.status == UNCERTAIN:
        return Description(FAMILY_MEMBER, None, Terms())
    intact = motifs.classes(call.motifs)
    lost = motifs.expected_classes(call.motifs) - intact
    tps_class = class_of_synthase(call.product_type, intact, lost) if call.status == TPS else None
    products = confident_products(call)
    is_sure_of_type = (call.product_type_probability or 0) >= CONFIDENT
    # A related enzyme is called by its product type, which is sure enough then.
    named_type = call.product_type if is_sure_of_type or call.status != TPS else None
    return Description(
        enzyme=enzyme_name(named_type, tps_class, products),
        tps_class=tps_class,
        terms=terms_of(call.product_type, tps_class, products),
    )


def confident_products(call: Call) -> list[Product]:
    """Return the products that a protein makes with a probability of 0.8 or more."""
    return [
        product_of(product.smiles) for product in call.products if product.probability >= CONFIDENT
    ]
