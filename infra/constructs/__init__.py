"""Small constructs the stacks are made of; keyword-only arguments, no knowledge of each other's stacks."""
