"""The queue: everything that is said about jobs to the database is said here, by `JobQueue`."""

from crashfarm.queue.jobs import JobQueue

__all__ = ["JobQueue"]
