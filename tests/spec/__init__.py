"""The protocol as a model (spec/), and the service held against it."""
