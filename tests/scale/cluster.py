"""A Ray cluster of this machine alone, with the service: `python -m tests.scale.cluster PORT ARGUMENTS`.

Says "ready" on standard output, and runs until it is killed. A process of its own, since a Ray of the tests' process
would outlive the test.
"""

import json
import signal
import sys
from contextlib import suppress

import ray
from ray import serve

from app.scale.arguments import Arguments
from app.scale.ray_serve import build


def main() -> None:
    port, arguments = int(sys.argv[1]), Arguments.model_validate(json.loads(sys.argv[2]))
    ray.init(num_cpus=arguments.max_replicas, include_dashboard=False, log_to_driver=False)
    with suppress(TimeoutError):  # on a busy machine the proxy takes longer than Ray waits for it; the test does wait
        serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(build(arguments), name="carousel")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main()
