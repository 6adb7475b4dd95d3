"""How fast the product is, told as ratios that one run measures on data of its own (`manage.py benchmark`).

Machines differ, so a row compares the product with another way of doing the same work, on the same rows, moments apart:
`ingest.py`, `scoring.py` and `queue.py` measure an area each. `demandcenter/scratch.py` makes and drops the database
that they work in, `population.py` fills it, `measuring.py` keeps the time. Nothing here touches the product's own data.
"""
