"""The part of S3 that the runner, Comprehend's clients and the AWS CLI use, with objects on disk."""
