"""Many vehicles as one: what a portfolio could do at a node, doing it when asked, proving that it was done, and following frequency."""
