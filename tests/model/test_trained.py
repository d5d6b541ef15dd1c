from tpspred.dataset.labels import Label
from tpspred.io.fasta import sequence_digest
from tpspred.model import trained


def test_labels_are_counted_by_group():
    labels = [Label("ensemble", "a"), Label("ensemble", "b"), Label("substrate", "c")]
    sizes = {"ensemble": 2, "is_tps": 0, "product_type": 0, "substrate": 1}
    assert trained.group_sizes(labels) == sizes
    assert list(trained.group_sizes(labels)) == list(sizes)  # the order of the logits


def test_a_sequence_is_remembered_by_64_bits(small):
    sequence = small.examples.sequences[3]
    value = trained.sequence_hash(sequence)
    assert value.to_bytes(8, "little") == sequence_digest(sequence)[:8]
    networks = small.predictor.trained
    assert networks.fold_of[value] == networks.sequence_folds[3]
