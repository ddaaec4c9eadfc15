"""The tests that are marked `long`, which the suite leaves out: `long_scenes.py [FILE, FOLDER or pytest option…]`

Each takes some ten seconds: what a cluster does to its tasks, processes that are killed one after the other, other
users, every figure byte by byte. Of each promise the suite has a quick scene. The exit code is that of pytest.
"""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

if __name__ == "__main__":
    sys.exit(pytest.main([f"--rootdir={ROOT}", f"-c{ROOT / 'pyproject.toml'}", "-m", "long", *sys.argv[1:]]))
