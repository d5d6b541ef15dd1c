"""Cross-validation, baselines and reports; imports from pipeline, writers and below."""
