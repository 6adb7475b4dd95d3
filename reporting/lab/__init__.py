"""The scoring lab: a draft of the scoring policy beside the version that decides, over the same stretch of history.

`view.py` reads and writes its address, `sets.py` names the people behind each number, `queries.py` asks for both,
`figures.py` turns counts into numbers, `charts.py` draws, `views.py` and `acts.py` answer.
"""
