"""Turn a screened protein into a vector: protocol, registry, encoders and representations."""
