"""Training of a small protein language model; imports from encoders, model and below."""
