"""The benchmark of Nostro: `make bench`, or `python -m bench`."""
