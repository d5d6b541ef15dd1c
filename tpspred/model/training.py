"""The training loop: several networks, each of which leaves a fold out.

The folds are made of identity clusters. Member k never sees fold k, which calibration may use, and stops by fold
k + 1; it learns from the others. The members' mean logit is the model's.
"""

import dataclasses
import functools

import numpy as np
import torch

from ..console import detail
from ..dataset import folds as splits
from ..dataset import reactions
from ..device import one_thread
from ..encoders.vector_parts import columns
from ..errors import StoreError
from ..io.fasta import sequence_digest
from . import metrics
from .losses import class_weights, focal_loss
from .network import FusedNetwork

DOUBTFUL_IDENTITY = 0.4
MIN_ENZYMES = 4  # of a product, for the networks to learn it
TELLING = 100  # enzymes that share their labels with another, below which an input may be constant by chance


@dataclasses.dataclass(frozen=True)
class Examples:
    """What the network learns from or is calibrated on; n proteins, those that passed the screen.

    Attributes:
        ids, sequences: n strings.
        embedding, features: (n, dimension), (n, 64) float32, not scaled.
        targets, mask: (n, labels) float32; mask is 1 where the target is known.
        products: (n, products) float32 which single products an enzyme makes, those that a few enzymes at least make.
        identities: (n, n) float32 pairwise identity.
    """

    ids: list
    sequences: list
    embedding: np.ndarray
    features: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    products: np.ndarray
    identities: np.ndarray

    def __len__(self):
        return len(self.ids)


@dataclasses.dataclass(frozen=True)
class Fit:
    """What training gives.

    Attributes:
        labels: List of dataset.Label, in the order of the logits.
        positives: (labels,) number of training positives.
        scaling: Arrays ``embedding_mean``, ``embedding_scale``, ``feature_mean``, ``feature_scale``.
        members: State dictionary of each network, as float16 arrays: the precision that a model file keeps.
        member_folds: Fold that each member left out.
        sequence_hashes, sequence_folds: (n,) which sequences were used, and their folds.
        history: One dictionary per member and epoch.
    """

    labels: list
    positives: np.ndarray
    scaling: dict
    members: list
    member_folds: list
    sequence_hashes: np.ndarray
    sequence_folds: np.ndarray
    history: list

    @functools.cached_property
    def fold_of(self):
        """Fold of every sequence that was used, by its hash."""
        return dict(zip(self.sequence_hashes.tolist(), self.sequence_folds.tolist()))


def examples(enzymes, store, negatives, labels, threads=1):
    """Gather labelled enzymes and negatives from their representations.

    Negatives answer one question alone, whether they are terpene synthases. One whose nearest enzyme, at 40 % identity or
    more, is a terpene synthase is left out: it is more likely unlabelled than negative (large samples of negatives hold
    uncharacterised members of the family). So is everything that did not pass the screen.

    Args:
        enzymes: List of dataset.Enzyme.
        store: store.Representations that hold every enzyme, by sequence.
        negatives: List of store.Representations.

    Raises:
        StoreError: If a store has no features, an enzyme is not in the store, or an input is a function of the labels.
    """
    for table in [store, *negatives]:
        if table.features is None:
            raise StoreError.at(
                "representations", "no features", "a store that went through tpspred featurize"
            )
    row_of = {sequence: i for i, sequence in enumerate(store.sequences)}
    absent = [enzyme.id for enzyme in enzymes if enzyme.sequence not in row_of]
    if absent:
        raise StoreError.at(
            "representations",
            f"no row for {absent[0]} and {len(absent) - 1} others",
            "every sequence of the dataset",
        )
    kept = [
        (enzyme, row_of[enzyme.sequence])
        for enzyme in enzymes
        if not store.problems[row_of[enzyme.sequence]]
    ]
    parts = [
        (store, [row for _, row in kept]),
        *_new_rows(negatives, {enzyme.sequence for enzyme in enzymes}),
    ]
    answers = reactions.targets([enzyme for enzyme, _ in kept], labels)
    others = sum(len(rows) for _, rows in parts[1:])
    products = reactions.product_targets([enzyme for enzyme, _ in kept], MIN_ENZYMES)
    only_tps = np.array([label == reactions.IS_TPS for label in labels], np.float32)
    gathered = Examples(
        ids=[table.ids[i] for table, rows in parts for i in rows],
        sequences=[table.sequences[i] for table, rows in parts for i in rows],
        embedding=np.concatenate([table.embedding[rows] for table, rows in parts]),
        features=np.concatenate([table.features[rows] for table, rows in parts]),
        targets=np.concatenate([answers, np.zeros((others, len(labels)), np.float32)]),
        mask=np.concatenate([np.ones_like(answers), np.tile(only_tps, (others, 1))]),
        products=np.concatenate([products, np.zeros((others, products.shape[1]), np.float32)]),
        identities=splits.identity(
            [table.sequences[i] for table, rows in parts for i in rows], threads
        ),
    )
    _refuse_answers(gathered, store.feature_names)
    is_tps = np.array([enzyme.is_tps for enzyme, _ in kept])
    return _without_doubtful(gathered, is_tps)


