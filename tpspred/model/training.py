"""The training loop: several networks, each of which leaves one fold out.

The folds consist of identity clusters. Each network is called a member. Member k never sees fold k,
which is used to calibrate it; it stops when it gets worse on fold k + 1, and learns from the other
folds. The logit of a model is the mean of its members' logits.
"""

import functools
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..console import detail
from ..dataset.folds import deal_folds, identity_clusters
from ..dataset.labels import Label
from ..device import one_thread
from ..encoders.protocol import VectorPart
from . import metrics
from .examples import Examples
from .hyperparameters import Config
from .losses import class_weights, focal_loss
from .network import FusedNetwork
from .scaling import Scaling, fit_scaling
from .trained import State, TrainedNetworks, group_sizes, sequence_hash

Member = tuple[State, list[dict[str, float]]]  # a network, and a row for each of its epochs
SHORT_TRAINING = 20_000  # proteins × epochs that take less time than to start other processes
MIN_ENZYMES = 4  # the networks learn products that at least this many enzymes make
INITIAL_BIAS = -3.0  # bias of the heads at the start, because most targets are 0


def train_networks(
    examples: Examples,
    labels: list[Label],
    parts: Sequence[VectorPart],
    config: Config,
    device: torch.device,
    progress: Callable[[int], object] = lambda count: None,
    threads: int = 1,
) -> TrainedNetworks:
    """Train the networks of a model.

    Args:
        examples: Proteins to learn from.
        labels: Labels, one for each column of the targets.
        parts: Parts of the embedding.
        config: Hyperparameters.
        device: Device to train on.
        progress: Called after every network with the number of its epochs.
        threads: CPU threads; the weights do not depend on them.
    """
    rng = np.random.default_rng(config.seed)
    scaling = fit_scaling(examples.embedding, examples.features, parts)
    lengths = [len(sequence) for sequence in examples.sequences]
    cluster_of = identity_clusters(examples.identities, lengths, config.fold_identity)
    folds = deal_folds(cluster_of, examples.targets, config.folds, rng)
    members: list[State] = []
    history: list[dict[str, float]] = []
    train_member = functools.partial(
        _train_member, examples.without_identities(), scaling, labels, folds, config, device
    )
    numbers = range(min(config.members, config.folds))
    is_long = device.type == "cpu" and len(examples) * config.epochs >= SHORT_TRAINING
    for state, epochs in _side_by_side(train_member, numbers, is_long, threads):
        for row in epochs:
            detail("member %(member)d epoch %(epoch)d loss %(loss).4f macro F1 %(macro_f1).4f", row)
        progress(len(epochs))
        members.append(state)
        history += epochs
    return TrainedNetworks(
        labels=labels,
        positives=(examples.targets * examples.mask).sum(0).astype(int),
        feature_names=examples.feature_names,
        scaling=scaling,
        weights={name: np.stack([state[name] for state in members]) for name in members[0]},
        member_folds=list(range(len(members))),
        sequence_hashes=np.array(list(map(sequence_hash, examples.sequences)), np.uint64),
        sequence_folds=folds,
        history=history,
    )


def _side_by_side(
    train_member: Callable[[int], Member],
    numbers: Sequence[int],
    is_long: bool,
    threads: int,
) -> Iterator[Member]:
    """Train networks, several at a time if that is worth the start of other processes.

    Args:
        train_member: Trains the network of a number.
        numbers: Numbers of the networks.
        is_long: Whether the start of a process takes less time than a training.
        threads: CPU threads.

    Yields:
        The networks in the order of their numbers.
    """
    if threads == 1 or not is_long:
        with one_thread():
            yield from map(train_member, numbers)
        return
    # A network of its own thread would share torch's random numbers with the others.
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(threads, len(numbers)), _start_worker) as pool:
        yield from pool.imap(train_member, numbers)


