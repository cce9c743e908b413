"""Who has what: entries of streams, revisions on their way, and the answers made of them."""
