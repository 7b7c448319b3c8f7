"""The program on a worker machine: poll, claim, run, understand, record."""
