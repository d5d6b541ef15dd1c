"""Files that end with a seal."""

import hashlib
import io

import pytest

from tpspred.errors import ModelError
from tpspred.io import sealed


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"content" * 300_000)
    return path


def verify(data):
    return sealed.verified(io.BytesIO(data), "x", "a whole file", ModelError)


def test_the_seal_is_the_digest_of_what_is_before_it(path):
    content = path.read_bytes()
    sha256 = sealed.seal(path)
    assert sha256 == hashlib.sha256(content).hexdigest() == verify(path.read_bytes())
    assert path.read_bytes() == content + sealed.seal_of(sha256)
    assert len(sealed.seal_of(sha256)) == sealed.SEAL_BYTES


@pytest.mark.parametrize("size", [0, 1, sealed.SEAL_BYTES, 1000, -1])
def test_what_is_cut_short_has_no_seal(path, size):
    sealed.seal(path)
    with pytest.raises(ModelError, match="x: found no checksum at its end"):
        verify(path.read_bytes()[:size])


@pytest.mark.parametrize("place", [0, 1_000_000, -sealed.SEAL_BYTES - 1, -10])
def test_what_was_altered_does_not_fit_its_seal(path, place):
    sealed.seal(path)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    with pytest.raises(
        ModelError, match="x: found altered content, which its checksum does not fit"
    ):
        verify(data)


def test_damage_becomes_one_line():
    with (
        pytest.raises(ModelError, match=r"x: found a part that does not fit [(]a\\tb[)]; wanted y"),
        sealed.refusing_damage("x", "y", ModelError),
    ):
        raise ValueError("a\tb\nc")
