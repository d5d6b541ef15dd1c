"""Cross-validation and what it is compared with; only the command line imports from here."""

ENZYMES = "enzymes"  # name of the set of labelled enzymes; other sets are negatives
