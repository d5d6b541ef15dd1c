"""Cross-validation and what it is compared with; only the command line imports from here."""
