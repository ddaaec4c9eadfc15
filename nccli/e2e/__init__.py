"""End to end: real networks on real images, a backbone whose output is H_1 and a bias-free MLP head.

Torch is imported by the modules inside, when they are used.
"""
