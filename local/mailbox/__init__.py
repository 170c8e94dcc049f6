"""A mailbox in place of everybody's: shows what the local stack tells those who may decide."""
