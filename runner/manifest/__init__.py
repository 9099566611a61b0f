"""The manifest: YAML on disk to a valid `runner.model.Manifest`, every problem told at once; and a run's identity."""

from runner.manifest.editors import json_schema
from runner.manifest.identity import describe_form, describe_identity, identity_difference, identity_digest
from runner.manifest.load import load_manifest

__all__ = [
    "describe_form",
    "describe_identity",
    "identity_difference",
    "identity_digest",
    "json_schema",
    "load_manifest",
]
