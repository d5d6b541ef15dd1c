"""Weight files: where they are looked for, and what is known of the released ones."""

import pytest

from tpspred.encoders import esm2, esm2_weights
from tpspred.encoders.protocol import encoder_class
from tpspred.encoders.runtime import Runtime
from tpspred.errors import ModelError
from tpspred.io.published import CHECKSUM

PINNED = "esm2_t6_8M_UR50D"
NOT_PINNED = "esm2_t48_15B_UR50D"
ANY_CHECKSUM = "0" * 64


def test_known_checksums_are_those_of_released_files():
    assert esm2_weights.CHECKSUMS.keys() == esm2_weights.SIZES.keys() - {NOT_PINNED}
    assert all(CHECKSUM.fullmatch(text) for text in esm2_weights.CHECKSUMS.values())
    assert len(set(esm2_weights.CHECKSUMS.values())) == 5


def test_released_weights_have_an_address_and_a_checksum_if_one_is_known():
    released = esm2_weights.released(PINNED)
    assert released.address == f"https://dl.fbaipublicfiles.com/fair-esm/models/{PINNED}.pt"
    assert released.checksum == esm2_weights.CHECKSUMS[PINNED]
    assert esm2_weights.released(NOT_PINNED).checksum is None


@pytest.mark.parametrize(
    "name",
    ["esm2_../../x", "../x", "/etc/x", "esm2_a/b", "esm2_a\\b", "esm2_a\tb", "esm2_ä", "", "."],
)
def test_names_that_are_no_words_are_refused(name, tmp_path, monkeypatch):
    """They would lead out of the folder of weights, or break the lines of a table."""
    monkeypatch.setenv(esm2_weights.VARIABLE, str(tmp_path))
    for use in (
        esm2_weights.home,
        esm2_weights.locate,
        lambda name: esm2.ESM2Encoder(name, [], Runtime(weights="w.pt")),
        lambda name: esm2.ESM2Encoder.from_tree(
            {"name": name, "weights": {"sha256": ANY_CHECKSUM, "dimension": 32}}, []
        ),
    ):
        with pytest.raises(ModelError, match="encoder: found '.*'; wanted a name of letters"):
            use(name)


@pytest.mark.slow
def test_command_refuses_an_encoder_whose_name_is_a_path(run, tmp_path):
    assert encoder_class("esm2_../../x") is esm2.ESM2Encoder
    for name in ("esm2_../../x", "profile+esm2_../../x"):
        done = run("embed", "-", "-o", tmp_path / "s.h5", "--encoder", name, stdin=b">a\nMKV\n")
        assert done.code == 1 and "found 'esm2_../../x'; wanted a name of letters" in done.err


def test_weights_are_found_where_they_should_be(tmp_path, monkeypatch):
    name = "esm2_t6_8M_UR50D"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv(esm2_weights.VARIABLE, raising=False)
    cached = tmp_path / "torch/hub/checkpoints" / f"{name}.pt"
    with pytest.raises(
        ModelError, match=f"no weights at {cached}; run: tpspred fetch-weights {name}"
    ):
        esm2_weights.locate(name)
    with pytest.raises(
        ModelError, match="esm2_mine.pt; give --weights FILE, or one of esm2_t6_8M_UR50D"
    ):
        esm2_weights.locate("esm2_mine")
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert esm2_weights.locate(name) == cached and esm2_weights.home(name) == cached
    monkeypatch.setenv(esm2_weights.VARIABLE, str(tmp_path))
    assert esm2_weights.locate(name) == cached
    assert esm2_weights.home(name) == tmp_path / f"{name}.pt"
    (tmp_path / f"{name}.pt").touch()
    assert esm2_weights.locate(name) == tmp_path / f"{name}.pt"
    (tmp_path / "one.pt").touch()
    monkeypatch.setenv(esm2_weights.VARIABLE, str(tmp_path / "one.pt"))
    assert esm2_weights.locate(name) == tmp_path / "one.pt"
    assert esm2_weights.locate(name, cached) == cached
    with pytest.raises(ModelError, match="nowhere.pt; run: tpspred fetch-weights"):
        esm2_weights.locate(name, "nowhere.pt")
    monkeypatch.setenv(esm2_weights.VARIABLE, "nowhere")
    with pytest.raises(ModelError, match="TPSPRED_WEIGHTS: found nowhere, which does not exist"):
        esm2_weights.locate(name)


def test_weights_that_changed_since_they_were_fetched_are_refused(tiny_weights, tmp_path):
    path = tmp_path / "w.pt"
    path.write_bytes(tiny_weights.read_bytes())
    checksum = esm2_weights.sha256(path)
    (tmp_path / "w.pt.sha256").write_text(f"{checksum}  w.pt\n")
    path.write_bytes(tiny_weights.read_bytes() + b"x")
    with pytest.raises(ModelError, match="as w.pt.sha256 says"):
        esm2_weights.sha256(path)
    encoder = esm2.ESM2Encoder("esm2_tiny", [], Runtime(weights=str(path)))
    with pytest.raises(ModelError, match="as w.pt.sha256 says; fetch the file again, or delete"):
        encoder.ready()
