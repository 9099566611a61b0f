"""What jobs and trainings that fail are said to have failed of, in the words seen in the field (COMPREHEND.md 5.2)."""

from __future__ import annotations

from typing import Final

__all__ = ["INTERNAL", "NO_READ", "NO_WRITE"]

NO_READ: Final = "NO_READ_ACCESS_TO_INPUT: The provided data access role does not have proper access to the input data."
NO_WRITE: Final = (
    "NO_WRITE_ACCESS_TO_OUTPUT: The provided data access role does not have write access to the output S3 URI."
)
INTERNAL: Final = "INTERNAL_SERVER_ERROR: An internal server error occurred."
"""A code of our own choice: none was found in a public record."""
