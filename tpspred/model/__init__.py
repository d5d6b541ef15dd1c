"""The network and everything that turns its numbers into calls; imports from encoders and below."""
