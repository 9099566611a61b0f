from __future__ import annotations

import pytest

from runner.catalogue import FAMILIES
from runner.model import OutputSpec, PolicySpec, Tally
from runner.planning import DurationModel, make_plan
from runner.planning.disk import ANSWERS, DiskUse, disk_use


def used(build, manifest, *, documents: int = 1000, size: int = 100_000) -> DiskUse:
    """Of one segment whose documents are all sent."""
    tallies = [
        Tally(analysis=a.name, language="en", outcome="sent", code="", documents=documents, bytes=size, units=0)
        for a in manifest.analyses
    ]
    segment = build.segment([build.part(size, lines=documents)], tallies=tallies)
    return disk_use(manifest, make_plan(manifest, [segment], durations=DurationModel()))


def test_every_family_has_its_figures() -> None:
    assert ANSWERS.keys() == FAMILIES.keys()


def test_answers_take_so_much_a_document_and_so_much_a_byte(build) -> None:
    use = used(build, build.manifest(["key_phrases"]))
    assert use.spool == 1000 * 30 + 100_000 * 4
    assert use.results == use.spool + 1000 * (100 + 25)
    assert (use.endpoint, use.books) == (0, 5_000)
    assert use.total == use.spool + use.results + 5_000


def test_the_spool_is_never_predicted_above_its_budget(build) -> None:
    use = used(build, build.manifest(["key_phrases"], policy=PolicySpec(spool_budget_bytes=1_000)))
    assert use.spool == 1_000


def test_the_form_of_the_results_counts(build) -> None:
    plain = used(build, build.manifest(["sentiment"])).results
    assert used(build, build.manifest(["sentiment"], output=OutputSpec(text=True))).results == plain + 100_000
    assert used(build, build.manifest(["sentiment"], output=OutputSpec(compression="zstd"))).results < plain / 5


@pytest.mark.parametrize(("mode", "spool"), [("offsets", 80_000), ("redaction", 130_000), ("both", 180_000)])
def test_redacted_copies_are_as_long_as_their_texts(build, mode: str, spool: int) -> None:
    pii = build.analysis("pii_entities", parameters=(("mode", mode),))
    assert used(build, build.manifest([pii])).spool == spool


def test_an_embedded_endpoint_keeps_inputs_and_outputs_too(build) -> None:
    use = used(build, build.manifest(["sentiment"], lane=build.lane("embedded")))
    assert use.endpoint == 100_000 + 0.3 * 200 * 1000
