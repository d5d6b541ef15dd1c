"""What is known about enzymes: import reactions, enzymes, labels, ensembles and folds from here."""
