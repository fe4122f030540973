"""The application builder: `import_path: app.scale.ray_serve:build` of a Serve config."""

from ray import serve
from ray.serve import Application
from starlette.types import ASGIApp

from app.scale.arguments import Arguments
from app.scale.plan import Plan, deployment_options, make_plan
from app.scale.replica import ServiceReplica

NAME = "Carousel"


@serve.ingress()
class Replica:
    """What Ray runs: an ASGI application with its lifespan, and a check of its health."""

    def __init__(self, plan: Plan) -> None:
        self._service = ServiceReplica(plan)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return self._service.application()

    async def check_health(self) -> None:
        self._service.check_health()


def build(arguments: Arguments) -> Application:
    """The Serve application. Raises SettingsError, naming the variable, before any replica starts."""
    plan = make_plan(arguments)
    deployment = serve.deployment(name=NAME, **deployment_options(arguments, plan.load()))(Replica)
    return deployment.bind(plan)
