"""Small typed programs: plain data that says which operations are nested in which constructs of JAX.

`grammar` has the records, `operations` and `constructs` what there is and its types, `source` a program's
Python, `strategy` draws one. May be imported by `properties.call` and everything above it.
"""
