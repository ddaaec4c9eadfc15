"""What a reading command asks: conditions, selections, rows, groups, records."""
