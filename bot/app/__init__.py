"""Joins the rooms: picks the concrete classes, runs the processes, and the demonstration."""
