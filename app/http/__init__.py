"""HTTP: the server, its middleware, the routes and their schemas. Everything outside of it knows no HTTP."""
