"""Read and write files: FASTA, HDF5 stores, journals and shards. Every room may import this one."""
