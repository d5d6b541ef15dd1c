"""Product structures → ensembles, reaction table → dataset."""

import csv
import importlib.resources
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from tpspred.dataset import ensembles, reactions
from tpspred.errors import InputError, MissingDependency

EXAMPLES = {
    "CC1=CCC2CC1C2(C)C": ("mono_pinene",),  # alpha-pinene
    "CC1=CCC(C(C)=C)CC1": ("mono_limonene",),
    "C=CC(=C)CCC=C(C)C": ("mono_myrcene",),
    "C=CC(C)(O)CCC=C(C)C": ("specialized_oxygenated",),  # linalool: acyclic but oxygenated
    "CC1=CC=C(C(C)C)CC1": ("mono_terpinene",),
    "CC(C)C12CCC(C)(O)C1C2": ("mono_sabinene", "specialized_oxygenated"),  # sabinene hydrate
    "CC1=CCC2(C(C)C)CC12": ("mono_thujene",),
    "CC12CCC(CC1)C(C)(C)O2": ("specialized_oxygenated",),  # 1,8-cineole
    "CC1=CCC(C(C)C)CC1": ("specialized_cyclic",),  # a p-menthene of no ensemble
    "CC1(C)C2CCC1(C)C(OP(=O)(O)OP(=O)(O)O)C2": ("mono_bornane",),  # bornyl diphosphate
    "CC(=CCC1C(=C)CCC2C(C)(C)CCCC12C)CCC=O": ("specialized_oxygenated", "specialized_cyclic"),
    "C=C1CCC2C(C)(C)CCCC2(C)C1CCC(C)=CCOP(=O)([O-])OP(=O)([O-])[O-]": ("di_copalane",),
    "CC(C)=CCCC(C)=CCOP(=O)([O-])OP(=O)([O-])[O-]": (),  # a linear prenyl diphosphate
    "C=CC(=C)C": (),  # isoprene
    "CC(C)=CCCC(C)=CCCC(C)=CCCC=C(C)CCC=C(C)CCC=C(C)C": ("tri_squalene",),
    "CC(C)=CCCC(C)C1CCC2(C)C3=C(CCC12C)C1(C)CCC(O)C(C)(C)C1CC3": ("tri_lanostane",),
}


def known_structures():
    text = (
        importlib.resources.files("tpspred").joinpath("resources/product_ensembles.tsv").read_text()
    )
    return {
        row["structure"]: row["ensembles"]
        for row in csv.DictReader(text.splitlines(), delimiter="\t")
    }


@pytest.mark.parametrize("smiles", EXAMPLES)
def test_rules_on_products_a_chemist_knows(smiles):
    assert ensembles.assign(smiles) == EXAMPLES[smiles]


def test_shipped_table_is_what_the_rules_say():
    table = known_structures()
    assert len(table) == 552
    assert {smiles: ";".join(ensembles.assign(smiles)) for smiles in table} == table


@given(st.sampled_from(sorted(known_structures())), st.integers(0, 10))
def test_the_way_a_structure_is_written_does_not_matter(smiles, seed):
    molecule = Chem.MolFromSmiles(smiles)
    order = list(range(molecule.GetNumAtoms()))
    __import__("random").Random(seed).shuffle(order)
    other = Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False)
    assert ensembles.assign(other) == ensembles.assign(smiles)


