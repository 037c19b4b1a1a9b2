"""The proof: payments under every trouble we can make, in two sizes.

`make test` runs a small size of each campaign; `make torture` the large one. See docs/reliability.md.
"""
