"""What migrations computed with, as it was at their time: no later change may touch it."""
