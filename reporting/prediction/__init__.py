"""The Prediction page: what past outcomes taught, how well that held, from which fields, and what people decided."""
