"""Training the L-DUFM by full-batch gradient descent.

A `Batch` holds runs as NumPy arrays; compiled code steps them, or PyTorch where that is not possible or pays: `engine`,
`plain`, `cuda_graph` and refinement (`refine`, `collapsed`, `stationarity`) load it, and nothing else does.
"""
