"""Many replicas of the service behind one address, by Ray Serve (extra `ray`).

arguments    what a Serve config may say to the application builder
plan         what follows from arguments and environment: settings, and the deployment's options
state_keys   the identifiers of state keys, by which replicas see whether they have one in common
guard        what the server of `carousel serve` checks of a request, as far as an ASGI application can
replica      the service in one replica; nothing up to here imports Ray
ray_serve    the application builder
"""
