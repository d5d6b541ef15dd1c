"""What a sequence says of its family: import screening, features, profiles, alignment, motifs."""
