"""The report of a run: one HTML file that needs no network, under a megabyte for ten thousand jobs.

    history.py    a journal's facts, folded into what a reader asks: attempts, starts, progress, troubles
    scales.py     from values to places and back to words
    charts.py     plots as SVG, coloured by the page's style sheet
    tables.py     the tables that stand behind every plot, and everything else in rows
    page.py       the page

Pure: facts in, text out. Document text only if whoever calls hands some in.
"""

from runner.telemetry.report.history import Attempt, History, fold_history
from runner.telemetry.report.page import Overview, ReportFacts, Sample, render_report

__all__ = ["Attempt", "History", "Overview", "ReportFacts", "Sample", "fold_history", "render_report"]
