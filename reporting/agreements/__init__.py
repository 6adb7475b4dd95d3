"""The agreement between marketing and sales: its versions, how it is kept, and the reviews about it."""
