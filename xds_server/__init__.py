"""Everything of Chancery that touches the world: sources, streams, ledger, admin API and commands."""
