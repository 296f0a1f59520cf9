"""The use cases: load, decide, save; each is told what it needs and touches no framework."""
