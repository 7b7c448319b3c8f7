"""`python -m server` is the command crashfarm."""

from server.cli import main

main()
