"""Training of a small protein language model; only bin/pretrain-encoder imports from here."""
