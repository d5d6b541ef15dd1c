"""A screened protein as a vector: import the protocol, registry and representations from here."""
