"""Adapter: Amazon Comprehend, S3 and STS through aioboto3."""