def _start_worker() -> None:
    """Prepare a process that trains networks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that waits for it decides
    torch.set_num_threads(1)


def _train_member(
    examples: Examples,
    scaling: Scaling,
    labels: Sequence[Label],
    folds: NDArray[np.int64],
    config: Config,
    device: torch.device,
    left_out: int,
) -> Member:
    """Train the network that leaves one fold out.

    Returns:
        (weights at the last epoch that was not worse than the best; a row for each epoch).
    """
    # Indices of the proteins that the network learns from, and of those that stop the training.
    torch.manual_seed(config.seed * 1000 + left_out)
    shuffle = torch.Generator().manual_seed(config.seed * 1000 + left_out)
    stopping_fold = (left_out + 1) % config.folds
    train = np.flatnonzero((folds != left_out) & (folds != stopping_fold))
    stop = np.flatnonzero(folds == stopping_fold)

    # Inputs (n, dimension) and (n, features).
    embedding = torch.tensor(scaling.embeddings(examples.embedding)).to(device)
    features = torch.tensor(scaling.features(examples.features)).to(device)

    # Targets and mask (n, labels + products). Learning single products too teaches the network
    # which labels go together. Their head is not kept: beside the regression on all enzymes it
    # adds nothing to a ranking of products.
    products = examples.products[:, examples.products.sum(0) >= MIN_ENZYMES]
    product_count = products.shape[1]
    targets = torch.tensor(np.concatenate([examples.targets, products], 1)).to(device)
    is_enzyme = examples.is_enzyme.astype(np.float32)[:, None]
    known_products = np.repeat(is_enzyme, product_count, 1)
    mask = torch.tensor(np.concatenate([examples.mask, known_products], 1)).to(device)
    positives = (targets[train] * mask[train]).sum(0)  # (labels + products,)
    weights = class_weights(positives, len(train), config.weight_smoothing)

    # The network, its optimiser and its learning rate.
    heads = group_sizes(labels) | ({"product": product_count} if products.size else {})
    network = FusedNetwork(embedding.shape[1], features.shape[1], heads, config.dropout).to(device)
    for head in network.heads.values():
        assert isinstance(head, torch.nn.Linear)
        torch.nn.init.constant_(head.bias, INITIAL_BIAS)
    optimiser = torch.optim.AdamW(
        network.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    batch_count = -(-len(train) // config.batch_size)
    steps = -(-batch_count // config.accumulation)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.epochs * steps
    )
    half = config.mixed_precision and device.type == "cuda"
    scaler = torch.amp.GradScaler(device.type, enabled=half)

    # Every epoch is scored by the ensembles of the enzymes in the stopping fold.
    ensembles = np.array([label.group == "ensemble" for label in labels])
    stop_enzymes = examples.is_enzyme[stop]
    stop_truth = examples.targets[stop][stop_enzymes][:, ensembles]

    best: State = {}
    best_f1 = -1.0
    epochs_below = 0
    history: list[dict[str, float]] = []
    for epoch in range(config.epochs):
        # One pass over the training proteins in random order.
        network.train()
        total_loss = 0.0
        order = torch.as_tensor(train)[torch.randperm(len(train), generator=shuffle)]
        for number, batch in enumerate(order.split(config.batch_size), 1):
            with torch.autocast(device.type, torch.float16, enabled=half):
                logits = network(embedding[batch], features[batch])  # (batch, labels + products)
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
            total_loss += float(loss.detach()) * len(batch)
            if number % config.accumulation == 0 or number == batch_count:
                scaler.step(optimiser)
                scaler.update()
                optimiser.zero_grad()
                schedule.step()

        # Score the stopping fold.
        network.eval()
        with torch.no_grad():
            logits = network(embedding[stop], features[stop])[:, : len(labels)]
        scores = logits.float().cpu().numpy()  # (stopping proteins, labels)
        macro_f1 = metrics.macro_f1_adaptive(stop_truth, scores[stop_enzymes][:, ensembles])
        row = {
            "member": left_out,
            "epoch": epoch + 1,
            "loss": total_loss / len(train),
            "macro_f1": macro_f1,
            "learning_rate": float(schedule.get_last_lr()[0]),
        }
        history.append(row)

        # Keep the weights, or stop. A stopping fold contains few positives, so its score jumps,
        # and the highest jump comes early. An epoch within the tolerance does not count as worse.
        epochs_below = 0 if macro_f1 >= best_f1 - config.tolerance else epochs_below + 1
        best_f1 = max(best_f1, macro_f1)
        if epochs_below == 0:
            best = {
                name: value.cpu().numpy().astype(np.float16)
                for name, value in network.state_dict().items()
                if not name.startswith("heads.product.")
            }
        if epochs_below >= config.patience:
            break
    return best, history
