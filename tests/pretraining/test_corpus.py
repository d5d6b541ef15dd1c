"""Sequences are read, packed, split by kinship and drawn for a step."""

import gzip
import lzma
import random
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.errors import InputError
from tpspred.io import fasta
from tpspred.pretraining.corpus import (
    MOST_RELATIVES,
    WORD,
    Corpus,
    Proteins,
    read_sequences,
    related,
)

LETTERS = fasta.AMINO_ACIDS + "X"
SEQUENCES = st.lists(st.text(LETTERS, min_size=1, max_size=30), min_size=1, max_size=5)


def mutated(sequence, share, rng):
    return "".join(
        rng.choice(fasta.AMINO_ACIDS) if rng.random() < share else residue for residue in sequence
    )


def letters(codes):
    return "".join(LETTERS[code] for code in codes)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_sequences_are_read_plain_or_compressed(pack, tmp_path):
    path = tmp_path / "p.txt"
    path.write_bytes(pack(b"mkv\nMKU\n"))
    assert read_sequences(path) == ["MKV", "MKC"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("MKV\nMK1\n", "p.txt, line 2: found '1' at residue 3"),
        ("MKV\n\nMKV\n", "p.txt, line 2: found empty"),
    ],
)
def test_line_that_is_no_protein_is_named(tmp_path, text, message):
    path = tmp_path / "p.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=re.escape(message)):
        read_sequences(path)


@given(SEQUENCES)
def test_packed_sequences_come_back(sequences):
    proteins = Proteins(sequences)
    rng = np.random.default_rng(0)
    assert len(proteins) == len(sequences)
    assert [letters(proteins.piece(i, 30, rng)) for i in range(len(sequences))] == sequences


@given(SEQUENCES, st.integers(1, 30), st.integers(0, 99))
def test_piece_has_the_allowed_length_and_lies_in_its_protein(sequences, crop, seed):
    proteins = Proteins(sequences)
    for i, sequence in enumerate(sequences):
        piece = letters(proteins.piece(i, crop, np.random.default_rng(seed)))
        assert len(piece) == min(crop, len(sequence)) and piece in sequence


def test_pieces_come_from_everywhere():
    proteins = Proteins(["ACDEFG"])
    rng = np.random.default_rng(0)
    pieces = {letters(proteins.piece(0, 4, rng)) for _ in range(100)}
    assert pieces == {"ACDE", "CDEF", "DEFG"}


@given(SEQUENCES)
def test_equal_words_have_equal_codes(sequences):
    codes, counts = Proteins(sequences).words(range(len(sequences)))
    words = [
        sequence[i : i + WORD] for sequence in sequences for i in range(len(sequence) - WORD + 1)
    ]
    assert counts.tolist() == [max(0, len(sequence) - WORD + 1) for sequence in sequences]
    assert len(codes) == len(words)
    assert len(set(zip(words, codes.tolist()))) == len(set(words)) == len(set(codes.tolist()))


def test_three_shared_words_make_relatives_and_two_do_not():
    shared = "ACDEFGHIKL"
    proteins = Proteins([shared[:7] + "WWWWW", shared[:6] + "YYYYY", shared])
    assert related(proteins, [2]).tolist() == [[True], [False], [True]]


def test_protein_without_words_is_related_to_itself_alone():
    assert related(Proteins(["MK", "MK"]), [1]).tolist() == [[False], [True]]


def test_relatives_of_held_out_proteins_do_not_train(random_sequences):
    rng = random.Random(2)
    alone = random_sequences(40, 3)
    relatives = [mutated(sequence, 0.15, rng) for sequence in alone]
    proteins = Proteins(alone + relatives)
    is_related = related(proteins, np.arange(40))
    assert (is_related[40:].diagonal() & is_related[:40].diagonal()).all()
    assert is_related.sum() == 80
    corpus = Corpus.of(alone + relatives, [], 10, 0)
    assert len(corpus.held_out["pool"]) == 10 and "family" not in corpus.train
    assert not set(corpus.train["pool"] % 40) & set(corpus.held_out["pool"] % 40)


def test_protein_with_many_relatives_is_not_held_out(random_sequences):
    rng = random.Random(3)
    (ancestor, *alone) = random_sequences(6, 6)
    crowd = [mutated(ancestor, 0.1, rng) for _ in range(MOST_RELATIVES + 2)]
    corpus = Corpus.of(crowd + alone, [], 10, 0)
    assert sorted(corpus.held_out["pool"]) == [*range(len(crowd), len(crowd) + 5)]
    assert sorted(corpus.train["pool"]) == [*range(len(crowd))]


def test_protein_of_both_files_belongs_to_the_family(random_sequences):
    pool, family = random_sequences(30, 4), random_sequences(30, 5)
    corpus = Corpus.of(pool + family[:10], family, 2, 0)
    assert len(corpus.proteins) == 60
    assert {
        name: len(corpus.train[name]) + len(corpus.held_out[name]) for name in corpus.train
    } == {"pool": 30, "family": 30}


def test_repeated_sequences_count_once(random_sequences):
    pool = random_sequences(30, 4)
    once, twice = (Corpus.of(sequences, [], 2, 0) for sequences in (pool, pool + pool))
    assert len(twice.proteins) == 30 and twice.checksum == once.checksum
    assert Corpus.of(pool[::-1], [], 2, 0).checksum != once.checksum


def test_too_few_proteins_are_refused(random_sequences):
    with pytest.raises(InputError, match="pool: found 3 proteins"):
        Corpus.of(random_sequences(3, 0), [], 100, 0)


def test_batch_has_the_residues_of_a_step_and_follows_from_its_number(
    corpus, small_plan, random_sequences
):
    plan = small_plan(family_share=1.0)
    batches = [corpus.batch(step, plan)[0] for step in range(plan.steps)]
    assert all(sum(map(len, batch)) == 600 and max(map(len, batch)) <= 80 for batch in batches)
    assert all(np.array_equal(*pair) for pair in zip(batches[7], corpus.batch(7, plan)[0]))
    family = [np.mean([piece.max() < 5 for piece in batch]) for batch in batches]
    assert family[0] == 0 < np.mean(family[:20]) < np.mean(family[20:])
    pool = "".join(random_sequences(60, 0))
    assert all(letters(piece) in pool for piece in batches[0])


def test_batch_never_contains_a_held_out_protein(corpus, small_plan):
    plan = small_plan(crop=150)
    held_out = {
        letters(corpus.proteins.piece(row, 150, np.random.default_rng(0)))
        for rows in corpus.held_out.values()
        for row in rows
    }
    drawn = {letters(piece) for step in range(40) for piece in corpus.batch(step, plan)[0]}
    assert len(held_out) == 8 and not held_out & drawn
