"""Which machine drives a run: what the staging bucket keeps so that a fresh box can take an unfinished run up."""
