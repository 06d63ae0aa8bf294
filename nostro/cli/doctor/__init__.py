"""`nostro doctor`: each thing that must be right, as ok, warn or fail, with what to do. It changes nothing."""

from nostro.cli.doctor.rounds import run

__all__ = ["run"]
