"""A run on its way into the store and out of it: what it is, who makes it, how it is written."""
