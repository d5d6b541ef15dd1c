"""Bytes in, bytes out: files, FASTA, HDF5 stores, journals and shards; every room may import from here."""
