"""The operator's certificate authority: certificates of stations, their status, and contract certificates of cars."""
