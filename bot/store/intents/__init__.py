"""The store's face by subject: each module has its changes and reads, with their promises.

`bot.store.base` puts them together; whoever wants something of the store imports from there.
"""
