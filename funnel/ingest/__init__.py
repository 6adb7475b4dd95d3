"""Rows in: every kind of row that a file, the API or a form brings, written in batches (architecture.md).

`write` takes one chunk of typed rows of one kind in one transaction and answers for each row; good rows land, bad ones
say why. `finish` settles what a load left pending, `record` takes touches.
"""

from funnel.ingest.fields import KINDS
from funnel.ingest.rows import Field, Kind, Outcome, Row
from funnel.ingest.writing import LARGEST_CHUNK, finish, record, write

__all__ = ["KINDS", "LARGEST_CHUNK", "Field", "Kind", "Outcome", "Row", "finish", "record", "write"]
