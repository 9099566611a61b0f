"""Large batches of text analysis through Amazon Comprehend's asynchronous jobs."""

__version__ = "0.1.0"
