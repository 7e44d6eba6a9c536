"""The console: pages for people, made on the server. What they show and do goes through the handlers of `serve.api`."""
