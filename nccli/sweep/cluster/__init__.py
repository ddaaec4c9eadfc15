"""Sweeps that a cluster carries out: what is submitted lies in a folder that outlives whoever submitted it."""
