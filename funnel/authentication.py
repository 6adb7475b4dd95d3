"""Who calls the API: a token in `Authorization: Bearer dc_...`, else the session of whoever is logged in."""

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from funnel.models import ApiToken
from funnel.tokens import TokenProblem, user_of


class BearerAuthentication(BaseAuthentication):
    """A request with a token needs no CSRF token: a browser never sends the header by itself."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        scheme, _blank, secret = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            return user_of(secret.strip(), now=timezone.now())
        except TokenProblem as problem:
            raise AuthenticationFailed(str(problem)) from problem

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class BearerScheme(OpenApiAuthenticationExtension):
    """How the description of the API names it."""

    target_class = "funnel.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token from the administration, `dc_...`."}
