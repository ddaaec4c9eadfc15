"""Reaching a database: locations, transactions, journals, copies."""
