"""Open, list, put and copy by URI: local paths and S3, with a synchronous client so that worker processes can use it."""
