from django.apps import AppConfig


class DemandCenterConfig(AppConfig):
    name = "demandcenter"
    verbose_name = "Demand Center"
