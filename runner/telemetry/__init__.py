"""What people see of a run: its log, its progress, and the words for counts and durations.

Observers of events: they read the scheduler and change nothing. Knows nothing of commands, manifests or files other
than the log.
"""
