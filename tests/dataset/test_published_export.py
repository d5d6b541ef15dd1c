"""Where the export is published."""

import re

from tpspred.dataset.published_export import EXPORT
from tpspred.dataset.reactions import REACTION_COLUMNS


def test_the_address_names_a_commit():
    assert re.fullmatch(
        r"https://raw\.githubusercontent\.com/[\w-]+/[\w-]+/[0-9a-f]{40}/[\w/]+\.csv",
        EXPORT.address,
    )


def test_an_export_begins_with_its_header(export, row):
    assert export(row).read_bytes().startswith(EXPORT.kind.begins)
    assert EXPORT.kind.begins.decode().strip(",") in REACTION_COLUMNS
