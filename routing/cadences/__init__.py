"""Series of touches by people: their versions, the runs of leads, templates, mail that comes in, caps."""
