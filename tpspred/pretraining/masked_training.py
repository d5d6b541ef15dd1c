"""Masked-language-model training of an ESM-2 of any size. Lin et al. 2023, 10.1126/science.ade2574

What a step sees follows from the seed and its number alone, so a run that was stopped goes on as if it had not been.
"""

import dataclasses
import itertools
import math
import pickle
import time

import esm
import numpy as np
import torch
from torch.nn import functional

from ..encoders import esm2, esm2_forward
from ..errors import ModelError, TpspredError
from ..io import fasta, files
from ..model.hyperparameters import check, option

ALPHABET = esm.data.Alphabet.from_architecture("ESM-1b")
TOKENS = np.array([ALPHABET.get_idx(letter) for letter in fasta.AMINO_ACIDS + "X"])
HIDDEN = 0.8  # of the residues to predict; the others are replaced or stay. Devlin et al. 2019, 10.18653/v1/N19-1423
EVALUATIONS = 25
BETAS = (0.9, 0.98)
OFFSETS = tuple(
    sign * distance for distance in range(1, 9) for sign in (-1, 1)
)  # two turns of a helix to either side
SHARPNESS = 4.0
HELD_OUT_STREAM = 1 << 32  # the number of no step
STATE = "tpspred-pretraining"
LEAST = {
    "layers": 1,
    "dimension": 1,
    "heads": 1,
    "residues": 1,
    "batch_residues": 1,
    "crop": 1,
    "held_out": 1,
    "learning_rate": 0,
    "weight_decay": 0,
    "clip": 0,
    "seed": 0,
}
SHARES = ("masked_share", "family_share", "warm_up")


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything that decides what is trained."""

    layers: int = option(6, "Layers.")
    dimension: int = option(320, "Numbers per residue.")
    heads: int = option(10, "Attention heads.")
    residues: int = option(2_000_000_000, "Residues to train on, all steps together.")
    batch_residues: int = option(65_536, "Residues per step.")
    crop: int = option(512, "Longest piece of a protein, residues.")
    masked_share: float = option(0.15, "Share of the residues to predict.")
    family_share: float = option(0.3, "Share of family proteins at the end; it grows from 0.")
    learning_rate: float = option(1e-3, "Peak learning rate of AdamW.")
    warm_up: float = option(
        0.03, "Share of the steps in which the learning rate grows; then it falls along a cosine."
    )
    weight_decay: float = option(0.05, "Weight decay of the matrices.")
    clip: float = option(1.0, "Longest gradient.")
    held_out: int = option(
        100, "Proteins of pool and family each that are left out, to measure perplexity on."
    )
    precision: str = option("bfloat16", "Of the matrix products.")
    seed: int = option(0, "Seed of every random choice.")

    def __post_init__(self):
        """Refuse what cannot be trained with.

        Raises:
            TpspredError: Naming the option, its value and what is wanted.
        """
        check(self, LEAST, SHARES)
        if self.dimension % (2 * self.heads):
            raise TpspredError.at(
                "--dimension",
                f"{self.dimension} for {self.heads} heads",
                "an even number for each head",
            )
        if self.precision not in esm2_forward.PRECISIONS:
            raise TpspredError.at("--precision", self.precision, ", ".join(esm2_forward.PRECISIONS))

    @property
    def steps(self):
        """Number of steps."""
        return max(1, self.residues // self.batch_residues)

    def rate(self, step):
        """Learning rate of a step.

        >>> plan = Plan(residues=1000, batch_residues=1, warm_up=0.1, learning_rate=1.0)
        >>> plan.rate(49), plan.rate(100), round(plan.rate(550), 2), round(plan.rate(999), 5)
        (0.5, 1.0, 0.5, 0.0)
        """
        warm = max(1, round(self.warm_up * self.steps))
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        return (
            self.learning_rate
            * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))
            / 2
        )

    def share_of_family(self, step):
        """Share of family proteins in a step."""
        return self.family_share * step / self.steps


def network(plan):
    """A new ESM-2, whose embedding is small enough for the head that shares it, and whose heads see neighbours."""
    torch.manual_seed(plan.seed)
    model = esm.ESM2(plan.layers, plan.dimension, plan.heads, ALPHABET, token_dropout=False)
    torch.nn.init.normal_(model.embed_tokens.weight, std=0.02)
    offsets = itertools.cycle(OFFSETS)
    for layer in model.layers[:-1]:
        for head in range(plan.heads):
            look_at(layer.self_attn, head, next(offsets))
    return model.requires_grad_(True)


@torch.no_grad()
def look_at(attention, head, offset):
    """Let a head look at the residue that is so many places further on, whatever it is.

    The rotation of query and key by their places (rotary embedding) is undone by biases that differ by the angle of the offset. Without
    this a network has to find out first that there are places: on sixteen proteins the loss fell in 400 steps to 1.26 with it and
    to 2.63 without.

    Args:
        attention: fair-esm's MultiheadAttention.
        offset: Residues, negative towards the N-terminus.
    """
    angles = offset * attention.rot_emb.inv_freq  # (head dimension / 2,)
    own = slice(head * attention.head_dim, (head + 1) * attention.head_dim)
    attention.q_proj.bias[own] = SHARPNESS * torch.cat([angles.cos(), angles.sin()])
    attention.k_proj.bias[own] = SHARPNESS * torch.cat(
        [torch.ones_like(angles), torch.zeros_like(angles)]
    )


def masked(pieces, plan, rng, device, hidden=HIDDEN):
    """Tokens of pieces of proteins, some of which are to be predicted.

    Args:
        hidden: Share of these that are masked; half of the others are replaced and half stay.

    Returns:
        (tokens (tokens,), language_model.Packing, places (masked,), answers (masked,)).
    """
    tokens = np.concatenate(
        [np.r_[ALPHABET.cls_idx, TOKENS[piece], ALPHABET.eos_idx] for piece in pieces]
    )
    inner = np.ones(len(tokens), bool)
    ends = np.cumsum([len(piece) + 2 for piece in pieces])
    inner[ends - 1] = inner[np.r_[0, ends[:-1]]] = False
    places = np.flatnonzero(inner & (rng.random(len(tokens)) < plan.masked_share))
    answers, kind = tokens[places], rng.random(len(places))
    tokens[places[kind < hidden]] = ALPHABET.mask_idx
    other = places[(kind >= hidden) & (kind < (1 + hidden) / 2)]
    tokens[other] = rng.choice(TOKENS[:-1], len(other))
    packing = esm2_forward.Packing([len(piece) + 2 for piece in pieces], device)
    tokens, places, answers = (
        torch.from_numpy(array).to(device) for array in (tokens, places, answers)
    )
    return tokens, packing, places, answers


def loss(model, tokens, packing, places, answers, dtype):
    """Mean cross entropy of the residues that are to be predicted, nats."""
    with torch.autocast(tokens.device.type, dtype, enabled=dtype != torch.float32):
        x = functional.embedding(tokens, model.embed_tokens.weight)  # (tokens, dimension)
        x = esm2_forward.through_layers(model, x, packing, dtype)
        logits = model.lm_head(x[places])  # (masked, letters)
    return functional.cross_entropy(logits.float(), answers)


@torch.no_grad()
def perplexity(model, corpus, name, plan, device):
    """Of residues in proteins that were left out, all of them hidden; the same ones every time.

    Args:
        name: pool or family.
    """
    rng = np.random.default_rng([plan.seed, HELD_OUT_STREAM])
    pieces = [corpus.proteins.piece(i, plan.crop, rng) for i in corpus.held_out[name]]
    total = count = 0
    at_once = max(1, plan.batch_residues // plan.crop)
    for first in range(0, len(pieces), at_once):
        batch = masked(pieces[first : first + at_once], plan, rng, device, hidden=1.0)
        total += float(loss(model, *batch, esm2_forward.PRECISIONS[plan.precision])) * len(
            batch[-1]
        )
        count += len(batch[-1])
    return math.exp(total / count)


class Training:
    """A training that can be stopped, written, read and gone on with.

    Args:
        plan: Plan.
        corpus: corpus.Corpus.
        device: torch device.

    Attributes:
        model: esm.ESM2.
        step: Steps done.
        history: One dictionary per evaluation.
    """

    def __init__(self, plan, corpus, device):
        self.plan, self.corpus, self.device = plan, corpus, device
        self.model = network(plan).to(device)
        self._trained = [
            value
            for name, value in self.model.named_parameters()
            if not name.startswith("contact_head")
        ]
        self.parameters = sum(value.numel() for value in self._trained)
        self._optimiser = torch.optim.AdamW(
            [
                {
                    "params": [value for value in self._trained if value.ndim > 1],
                    "weight_decay": plan.weight_decay,
                },
                {
                    "params": [value for value in self._trained if value.ndim < 2],
                    "weight_decay": 0.0,
                },
            ],
            betas=BETAS,
            fused=True,
        )
        self.step, self.seconds, self.history = 0, 0.0, []

    def run(self, seconds=math.inf, report=lambda row: None):
        """Go on to the last step, or until the time is up.

        Args:
            report: Called with every row of the history, after which the training may be written.
        """
        end = time.monotonic() + seconds
        if not self.history:
            self._evaluate(0.0, 0, 0.0, report)
        every = max(1, self.plan.steps // EVALUATIONS)
        while self.step < self.plan.steps and time.monotonic() < end:
            began, first = time.monotonic(), self.step
            total = self._advance()
            while self.step % every and self.step < self.plan.steps and time.monotonic() < end:
                total += self._advance()
            mean = float(total) / (self.step - first)  # waits for the device
            self._evaluate(mean, self.step - first, time.monotonic() - began, report)

    def _advance(self):
        """One step; returns its loss."""
        plan = self.plan
        pieces, rng = self.corpus.batch(self.step, plan)
        found = loss(
            self.model,
            *masked(pieces, plan, rng, self.device),
            esm2_forward.PRECISIONS[plan.precision],
        )
        found.backward()
        torch.nn.utils.clip_grad_norm_(self._trained, plan.clip)
        for group in self._optimiser.param_groups:
            group["lr"] = plan.rate(self.step)
        self._optimiser.step()
        self._optimiser.zero_grad()
        self.step += 1
        return found.detach()

    def _evaluate(self, mean_loss, steps, seconds, report):
        plan, self.seconds = self.plan, self.seconds + seconds
        found = {
            f"{name}_perplexity": perplexity(self.model, self.corpus, name, plan, self.device)
            for name in self.corpus.held_out
        }
        self.history.append(
            {
                "step": self.step,
                "residues": self.step * plan.batch_residues,
                "seconds": round(self.seconds, 1),
                "residues_per_second": round(steps * plan.batch_residues / seconds) if steps else 0,
                "learning_rate": plan.rate(self.step - 1) if self.step else 0.0,
                "family_share": plan.share_of_family(self.step),
                "loss": mean_loss,
                **found,
            }
        )
        report(self.history[-1])

    def save(self, path):
        """Write everything that going on needs."""
        state = {
            "format": STATE,
            "plan": vars(self.plan),
            "corpus": self.corpus.checksum,
            "step": self.step,
            "seconds": self.seconds,
            "history": self.history,
            "model": self.model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
        with files.atomic_path(path) as target, open(target, "wb") as handle:
            torch.save(state, handle)

    def resume(self, path):
        """Go on from what ``save`` wrote.

        Raises:
            ModelError: If it is damaged, or of another plan or other sequences.
        """
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as error:
            raise ModelError.at(
                path,
                f"a file that cannot be read ({str(error).splitlines()[0][:100]})",
                "a training that was stopped, or no file",
            ) from None
        if not isinstance(state, dict) or state.get("format") != STATE:
            raise ModelError.at(path, "something else", "a training that was stopped, or no file")
        for name, value in (vars(self.plan) | {"corpus": self.corpus.checksum}).items():
            found = (state["plan"] | {"corpus": state["corpus"]}).get(name)
            if found != value:
                raise ModelError.at(
                    path,
                    f"a training with {name} {found}",
                    f"{value} (or delete the file to begin again)",
                )
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds, self.history = state["step"], state["seconds"], state["history"]

    def export(self, path):
        """Write the weights in fair-esm's layout, in half precision, with what they were trained on."""
        about = {
            "plan": vars(self.plan),
            "sequences_sha256": self.corpus.checksum,
            "seconds": self.seconds,
            "proteins": {name: len(rows) for name, rows in self.corpus.train.items()},
        } | self.history[-1]
        esm2.save(self.model, path, torch.float16, training=about)
