"""Readers: a source object in, documents out, one module per format."""
