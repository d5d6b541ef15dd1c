"""What every encoder offers, and the registry of encoders."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.encoders import protocol
from tpspred.encoders.esm2 import ESM2Encoder
from tpspred.encoders.joined import JoinedEncoder
from tpspred.encoders.profile import ProfileEncoder
from tpspred.encoders.protocol import (
    Encoder,
    VectorPart,
    encoder_by_name,
    encoder_class,
    part_slices,
    register,
)
from tpspred.encoders.runtime import Runtime
from tpspred.errors import ModelError
from tpspred.io.store import EncoderIdentity
from tpspred.model.neighbours import comparable
from tpspred.model.scaling import fit_scaling

MEMBERS = sorted(
    name for base in (Encoder, EncoderIdentity) for name in vars(base) if not name.startswith("_")
)
CLASSES = (ProfileEncoder, ESM2Encoder, JoinedEncoder)


@pytest.fixture(scope="module")
def encoders(model, tiny_weights):
    """One encoder of every class, all with the profiles of the bundled model."""
    profile = model.encoder
    esm2 = ESM2Encoder("esm2_tiny", profile.profiles, Runtime(weights=str(tiny_weights)))
    return {type(encoder): encoder for encoder in (profile, esm2, JoinedEncoder(profile, esm2))}


@pytest.mark.parametrize(
    "name, wanted",
    [
        ("profile", ProfileEncoder),
        ("esm2_t33_650M_UR50D", ESM2Encoder),
        ("esm2_mine", ESM2Encoder),
        ("profile+esm2_mine", JoinedEncoder),
        ("esm3", None),
        ("profiles", None),
        ("profile+", None),
        ("esm2_mine+profile", ESM2Encoder),
        ("", None),
    ],
)
def test_a_name_has_the_class_whose_pattern_matches_all_of_it(name, wanted):
    assert encoder_class(name) is wanted


def test_an_unknown_name_is_an_error(encoders):
    with pytest.raises(ModelError, match=r"found esm3; wanted profile, esm2_\*, profile\+esm2_"):
        encoder_by_name("esm3", encoders[ProfileEncoder])


@pytest.mark.parametrize(
    "name, wanted", [("profile", ProfileEncoder), ("esm2_x", ESM2Encoder)], ids=["profile", "esm2"]
)
def test_an_encoder_by_name_has_the_profiles_of_its_base(encoders, name, wanted):
    base = encoders[ProfileEncoder]
    made = encoder_by_name(name, base, checksum="abc", dimension=7)
    assert type(made) is wanted and made.name == name and made.profiles is base.profiles


def test_every_registered_class_is_tested_here():
    encoder_class("no such name")  # imports all modules that register an encoder
    assert {encoder for _, encoder in protocol._registry} == set(CLASSES)


def test_a_new_encoder_is_found_by_its_pattern(monkeypatch):
    monkeypatch.setattr(protocol, "_registry", list(protocol._registry))

    @register("constant_[0-9]+")
    class ConstantEncoder:
        pass

    assert encoder_class("constant_12") is ConstantEncoder
    assert encoder_class("constant_x") is None


def test_the_profile_encoder_needs_no_torch():
    """The import of torch takes seconds, and only a language model has to wait for it."""
    program = (
        "import sys\n"
        "import tpspred.encoders.protocol, tpspred.encoders.runtime\n"
        "import tpspred.encoders.profile, tpspred.encoders.representations\n"
        "print(tpspred.encoders.protocol.encoder_class('profile').__name__)\n"
        "print(sorted({'torch', 'esm'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.split("\n")[:2], done.stderr) == (["ProfileEncoder", "[]"], "")


def test_the_protocol_has_all_members_that_the_rooms_use():
    assert set(MEMBERS) == {
        *("name", "checksum", "pooling", "precision", "screen"),
        *("profiles", "dimension", "parts", "batch_residues"),
        *("needs_profile_match", "has_runtime"),
        *("from_name", "from_tree", "to_tree", "ready", "window_count", "encode"),
    }


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("encoder_type", CLASSES)
def test_every_encoder_has_every_member_of_the_protocol(encoders, encoder_type, name):
    member = getattr(encoders[encoder_type], name)
    declared = getattr(Encoder, name)
    if isinstance(declared, property):
        assert not callable(member)
        return
    wanted = inspect.signature(declared).parameters
    offered = inspect.signature(getattr(encoder_type, name)).parameters
    assert [(part.name, part.default) for part in offered.values()] == [
        (part.name, part.default) for part in wanted.values()
    ]


@pytest.mark.parametrize("encoder_type", CLASSES)
def test_every_encoder_yields_a_vector_for_each_sequence(encoders, encoder_type, matching):
    encoder = encoders[encoder_type]
    encoder.ready()
    vectors = dict(encoder.encode(iter(matching), threads=2))
    assert set(vectors) == {protein.record.sequence for protein in matching}
    for vector in vectors.values():
        assert vector.shape == (encoder.dimension,) and vector.dtype == np.float32
        assert np.isfinite(vector).all() and vector.any()


@pytest.mark.parametrize("encoder_type", CLASSES)
def test_finished_sequences_are_not_yielded(encoders, encoder_type, matching):
    encoder = encoders[encoder_type]
    first, *others = [protein.record.sequence for protein in matching]
    assert {sequence for sequence, _ in encoder.encode(matching, finished={first})} == set(others)
    assert not list(encoder.encode(matching, finished={first, *others}))


@pytest.mark.parametrize("encoder_type", CLASSES)
def test_an_encoder_is_the_same_after_its_tree(
    encoders, encoder_type, stored, tiny_weights, matching
):
    encoder = encoders[encoder_type]
    tree = stored({"name": encoder.name} | encoder.to_tree())
    again = encoder_type.from_tree(tree, encoder.profiles, Runtime(weights=str(tiny_weights)))
    assert (again.name, again.checksum, again.screen) == (
        encoder.name,
        encoder.checksum,
        encoder.screen,
    )
    assert (again.dimension, again.parts) == (encoder.dimension, encoder.parts)
    before = dict(encoder.encode(matching[:1]))
    after = dict(again.encode(matching[:1]))
    assert all(np.array_equal(before[sequence], after[sequence]) for sequence in before)


@pytest.mark.parametrize("encoder_type", CLASSES)
def test_parts_make_up_the_whole_vector(encoders, encoder_type):
    encoder = encoders[encoder_type]
    assert sum(part.width for part in encoder.parts) == encoder.dimension
    assert sum(part.share for part in encoder.parts) == pytest.approx(1)


@given(st.lists(st.integers(1, 50), max_size=5))
def test_slices_follow_one_another_without_gaps(widths):
    parts = [VectorPart(width, True) for width in widths]
    vector = np.arange(sum(widths))
    sliced = [(part, vector[columns]) for part, columns in part_slices(parts)]
    assert [part for part, _ in sliced] == parts
    assert [len(values) for _, values in sliced] == widths
    assert [number for _, values in sliced for number in values] == list(vector)


def test_parts_share_the_similarity_and_keep_or_lose_their_scale():
    """The similarity is the weighted mean over the parts; each part has its own kind of scale."""
    rng = np.random.default_rng(0)
    kept = rng.normal(size=(50, 4)) * [4, 3, 2, 1]
    kept /= np.linalg.norm(kept, axis=1, keepdims=True)
    own = rng.normal(size=(50, 3)) * [1, 10, 100]
    embedding = np.concatenate([kept, own], 1).astype(np.float32)
    features = rng.normal(size=(50, 2))
    parts = [VectorPart(4, False, 0.7), VectorPart(3, True, 0.3)]

    scaling = fit_scaling(embedding, features, parts)
    assert np.ptp(scaling.embedding_scale[:4]) == 0
    assert scaling.embedding_scale[4:] == pytest.approx(own.std(0), rel=1e-5)

    vectors = comparable(embedding, parts, scaling)
    standard = (own - own.mean(0)) / own.std(0)
    standard /= np.linalg.norm(standard, axis=1, keepdims=True)
    similarity = 0.7 * kept @ kept.T + 0.3 * standard @ standard.T
    assert vectors @ vectors.T == pytest.approx(similarity, abs=1e-5)

    first_alone = fit_scaling(embedding[:, :4], features, parts[:1])
    assert np.array_equal(first_alone.embedding_scale, scaling.embedding_scale[:1])
