"""Names of product types and classes, beside what the bundled model and the data know of them."""

from tpspred.dataset.product_types import (
    EITHER_CLASS,
    PRODUCT_TYPES,
    RELATED_TYPES,
    TPS_CLASSES,
)


def test_types_of_relatives_and_of_class_two_are_product_types():
    assert len(set(PRODUCT_TYPES)) == len(PRODUCT_TYPES)
    assert set(PRODUCT_TYPES) > RELATED_TYPES
    assert set(PRODUCT_TYPES) > EITHER_CLASS
    assert not RELATED_TYPES & EITHER_CLASS


def test_the_bundled_model_answers_every_type_in_order(model):
    types = [label.name for label in model.labels if label.group == "product_type"]
    assert types == list(PRODUCT_TYPES)


def test_enzymes_of_class_two_make_only_types_that_class_two_can_make(enzymes):
    of_class_two = [enzyme for enzyme in enzymes if "2" in enzyme.tps_classes]
    assert len(of_class_two) == 6
    for enzyme in of_class_two:
        assert EITHER_CLASS.issuperset(enzyme.product_types)
    assert {name for enzyme in enzymes for name in enzyme.tps_classes} == set(TPS_CLASSES)
