"""One generator per kind of work: what could be done, and from when. All read a run; none changes anything."""
