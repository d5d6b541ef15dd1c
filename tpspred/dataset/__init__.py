"""What is known about characterised enzymes: reactions, labels, ensembles, folds; imports from io."""
