"""Bank statements: a file in a bank's layout becomes lines, checked against the balances it tells. No database."""
