"""The part of S3 that the runner, Comprehend's clients and the AWS CLI use, with objects on disk.

service.py    one request in, one response out; errors as S3's XML
routing.py    which bucket, key and operation a request means (pure)
buckets.py, objects.py, multipart.py    the operations
listing.py    prefixes, delimiters, pages (pure)
bodies.py     bodies on their way to disk
store.py      rows that name blobs
"""
