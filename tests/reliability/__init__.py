"""Damaged inputs, faults of the machine, and what a user may expect of tpspred in spite of them.

``benchmarks/reliability.py`` runs the same trials at length.
"""