def _refuse_answers(data, feature_names):
    """Refuse an input that is the same in all enzymes with the same labels, and not in all enzymes: it was made of them."""
    rows = np.flatnonzero(data.mask.all(1))
    _, group = np.unique(data.targets[rows], axis=0, return_inverse=True)
    group = group.ravel()
    repeated = np.bincount(group)[group] > 1
    if repeated.sum() < TELLING:
        return
    inputs = np.concatenate([data.embedding[rows], data.features[rows]], 1)[repeated]
    order = np.argsort(group[repeated], kind="stable")
    inputs, starts = inputs[order], np.flatnonzero(np.diff(group[repeated][order], prepend=-1))
    constant = (np.maximum.reduceat(inputs, starts) == np.minimum.reduceat(inputs, starts)).all(0)
    told = np.flatnonzero(constant & (np.ptp(inputs, axis=0) > 0))
    if len(told):
        column = told[0] - data.embedding.shape[1]
        name = (
            f"feature {feature_names[column]}" if column >= 0 else f"embedding axis {told[0] + 1}"
        )
        raise StoreError.at(
            "representations",
            f"{name}, which is a function of the labels",
            "inputs that follow from the sequence alone",
        )


def _new_rows(tables, known):
    """(table, rows that passed the screen and whose sequence was not seen before) of each store."""
    known = set(known)
    for table in tables:
        rows = []
        for i, sequence in enumerate(table.sequences):
            if not table.problems[i] and sequence not in known:
                known.add(sequence)
                rows.append(i)
        yield table, rows


def _without_doubtful(data, is_tps):
    """Leave out negatives that resemble a terpene synthase more than anything else that is characterised."""
    to_enzymes = data.identities[len(is_tps) :, : len(is_tps)]
    nearest_tps = np.where(is_tps, to_enzymes, 0).max(1)
    nearest_other = np.where(is_tps, 0, to_enzymes).max(1)
    doubtful = (nearest_tps >= DOUBTFUL_IDENTITY) & (nearest_tps > nearest_other)
    kept = np.concatenate([np.arange(len(is_tps)), len(is_tps) + np.flatnonzero(~doubtful)])
    detail("%d negatives left out: nearest to a terpene synthase", doubtful.sum())
    return Examples(
        [data.ids[i] for i in kept],
        [data.sequences[i] for i in kept],
        data.embedding[kept],
        data.features[kept],
        data.targets[kept],
        data.mask[kept],
        data.products[kept],
        data.identities[np.ix_(kept, kept)],
    )


def sequence_hash(sequence):
    """64 bits by which a model remembers a sequence without holding it."""
    return int.from_bytes(sequence_digest(sequence)[:8], "little")


def fit(data, labels, config, device, progress=lambda count: None, blocks=None):
    """Train the members.

    Args:
        data: Examples.
        labels: List of dataset.Label, one per column of the targets.
        device: torch device.
        progress: Called with 1 after every epoch.
        blocks: Of the embedding, encoders.blocks.Block each.

    Returns:
        Fit.
    """
    rng = np.random.default_rng(config.seed)
    scaling = _scaling(data, blocks)
    member_of = splits.clusters(
        data.identities, list(map(len, data.sequences)), config.fold_identity
    )
    folds = splits.folds(member_of, data.targets, config.folds, rng)
    members, history = [], []
    for fold in range(min(config.members, config.folds)):
        with one_thread():
            state, epochs = _fit_member(
                data, scaling, labels, folds, fold, config, device, progress
            )
        members.append(state)
        history += epochs
    return Fit(
        labels,
        (data.targets * data.mask).sum(0).astype(int),
        scaling,
        members,
        list(range(len(members))),
        np.array([sequence_hash(sequence) for sequence in data.sequences], np.uint64),
        folds,
        history,
    )


def scale(embedding, features, scaling):
    """Centre and scale both inputs.

    Returns:
        (embedding, features) float32 tensors.
    """
    return (
        torch.tensor((embedding - scaling["embedding_mean"]) / scaling["embedding_scale"]),
        torch.tensor((features - scaling["feature_mean"]) / scaling["feature_scale"]),
    )


def group_sizes(labels):
    """Labels per head."""
    return {group: sum(label.group == group for label in labels) for group in reactions.GROUPS}


