"""`runner init`: a look at some files, and a manifest for them with every guess marked as one."""

from runner.compose.scaffolding.looking import Found, look, name_like
from runner.compose.scaffolding.writing import manifest_text

__all__ = ["Found", "look", "manifest_text", "name_like"]
