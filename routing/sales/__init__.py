"""From a meeting to a deal: meetings, what makes an SQL, hand-offs to account executives, deals."""
