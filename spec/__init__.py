"""The protocol as a model, and what runs it."""
