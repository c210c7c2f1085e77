"""Errors as SageMaker answers them: a code and a message."""


class ApiError(Exception):
    """An error answer. Raised by operations, and by fault hooks in tests."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def validation_error(message: str) -> ApiError:
    """SageMaker's answers to bad input, to names that exist and, in Describe, to names that do not."""
    return ApiError("ValidationException", message)


def not_found(message: str) -> ApiError:
    """The answer of Experiments calls to names that do not exist."""
    return ApiError("ResourceNotFound", message)


def over_quota(message: str) -> ApiError:
    """The answer of a full experiment or trial."""
    return ApiError("ResourceLimitExceeded", message)


def throttled() -> ApiError:
    """SageMaker's answer to too many calls."""
    return ApiError("ThrottlingException", "Rate exceeded")
