"""Everything of Chancery that touches the world.

Sources, streams, ledger, admin API and commands.
"""
