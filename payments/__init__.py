"""The books: notices, the journal, its rollups, findings and the rates read from them."""
