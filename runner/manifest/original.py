"""The text of a manifest as it was written, if it still is as it was when a run began."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.errors import UserError
from runner.manifest.files import Loader
from runner.manifest.problems import Problems
from runner.model import Manifest


def manifest_text(manifest: Manifest, environment: Mapping[str, str]) -> str | None:
    """The manifest file's text, nothing in it expanded; None if it, or a file that it extends, has changed or is gone.

    What `--set` and `${NAME}` made of it is not shown: an environment variable may be a secret.
    """
    try:
        loaded = Loader(problems=Problems(), environment=environment).load(manifest.path)
        text = Path(manifest.path).read_text("utf-8")
    except (UserError, OSError, UnicodeError):
        return None
    return text if loaded.digest == manifest.sources_digest else None
