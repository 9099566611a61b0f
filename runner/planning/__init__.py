"""Which jobs there will be, what they cost and how long they take; pure."""
