"""Every screen and sentence there is, played and written on one page: `kasapay screens`.

`conversations` plays them all with values as long as they come; the tests measure the same ones.
"""
