from runner.library import (
    Event as Event,
    Manifest as Manifest,
    Outcome as Outcome,
    Plan as Plan,
    load_manifest as load_manifest,
    plan as plan,
    read_results as read_results,
    report as report,
    run as run,
    status as status,
    verify as verify,
)

__version__: str
