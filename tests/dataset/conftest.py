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


@pytest.fixture
def addition():
    """One row of a table of additional enzymes: cell by column."""
    return {
        "id": "a1",
        "product_types": "mono",
        "products_smiles_nostereo": "CC1=CCC2CC1C2(C)C|CC1CCC(CC=1)C(C)=C",
        "ensembles": "mono_pinene;mono_limonene",
        "sequence": "MSTLLWMSTLLW",
    }


@pytest.fixture
def additions(tmp_path):
    """Write a table of additional enzymes: additions(*rows, name) → path; a row is a dictionary."""

    def write(*rows, name="more.tsv"):
        columns = list(dict.fromkeys(column for row in rows for column in row))
        lines = [columns, *([row.get(column, "") for column in columns] for row in rows)]
        path = tmp_path / name
        path.write_text("".join("\t".join(cells) + "\n" for cells in lines))
        return path

    return write
