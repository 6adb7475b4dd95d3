"""Composition: settings, URLs, Celery, commands and the servers; the only package that sees every app."""

from demandcenter.celery import app as celery_app

__all__ = ["celery_app"]
