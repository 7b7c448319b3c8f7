"""`python -m worker` is the command crashfarm-worker."""

from worker.cli import main

main()
