"""The platform's HTTP interface: an endpoint table from which routing and the OpenAPI document are made."""
