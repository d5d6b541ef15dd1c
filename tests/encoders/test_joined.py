"""The joined encoder: the profile encoder's vector followed by an ESM-2's."""

import numpy as np
import pytest

from tpspred.encoders.esm2 import ESM2Encoder
from tpspred.encoders.joined import LANGUAGE_MODEL_SHARE, JoinedEncoder
from tpspred.encoders.runtime import Runtime
from tpspred.errors import ModelError


@pytest.fixture(scope="module")
def joined(model, tiny_weights):
    runtime = Runtime(weights=str(tiny_weights))
    return JoinedEncoder.from_name("profile+esm2_tiny", model.encoder, runtime)


def test_vector_is_both_vectors_in_order(model, joined, matching):
    first = dict(model.encoder.encode(matching))
    second = dict(joined.language_model.encode(matching))
    vectors = dict(joined.encode(matching, threads=2))
    assert set(vectors) == set(first)
    for sequence, vector in vectors.items():
        assert np.array_equal(vector, np.concatenate([first[sequence], second[sequence]]))
        assert vector.dtype == np.float32


def test_each_sequence_is_yielded_once(joined, matching):
    sequences = [sequence for sequence, _ in joined.encode([*matching, matching[0]])]
    assert sorted(sequences) == sorted(protein.record.sequence for protein in matching)


def test_a_joined_encoder_has_the_name_and_checksum_of_both(model, joined):
    assert joined.name == "profile+esm2_tiny"
    assert joined.checksum == f"{model.encoder.checksum}+{joined.language_model.checksum}"
    assert joined.dimension == model.encoder.dimension + 32
    assert joined.pooling == f"{model.encoder.pooling}; {ESM2Encoder.pooling}"
    assert joined.screen == model.encoder.screen and joined.precision == "float32"
    assert joined.needs_profile_match and joined.has_runtime
    assert joined.window_count(1023) == 2


def test_parts_have_their_share_of_the_similarity(model, joined):
    first, second = joined.parts
    assert (first.width, first.standardise) == (model.encoder.dimension, False)
    assert (second.width, second.standardise) == (32, True)
    assert first.share == pytest.approx(0.9) and second.share == LANGUAGE_MODEL_SHARE == 0.1


def test_known_checksum_and_dimension_are_divided(model):
    """The encoder of a store is known without the weights that made it."""
    dimension = model.encoder.dimension + 320
    name = "profile+esm2_t6_8M_UR50D"
    joined = JoinedEncoder.from_name(name, model.encoder, None, "abc+def", dimension)
    assert joined.language_model.name == "esm2_t6_8M_UR50D"
    assert joined.language_model.checksum == "def"
    assert joined.language_model.dimension == 320 and joined.dimension == dimension
    assert joined.checksum == f"{model.encoder.checksum}+def"


def test_only_a_profile_encoder_can_be_joined(joined):
    with pytest.raises(
        ModelError,
        match=r"found an encoder named profile\+esm2_tiny; wanted the profile encoder to join with",
    ):
        JoinedEncoder.from_name("profile+esm2_tiny", joined)
