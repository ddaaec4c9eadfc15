"""`python -m nccli`."""

from nccli.cli import main

main()
