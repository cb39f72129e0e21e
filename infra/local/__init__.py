"""The local stack: AWS on loopback, without docker, node or an account.

Nothing here is deployed. `README.md` beside this file says what is emulated,
what is replaced and why.
"""
