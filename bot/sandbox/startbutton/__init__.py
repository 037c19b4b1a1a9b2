"""The pretend Startbutton."""