def test_known_structures_need_no_rdkit(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    assert ensembles.of_structure("C=C1CCC2(C(C)C)CC12") == ("mono_sabinene",)
    with pytest.raises(MissingDependency, match=r"tpspred\[chem\]"):
        ensembles.of_structure("C=C1CCC2(C(C)C)CC12CCCC")


def test_every_ensemble_has_a_rule():
    ruled = (
        set(ensembles.SKELETONS)
        | set(ensembles.MOLECULES)
        | {"specialized_oxygenated", "specialized_cyclic"}
    )
    assert ruled == set(ensembles.SLUGS) and len(ensembles.SLUGS) == 30


HEADER = list(reactions.REACTION_COLUMNS)
ROW = dict(
    zip(
        HEADER,
        [
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
        ],
    )
)


def export(tmp_path, *rows, header=HEADER):
    path = tmp_path / "reactions.csv"
    with open(path, "w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(header)
        table.writerows(
            [row[name] for name in header] if isinstance(row, dict) else row for row in rows
        )
    return path


def test_rows_of_one_sequence_are_gathered(tmp_path):
    rows = (
        ROW,
        ROW
        | {
            "Enzyme_marts_ID": "e1",
            "Type": "sqs",
            "Product_name": "linalool",
            "Product_smiles": "C=CC(C)(O)CCC=C(C)C",
            "Aminoacid_sequence": ROW["Aminoacid_sequence"] + "*",
        },
    )
    (enzyme,) = reactions.from_reactions(reactions.read_reactions(export(tmp_path, *rows)))
    assert enzyme.id == "e1" and enzyme.products == ("myrcene", "linalool")
    assert enzyme.ensembles == ("mono_myrcene", "specialized_oxygenated")
    assert enzyme.product_types == ("mono", "sqs") and enzyme.is_tps


@pytest.mark.parametrize(
    "change, message",
    [
        ({"Type": "quattro"}, "line 3, column Type: found 'quattro'; wanted one of hemi"),
        ({"Class": ""}, "line 3, column Class: found nothing; wanted a value"),
        ({"Product_smiles": "C1CC"}, "line 3, column Product_smiles: 'C1CC' is not a SMILES"),
        (
            {"Aminoacid_sequence": "MK7"},
            "line 3, column Aminoacid_sequence: found '7' at residue 3",
        ),
        ({"Aminoacid_sequence": "MK*L"}, "line 3, column Aminoacid_sequence: found internal stop"),
    ],
)
def test_bad_values_are_named(tmp_path, change, message):
    with pytest.raises(InputError) as error:
        reactions.read_reactions(export(tmp_path, ROW, ROW | change))
    assert message in str(error.value) and "reactions.csv" in str(error.value)


def test_malformed_tables_are_named(tmp_path):
    with pytest.raises(InputError, match="line 1: found no column Product_smiles"):
        reactions.read_reactions(export(tmp_path, header=HEADER[:-1]))
    with pytest.raises(InputError, match="line 2: found 3 columns; wanted 11"):
        reactions.read_reactions(export(tmp_path, ["a", "b", "c"]))
    path = export(tmp_path)
    path.write_text(path.read_text() + '"e1,unclosed\n')
    with pytest.raises(InputError, match="malformed CSV"):
        reactions.read_reactions(path)


def test_one_id_with_two_sequences_is_refused(tmp_path):
    with pytest.raises(InputError, match="enzyme e2: found two different sequences"):
        reactions.from_reactions(
            reactions.read_reactions(export(tmp_path, ROW, ROW | {"Aminoacid_sequence": "MKV"}))
        )


def test_dataset_round_trip(tmp_path, enzymes):
    reactions.write(enzymes, tmp_path / "d.tsv")
    assert reactions.read(tmp_path / "d.tsv") == enzymes
    lines = (tmp_path / "d.tsv").read_text().splitlines()
    assert lines[0].split("\t")[:9] == [
        "id",
        "sequence",
        "species",
        "kingdom",
        "ensembles",
        "product_types",
        "tps_classes",
        "substrates",
        "products",
    ]
    (tmp_path / "bad.tsv").write_text(lines[0] + "\n" + "a\tb\n")
    with pytest.raises(InputError, match="bad.tsv, line 2: found 2 columns"):
        reactions.read(tmp_path / "bad.tsv")


def test_targets_follow_the_labels(enzymes):
    labels = reactions.labels(enzymes)
    numbers = reactions.targets(enzymes, labels)
    column = {label.column: numbers[:, i] for i, label in enumerate(labels)}
    for i, enzyme in enumerate(enzymes):
        assert column["is_tps:terpene_synthase"][i] == enzyme.is_tps
        assert column["substrate:(2E)-GPP"][i] == ("(2E)-GPP" in enzyme.substrates)
        assert column["ensemble:mono_sabinene"][i] == ("mono_sabinene" in enzyme.ensembles)
    assert not column["product_type:psy"].any()
