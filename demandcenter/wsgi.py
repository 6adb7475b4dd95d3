"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from funnel.memory import settle

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demandcenter.settings")
application = get_wsgi_application()
_ = get_resolver().url_patterns  # loads the views, which the first visitor would wait for
settle()
