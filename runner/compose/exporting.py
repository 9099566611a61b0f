"""`export`: which result files of a run there are, how far they are merged, and what their lines hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.compose.forms import line_form
from runner.compose.inspecting import merged_segments
from runner.compose.opening import OpenRun, read_run
from runner.errors import UserError
from runner.journal import RunDirectory
from runner.results import result_path, schema_of
from runner.results.export import ExportCorpus, ExportFormat, export


def export_run(
    directory: RunDirectory, out: Path, *, form: ExportFormat, corpora: Sequence[str] = (), columns: Sequence[str] = ()
) -> list[Path]:
    """Write the results of a run in another form, also while another process drives it: what is merged so far.

    Raises UserError for a corpus or a column that is not there, or if nothing is merged yet.
    """
    with read_run(directory) as opened:
        names = [corpus.name for corpus in opened.manifest.corpora]
        for name in corpora:
            if name not in names:
                raise UserError(f"the run has no corpus {name!r}", hint=f"there are: {', '.join(names)}")
        wanted = [_corpus(opened, name) for name in names if not corpora or name in corpora]
        found = [corpus for corpus in wanted if corpus.files]
        if not found:
            raise UserError("nothing is written yet that could be exported", hint="`runner status` says how far it is")
        return export(found, out, form=form, columns=columns)


def _corpus(opened: OpenRun, name: str) -> ExportCorpus:
    output = opened.manifest.output
    results = str(opened.directory.results(output))
    ends = {file: end for _, file, end in merged_segments(opened, name)}
    return ExportCorpus(
        name=name,
        files=tuple(
            (str(result_path(results, name, file, output.compression)), end) for file, end in sorted(ends.items())
        ),
        schema=schema_of(name, opened.manifest.analyses_of(name), line_form(opened.manifest, name)),
    )