def _scaling(data, blocks):
    """Features get one scale each; so do the embedding's axes, unless their relative weight in a block means something."""
    scales = [
        _scale(data.embedding[:, part])
        if block.standardise
        else _common_scale(data.embedding[:, part])
        for block, part in columns(blocks)
    ]
    if len(scales) > 1:  # of a block that is alone, one number says it for all axes
        scales = [np.broadcast_to(scale, block.width) for scale, block in zip(scales, blocks)]
    return {
        "embedding_mean": data.embedding.mean(0),
        "embedding_scale": np.concatenate(scales),
        "feature_mean": data.features.mean(0),
        "feature_scale": _scale(data.features),
    }


def _common_scale(block):
    """One scale for all columns, (1,)."""
    return np.float32([max(1e-6, float(np.sqrt(((block - block.mean(0)) ** 2).mean())))])


def _scale(columns):
    """Standard deviation of every column, 1 where it is constant."""
    spread = columns.std(0)
    return np.where(spread > 1e-6, spread, 1)


def _fit_member(data, scaling, labels, folds, left_out, config, device, progress):
    torch.manual_seed(config.seed * 1000 + left_out)
    shuffle = torch.Generator().manual_seed(config.seed * 1000 + left_out)
    stopping_fold = (left_out + 1) % config.folds
    train = np.flatnonzero((folds != left_out) & (folds != stopping_fold))
    stop = np.flatnonzero(folds == stopping_fold)
    embedding, features = (
        tensor.to(device) for tensor in scale(data.embedding, data.features, scaling)
    )
    # Single products share the network with the labels, which teaches it what goes together; their head is not kept.
    targets = torch.tensor(np.concatenate([data.targets, data.products], 1)).to(device)
    known = np.repeat(data.mask.all(1, keepdims=True).astype(np.float32), data.products.shape[1], 1)
    mask = torch.tensor(np.concatenate([data.mask, known], 1)).to(device)
    heads = group_sizes(labels) | (
        {"product": data.products.shape[1]} if data.products.size else {}
    )
    positives = (targets[train] * mask[train]).sum(0)
    weights = class_weights(positives, len(train), config.weight_smoothing)

    network = FusedNetwork(embedding.shape[1], features.shape[1], heads, config.dropout).to(device)
    for head in network.heads.values():
        torch.nn.init.constant_(head.bias, -3.0)  # most answers are no
    optimiser = torch.optim.AdamW(
        network.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    batches = -(-len(train) // config.batch_size)
    steps = -(-batches // config.accumulation)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.epochs * steps
    )
    half = config.mixed_precision and device.type == "cuda"
    scaler = torch.amp.GradScaler(device.type, enabled=half)
    ensembles = np.array([label.group == "ensemble" for label in labels])

    best, best_f1, since, history = None, -1.0, 0, []
    for epoch in range(config.epochs):
        network.train()
        total = 0.0
        order = torch.as_tensor(train)[torch.randperm(len(train), generator=shuffle)]
        for number, batch in enumerate(order.split(config.batch_size), 1):
            with torch.autocast(device.type, torch.float16, enabled=half):
                logits = network(embedding[batch], features[batch])
            loss = focal_loss(
                logits.float(),
                targets[batch],
                mask[batch],
                weights,
                config.alpha,
                config.gamma,
                config.label_smoothing,
            )
            scaler.scale(loss / config.accumulation).backward()
            total += float(loss.detach()) * len(batch)
            if number % config.accumulation == 0 or number == batches:
                scaler.step(optimiser)
                scaler.update()
                optimiser.zero_grad()
                schedule.step()
        network.eval()
        with torch.no_grad():
            scores = (
                network(embedding[stop], features[stop])[:, : len(labels)].float().cpu().numpy()
            )
        labelled = data.mask[stop].all(1)
        macro_f1 = metrics.macro_f1_adaptive(
            data.targets[stop][labelled][:, ensembles], scores[labelled][:, ensembles]
        )
        history.append(
            {
                "member": left_out,
                "epoch": epoch + 1,
                "loss": total / len(train),
                "macro_f1": macro_f1,
                "learning_rate": schedule.get_last_lr()[0],
            }
        )
        detail(
            "member %d epoch %d loss %.4f macro F1 %.4f",
            left_out,
            epoch + 1,
            total / len(train),
            macro_f1,
        )
        progress(1)
        # A stopping fold holds few positives and its score jumps; the epoch of the highest jump is an early one.
        since = 0 if macro_f1 >= best_f1 - config.tolerance else since + 1
        best_f1 = max(best_f1, macro_f1)
        if not since:
            best = {
                name: value.cpu().numpy().astype(np.float16)
                for name, value in network.state_dict().items()
                if not name.startswith("heads.product.")
            }
        if since >= config.patience:
            break
    return best, history
