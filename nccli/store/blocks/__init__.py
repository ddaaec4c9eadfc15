"""Arrays of a run as compressed blocks: its history in one, its class means and its weights in few."""
