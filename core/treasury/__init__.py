"""Money of a group beside its payouts: contributions, cash, fines, funds, loans, disputes, dividends."""
