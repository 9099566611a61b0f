"""Open, list, put and copy by URI: local paths and S3, with a synchronous client so that worker processes can use it.

Names are imported from the modules themselves, so that asking for an atomic write does not import botocore.
"""
