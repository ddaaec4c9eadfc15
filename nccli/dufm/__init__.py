"""Training the L-DUFM by full-batch gradient descent.

`config` and `result` are plain data and load no torch; `engine`, `activation`, `initial` and `train` do.
"""
