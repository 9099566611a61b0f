"""From a manifest file to a `Manifest`: read, lay over, set, fill in, check, build; every problem told at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from runner.manifest.build import Builder, Languages
from runner.manifest.checks import check
from runner.manifest.environment import substituted
from runner.manifest.files import Loader
from runner.manifest.messages import validated
from runner.manifest.overrides import overridden
from runner.manifest.paths import folder_of
from runner.manifest.problems import Problems
from runner.manifest.tree import Report, plain_data
from runner.model import Manifest


def load_manifest(
    path: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    languages: Languages | None = None,
    cores: int | None = None,
) -> Manifest:
    """Read and check a manifest; looks at nothing but the manifest and what it extends.

    Args:
        path: the file. What it is called here, it is called in messages.
        overrides: `path=value` of each `--set`, in order.
        environment: what `${NAME}` stands for; the process's own if None.
        languages: per family, the languages that the embedded engine can analyse (None: any). On an embedded lane
            they narrow those of the catalogue; a family that is not in it is not narrowed.
        cores: jobs that an embedded lane runs at once unless the manifest says; the machine's if None.

    Raises:
        ManifestError: every problem of the manifest, with file, line and column; those of a `--set` under its text.
        UserError: the file cannot be read.
    """
    name = os.fspath(path)
    cores = cores or os.cpu_count() or 1
    environment = os.environ if environment is None else environment
    problems = Problems()
    loaded = Loader(problems=problems, environment=environment).load(name)
    root = loaded.root
    directory = folder_of(name)
    for number, text in enumerate(overrides):
        root = overridden(root, text, number, directory, problems)
    root = substituted(root, environment, Report(root, problems))
    report = Report(root, problems)
    data = plain_data(root)
    file = validated(data, report)
    check(data, report)
    problems.raise_any()
    if file is None:
        raise AssertionError("sections that are not valid have problems")
    builder = Builder(report=report, languages=languages, cores=cores)
    return builder.manifest(file, path=name, digest=loaded.digest)
