"""What is promised about leads and by when: policies in versions, clocks, pauses, what follows when time is over."""
