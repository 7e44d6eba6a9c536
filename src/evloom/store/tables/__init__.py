"""Tables of the platform's database, one module an area, all on `store.tables.base.metadata`."""
