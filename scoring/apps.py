from django.apps import AppConfig


class ScoringConfig(AppConfig):
    name = "scoring"
    verbose_name = "Scoring"

    def ready(self) -> None:
        from funnel import inbox  # models are not loaded before this
        from scoring import hands

        inbox.ask_for_hands(hands.raising)
