"""How the API tells errors: the library's one form, with Django's own refusals told as what they are."""

from django.core.exceptions import RequestDataTooBig
from drf_standardized_errors.handler import ExceptionHandler

from funnel.parsers import TooLarge


class ErrorHandler(ExceptionHandler):
    """Django's refusal of a large body is the caller's mistake, not ours."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        return TooLarge() if isinstance(exc, RequestDataTooBig) else super().convert_known_exceptions(exc)
