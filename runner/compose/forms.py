"""What the manifest says of the form of a corpus's result lines."""

from __future__ import annotations

from runner.model import LineForm, Manifest


def line_form(manifest: Manifest, corpus: str) -> LineForm:
    """Which keys stand on the lines of a corpus beside those of every line."""
    return LineForm(
        fields=bool(manifest.corpus(corpus).keep), text=manifest.output.text, changed=changed_only(manifest)
    )


def changed_only(manifest: Manifest) -> bool:
    """Whether results hold only documents whose answers do not all come from earlier runs."""
    return manifest.output.emit == "changed"
