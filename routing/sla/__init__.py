"""What is promised about leads and by when: policies in versions, and clocks."""
