"""What can be done, and by whom: an actor and a request key in, a view out."""
