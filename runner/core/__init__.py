"""The pure scheduler: facts in, commands out. Standard library only, no await, no clock, no randomness."""
