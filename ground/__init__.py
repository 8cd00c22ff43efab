"""Settings, database, clock, money, words: nothing here knows what a market is."""
