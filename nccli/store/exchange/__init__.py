"""Runs from and to other stores and files, none of them trusted."""
