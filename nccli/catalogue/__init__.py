"""What there is, declared once: kinds, statuses, stages, columns, metrics, options, figures. Imports none of ours."""
