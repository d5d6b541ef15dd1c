#!/usr/bin/env python3
"""Embed proteins as fair-esm's program esm-extract does, which is missing in its package.

    esm_extract.py WEIGHTS.pt PROTEINS.faa FOLDER [--truncation_seq_length 1022]
                   [--toks_per_batch 4096]

The proteins are sorted by length, put in padded batches and run through fair-esm's own forward
pass. The mean over the residues of the last layer is written, one file per protein. As in the
program, sequences are cut at 1,022 residues by default.
"""

import argparse
import pathlib

import torch
from esm import FastaBatchedDataset, pretrained


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights")
    parser.add_argument("proteins")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument(
        "--include",
        choices=["mean"],
        default="mean",
        help="accepted for the command line of esm-extract",
    )
    parser.add_argument("--truncation_seq_length", type=int, default=1022)
    parser.add_argument("--toks_per_batch", type=int, default=4096)
    options = parser.parse_args()
    model, alphabet = pretrained.load_model_and_alphabet(options.weights)
    options.folder.mkdir(parents=True, exist_ok=True)
    for label, mean in means(
        model, alphabet, options.proteins, options.truncation_seq_length, options.toks_per_batch
    ):
        torch.save(
            {"label": label, "mean_representations": {model.num_layers: mean}},
            options.folder / f"{label}.pt",
        )


def means(model, alphabet, proteins, longest, tokens_per_batch, device="cpu"):
    """Yield (header, (dimension,) tensor) of every protein, batch by batch."""
    model = model.eval().to(device)
    dataset = FastaBatchedDataset.from_file(proteins)
    loader = torch.utils.data.DataLoader(
        dataset,
        collate_fn=alphabet.get_batch_converter(longest),
        batch_sampler=dataset.get_batch_indices(tokens_per_batch, extra_toks_per_seq=1),
    )
    last = model.num_layers
    for labels, sequences, tokens in loader:
        with torch.no_grad():
            output = model(tokens.to(device), repr_layers=[last], return_contacts=False)
        output["logits"].cpu()  # esm-extract fetches them too, which takes time
        layer = output["representations"][last].cpu()
        for label, sequence, residues in zip(labels, sequences, layer):
            yield label, residues[1 : min(longest, len(sequence)) + 1].mean(0).clone()


if __name__ == "__main__":
    main()
