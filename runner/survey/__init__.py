"""Read every document once: ledgers, fates, line folding, parts."""
