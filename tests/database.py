"""The server that tests run on is the one that the simulation runs on."""

from simulation.server import LoopThread, TestServer, running_server

__all__ = ["LoopThread", "TestServer", "running_server"]
