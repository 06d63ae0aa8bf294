"""Nostro: payment processing that its users own."""
