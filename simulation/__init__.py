"""The deterministic simulation: the service's own code on a seeded loop, in virtual time, over a real PostgreSQL.

`nostro sim --seeds N`; docs/explanation/simulation.md says what it can and cannot see.
"""
