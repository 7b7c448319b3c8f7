"""What the worker's and the service's side share: documents, database access, the queue, settings, errors."""

__version__ = "0.1.0"
