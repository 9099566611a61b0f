"""Adapter: the durable list of events, in SQLite."""
