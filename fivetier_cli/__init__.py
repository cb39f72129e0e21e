"""The `fivetier` command. It may import the product and the local stack; nothing imports it."""
