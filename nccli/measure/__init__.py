"""Networks that somebody else trained, and files of their features: read with distrust, measured layer by layer.

Torch is imported by the modules inside, when they are used.
"""
