"""What there is, declared once: kinds, statuses, outcomes, stages, columns, metrics, options, figures.

Imports none of ours.
"""
