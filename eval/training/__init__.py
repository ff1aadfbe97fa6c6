"""Training of the reader: data sets, rows, the network, its loss and its export. The service never
imports this package.
"""
