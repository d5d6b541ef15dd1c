"""Encoders, which turn a screened protein into one vector; imports from family and below."""
