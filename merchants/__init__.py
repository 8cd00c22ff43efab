"""Who and where: wards, markets, stalls, merchants, accounts and the codes they show."""
