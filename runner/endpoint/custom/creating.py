"""What a Create must satisfy beyond the service model, and what is filled in; pure.

Owns the rules that botocore's model cannot state (COMPREHEND.md sections 1.8 and 2.7). The codes are those that the
model declares for these operations; the sentences are this endpoint's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runner.endpoint.protocol import ApiError
from runner.endpoint.tags import check_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.endpoint.custom.kinds import Kind

__all__ = ["check_create", "filled_in"]

_LANGUAGES: Final = frozenset({"de", "en", "es", "fr", "it", "pt"})  # COMPREHEND.md section 2.5
_TYPES_MAX: Final = 25


def check_create(kind: Kind, members: Mapping[str, Any]) -> None:
    """Raise the ApiError that refuses this Create, if one does."""
    code = members["LanguageCode"]
    if code not in _LANGUAGES:
        raise ApiError(
            "UnsupportedLanguageException",
            f"Custom models cannot be trained in the language {code}; valid: {', '.join(sorted(_LANGUAGES))}",
        )
    if "ModelPolicy" in members:
        raise _unserved("resource policies of models")
    config = members["InputDataConfig"]
    if config.get("DataFormat") == "AUGMENTED_MANIFEST" or config.get("AugmentedManifests"):
        raise _unserved("augmented manifests; use the format COMPREHEND_CSV")
    if kind.name == "classifier":
        _check_classifier(config)
    else:
        _check_recognizer(config)
    check_tags(members.get("Tags", []))


def filled_in(kind: Kind, members: Mapping[str, Any]) -> dict[str, Any]:
    """The members with what the service fills in, as Describe shows them."""
    config = {"DataFormat": "COMPREHEND_CSV", **members["InputDataConfig"]}
    if kind.name == "classifier":
        defaults = {"Mode": "MULTI_CLASS", "OutputDataConfig": {}}
    else:
        defaults = {}
        config["Documents"] = {"InputFormat": "ONE_DOC_PER_LINE", **config["Documents"]}
    return {**defaults, **members, "InputDataConfig": config}


def _check_classifier(config: Mapping[str, Any]) -> None:
    if config.get("DocumentType") == "SEMI_STRUCTURED_DOCUMENT" or "Documents" in config:
        raise _unserved("models of PDF, Word and image documents")
    if "S3Uri" not in config:
        raise _invalid("InputDataConfig.S3Uri is required when the data format is COMPREHEND_CSV")


def _check_recognizer(config: Mapping[str, Any]) -> None:
    names = [entity["Type"] for entity in config["EntityTypes"]]
    if not 1 <= len(names) <= _TYPES_MAX:
        raise _invalid(f"There are {len(names)} entity types; a recognizer has 1 to {_TYPES_MAX}")
    if len(set(names)) < len(names):
        raise _invalid("An entity type may occur only once in EntityTypes")
    if "Documents" not in config:
        raise _invalid("InputDataConfig.Documents is required when the data format is COMPREHEND_CSV")
    annotations = config.get("Annotations")
    if (annotations is None) == (config.get("EntityList") is None):
        raise _invalid("Specify one of InputDataConfig.Annotations and InputDataConfig.EntityList")
    tests = ["TestS3Uri" in config["Documents"], "TestS3Uri" in (annotations or {})]
    if any(tests) and not all(tests):
        raise _invalid("Test documents need test annotations: set TestS3Uri in both Documents and Annotations")


def _unserved(what: str) -> ApiError:
    return _invalid(f"This local endpoint does not serve {what}")


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidRequestException", message)
