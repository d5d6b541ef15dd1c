"""Calls to files."""
