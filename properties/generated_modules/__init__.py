"""Generated modules: plain data that says which modules are nested in which, and by which lifts.

`grammar` has the records and kinds, `drawing` draws a tree and `shrinking` makes it smaller. May be
imported by `properties.call` and everything above it.
"""
