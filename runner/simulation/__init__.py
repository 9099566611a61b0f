"""The service, the clock and the faults as a model."""
