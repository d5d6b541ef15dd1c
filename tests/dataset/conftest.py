import csv

import pytest

from tpspred.dataset.reactions import REACTION_COLUMNS


@pytest.fixture
def row():
    """One row of a MARTS-DB export: cell by column."""
    cells = [
        "e2",
        "P1",
        "",
        "MKVLAWMKVLAW",
        "Mentha",
        "Plantae",
        "mono",
        "1",
        "(2E)-GPP",
        "myrcene",
        "C=CC(=C)CCC=C(C)C",
    ]
    return dict(zip(REACTION_COLUMNS, cells, strict=True))


@pytest.fixture
def export(tmp_path):
    """Write a MARTS-DB export: export(*rows, header) → path; a row is a dictionary or a list."""

    def write(*rows, header=tuple(REACTION_COLUMNS)):
        path = tmp_path / "reactions.csv"
        with open(path, "w", newline="") as handle:
            table = csv.writer(handle)
            table.writerow(header)
            for cells in rows:
                in_order = isinstance(cells, dict)
                table.writerow([cells[name] for name in header] if in_order else cells)
        return path

    return write
