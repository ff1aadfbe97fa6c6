"""Training of the reader: sets, rows, the network, its loss, its export. Nothing that serves
imports this.
"""
