"""A battery pack in software: cells that age, are used and break as physics says, and the sensing that tells of them."""
