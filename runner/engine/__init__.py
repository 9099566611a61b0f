"""The shell around the core: one driver loop that records facts and carries out commands."""
