from django.apps import AppConfig
from django.db.models.signals import post_migrate


class FunnelConfig(AppConfig):
    name = "funnel"
    verbose_name = "Funnel"

    def ready(self) -> None:
        from funnel.access import give_permissions  # models are not loaded before this

        post_migrate.connect(give_permissions, dispatch_uid="roles")
