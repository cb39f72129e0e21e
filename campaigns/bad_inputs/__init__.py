"""Files a publisher, a spreadsheet or an attacker might send: each ends in an exact ledger or in a clear refusal."""
