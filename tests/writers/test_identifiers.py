"""Calls in the vocabulary of annotations."""

import pytest

from tpspred.dataset.terms import Terms
from tpspred.family.motifs import MotifHit
from tpspred.model.calls import Call, ProductCall
from tpspred.writers.identifiers import FAMILY_MEMBER, Description, describe

SITE = MotifHit("DDxxD", "intact", 3, 7, "DDAAD")
FARNESENE = "C=CC(=C)CCC=C(C)CCC=C(C)C"


def call(status="tps", product_type="sesq", probability=0.9, products=(), motifs=(SITE,)):
    return Call(
        "a",
        600,
        status,
        "m",
        0.9,
        product_type,
        probability,
        motifs=motifs,
        products=tuple(ProductCall(*product) for product in products),
    )


def test_a_protein_that_is_not_called_has_no_description():
    assert describe(Call("a", 600, "not_tps", "m")) is None


@pytest.mark.parametrize(
    "probability, enzyme", [(0.8, "putative sesquiterpene synthase"), (0.79, "terpene synthase")]
)
def test_a_sure_type_is_in_the_name(probability, enzyme):
    assert describe(call(probability=probability)).enzyme == enzyme


@pytest.mark.parametrize("probability, ec", [(0.8, ("4.2.3.47",)), (0.79, ("4.2.3.-",))])
def test_a_sure_product_gives_its_identifiers(probability, ec):
    described = describe(call(products=[(FARNESENE, probability)]))
    assert described.terms.ec == ec
    assert (described.enzyme == "putative β-farnesene synthase") == (probability == 0.8)


def test_an_uncertain_protein_gets_no_identifiers():
    described = describe(call(status="uncertain", products=[(FARNESENE, 0.9)]))
    assert described == Description(FAMILY_MEMBER, None, Terms())


def test_a_related_enzyme_has_no_class():
    described = describe(call(status="related", product_type="pt", probability=0.6))
    assert described.tps_class is None
    assert described.enzyme == "putative isoprenyl diphosphate synthase"
    assert described.terms.ec == ("2.5.1.-",)


def test_the_class_needs_an_intact_site():
    altered = MotifHit("DDxxD", "altered", 3, 7, "DNAAD")
    assert describe(call()).tps_class == "I"
    assert describe(call(motifs=(altered,))).tps_class is None
