"""Files in: CSV rows read as a stream, mapped to typed rows of a kind, and written chunk by chunk.

`reading` knows files, `mapping` what a mapping may say, `values` how a cell becomes a value, `conversion` joins the
three to rows (all pure); `running` writes them and keeps the account of a run.
"""
