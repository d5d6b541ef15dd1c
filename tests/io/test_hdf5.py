"""HDF5 files that point to another file are refused, in stores and in models."""

import h5py
import numpy as np
import pytest

from tpspred.errors import ModelError, StoreError
from tpspred.io import store
from tpspred.model import checkpoint

SECRET = b"secret".ljust(64)


def external_storage(handle, folder):
    handle.create_dataset("ids", (1,), "S64", external=[(str(folder / "secret"), 0, 64)])


def external_link(handle, folder):
    handle["ids"] = h5py.ExternalLink(str(folder / "other.h5"), "ids")


def soft_link(handle, folder):
    handle["ids"] = h5py.SoftLink("/elsewhere")


def virtual_dataset(handle, folder):
    layout = h5py.VirtualLayout((1,), "S64")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "ids", (1,))
    handle.create_virtual_dataset("ids", layout)


def group_in_itself(handle, folder):
    group = handle.create_group("a")
    group["b"] = group


POINTERS = [external_storage, external_link, soft_link, virtual_dataset, group_in_itself]


@pytest.fixture(params=POINTERS, ids=lambda point: point.__name__)
def pointing(request, tmp_path):
    """A function that makes an HDF5 file with the attributes of a format and a pointer inside."""
    (tmp_path / "secret").write_bytes(SECRET)
    with h5py.File(tmp_path / "other.h5", "w") as handle:
        handle["ids"] = np.array([SECRET])

    def make(inside="/", **attributes):
        with h5py.File(tmp_path / "x.h5", "w") as handle:
            handle.attrs.update(attributes)
            request.param(handle.require_group(inside), tmp_path)
        return tmp_path / "x.h5"

    return make


@pytest.mark.parametrize("inside", ["/", "group/of/groups"])
def test_a_store_that_points_elsewhere_is_refused(pointing, inside):
    path = pointing(inside, format=store.FORMAT, format_version=store.FORMAT_VERSION)
    with pytest.raises(StoreError, match="x.h5: found .*; wanted data in the file itself"):
        store.read(path)


def test_a_model_that_points_elsewhere_is_refused(pointing):
    path = pointing(format=checkpoint.MODEL, format_version=checkpoint.FORMAT_VERSION, sha256="")
    with pytest.raises(ModelError, match="x.h5: found .*; wanted data in the file itself"):
        checkpoint.load(path)


def test_an_attribute_that_is_missing_is_no_crash(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as handle:
        handle.attrs["format"] = store.FORMAT
    with pytest.raises(StoreError, match="x.h5: found a file that HDF5 cannot open"):
        store.read(tmp_path / "x.h5")
