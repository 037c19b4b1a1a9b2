"""The real core in a world of its own: virtual time, pretend providers, every trouble from a seed.

One seed draws the whole story: who pays, what gets lost, late, doubled or refused, when the disk fails
and when the process dies. The same seed gives the same story, event by event.
"""
