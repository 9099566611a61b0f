"""The NLP behind each job family: text in, rows out, offsets in code points; pure."""
