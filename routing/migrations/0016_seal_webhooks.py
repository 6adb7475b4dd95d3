"""Secrets of webhooks are encrypted, as funnel/sealing.py did it when this was written."""

import base64

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import migrations


def key():
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"demand center: sealed secrets")
    return Fernet(base64.urlsafe_b64encode(derived.derive(settings.SECRET_KEY.encode())))


def seal(apps, schema_editor):
    for webhook in apps.get_model("routing", "Webhook").objects.exclude(sealed=""):
        webhook.sealed = key().encrypt(webhook.sealed.encode()).decode()
        webhook.save(update_fields=["sealed"])


def unseal(apps, schema_editor):
    for webhook in apps.get_model("routing", "Webhook").objects.exclude(sealed=""):
        webhook.sealed = key().decrypt(webhook.sealed.encode()).decode()
        webhook.save(update_fields=["sealed"])


class Migration(migrations.Migration):
    dependencies = [("routing", "0015_sealed_webhooks")]

    operations = [migrations.RunPython(seal, unseal)]
