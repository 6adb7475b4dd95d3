"""Addresses of webhooks are encrypted, as funnel/sealing.py did it when this was written: of a chat they are secrets."""

import base64
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import migrations, models


def key():
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"demand center: sealed secrets")
    return Fernet(base64.urlsafe_b64encode(derived.derive(settings.SECRET_KEY.encode())))


def seal(apps, schema_editor):
    for webhook in apps.get_model("routing", "Webhook").objects.all():
        webhook.host = urlsplit(webhook.url).hostname or ""
        webhook.sealed_url = key().encrypt(webhook.url.encode()).decode()
        webhook.save(update_fields=["host", "sealed_url"])


def unseal(apps, schema_editor):
    for webhook in apps.get_model("routing", "Webhook").objects.all():
        webhook.url = key().decrypt(webhook.sealed_url.encode()).decode()
        webhook.save(update_fields=["url"])


class Migration(migrations.Migration):
    dependencies = [("routing", "0018_notices_of_agreements_and_actions")]

    operations = [
        migrations.AddField(
            model_name="webhook",
            name="host",
            field=models.CharField(
                default="", editable=False, help_text="Of the address, for people to know it by.", max_length=255
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="webhook",
            name="sealed_url",
            field=models.TextField(
                default="",
                editable=False,
                help_text="The address to post to, encrypted: of a chat it is a secret in itself.",
            ),
            preserve_default=False,
        ),
        migrations.AlterField(model_name="webhook", name="url", field=models.URLField(default="", max_length=1000)),
        migrations.RunPython(seal, unseal),
        migrations.RemoveField(model_name="webhook", name="url"),
    ]
