"""Generators make clients of a live service's OpenAPI document without a warning; the clients' requests are answered.

openapi-python-client; openapi-typescript and hey-api's fetch client; openapi-to-postmanv2.
"""

import importlib
import inspect
import io
import json
import os
import pkgutil
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from app.catalog.registry import Registry
from app.http.routing import SOUND_TYPES
from tests.conftest import Serve
from tests.sounds import file_of, tone

pytestmark = pytest.mark.slow
GENERATORS = Path(__file__).parent / "generators"
PYTHON = GENERATORS / ".venv" / "bin"
NODE = GENERATORS / "node_modules" / ".bin"
MODEL = "language-en"
"""The model in a path: one that each operation with a model in its path can use."""
SOUND = file_of(tone(1.0))
"""What operations that take a file alone get."""


@dataclass(frozen=True)
class Service:
    """A live service, its key (empty: it needs none), its document, and a file of the document."""

    url: str
    key: str
    document: Any
    file: Path

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def post(self, path: str, body: Any) -> Any:
        return httpx.post(f"{self.url}{path}", json=body, headers=self.headers).json()

    @property
    def operations(self) -> dict[str, tuple[str, str, Any]]:
        """Method, path and operation, by the operation's id."""
        return {
            operation["operationId"]: (method.upper(), path, operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
        }


def first_example(content: Any) -> Any:
    return next(iter(content["examples"].values()))["value"]


FILES = dict.fromkeys(SOUND_TYPES, "application/octet-stream")
"""Media types that the generator for Python reads as files."""


@pytest.fixture(scope="module", params=["", "right"], ids=["open", "closed"])
def service(
    request: pytest.FixtureRequest, serve: Serve, all_kinds: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Service:
    url = serve(all_kinds, api_keys=request.param, lessons=True).url
    document = httpx.get(f"{url}/openapi.json").json()
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return Service(url, request.param, document, file)


def run(program: Path, *arguments: str | Path, cwd: Path) -> str:
    """Standard output of a program that exits with 0 and writes nothing to standard error, where warnings go."""
    if not program.exists():
        pytest.skip(f"needs {program.name}, which make test-slow installs")
    environment = {**os.environ, "NO_COLOR": "1", "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([program, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert "warning" not in done.stdout.lower(), done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def package(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The generated package, imported, with all its modules."""
    folder = tmp_path_factory.mktemp("python")
    name = f"carousel_client_{service.key or 'open'}"
    (folder / "config.json").write_text(
        json.dumps({"package_name_override": name, "content_type_overrides": FILES}), encoding="utf-8"
    )
    program = PYTHON / "openapi-python-client"
    run(
        *(program, "generate", "--path", service.file, "--output-path", "client", "--config", "config.json"),
        "--fail-on-warning",
        cwd=folder,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder / "client")
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(module.name)
        yield package


@pytest.fixture(scope="module")
def client(package: Any, service: Service) -> Iterator[Any]:
    kind = package.AuthenticatedClient if service.key else package.Client
    with kind(service.url, **({"token": service.key} if service.key else {})) as client:
        yield client


def functions_of(package: Any) -> dict[str, Any]:
    """The module of each operation, by the operation's id."""
    modules = pkgutil.walk_packages(package.api.__path__, f"{package.__name__}.api.")
    return {name.rpartition(".")[2]: importlib.import_module(name) for _, name, is_package in modules if not is_package}


def test_python_calls_every_operation(package: Any, client: Any, service: Service) -> None:
    functions = functions_of(package)
    assert functions.keys() == service.operations.keys()
    for identifier, (_, _, operation) in service.operations.items():
        function = functions[identifier].sync_detailed
        arguments: dict[str, Any] = {"client": client}
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                arguments[parameter["name"]] = MODEL
        if "requestBody" in operation:
            annotation = inspect.signature(function).parameters["body"].annotation
            bodies = [one for one in get_args(annotation) or (annotation,) if one is not package.types.Unset]
            content = operation["requestBody"]["content"]
            if "application/json" in content:
                arguments["body"] = bodies[0].from_dict(first_example(content["application/json"]))
            else:
                sound = package.types.File(payload=io.BytesIO(SOUND), file_name="sound.wav", mime_type="audio/wav")
                arguments["body"] = sound if package.types.File in bodies else bodies[0](file=sound, model="numbers")
        reply = function(**arguments)
        assert reply.status_code == 200, (identifier, reply.content)
        parsed = reply.parsed
        if isinstance(parsed, package.types.File):
            assert parsed.payload.read() == reply.content
            continue
        if isinstance(parsed, str):
            assert parsed == reply.content.decode()
            continue
        plain = [one.to_dict() for one in parsed] if isinstance(parsed, list) else parsed.to_dict()
        assert plain == json.loads(reply.content), identifier


def test_python_answers_are_those_of_plain_requests(package: Any, client: Any, service: Service) -> None:
    models, functions = package.models, functions_of(package)
    requests = {
        "generate": models.GenerateRequest(prompt="the man sees", seed=5, max_new_tokens=8),
        "next_word_probs": models.NextWordRequest(text="the man", top=3),
        "classify": models.ClassifyRequest(text=["a good film", "kötü bir film"], explain=True),
        "translate": models.TranslateRequest(text="the man sees the dog.", source="en", target="tr"),
    }
    for identifier, body in requests.items():
        reply = functions[identifier].sync(client=client, body=body)
        assert reply.to_dict() == service.post(service.operations[identifier][1], body.to_dict())
    label = functions["classify"].sync(client=client, body=requests["classify"]).results[0].label
    assert label in {"negative", "positive"}


def test_python_errors_have_their_model(package: Any, client: Any) -> None:
    body = package.models.ClassifyRequest(text="x", model="none")
    problem = functions_of(package)["classify"].sync(client=client, body=body)
    assert isinstance(problem, package.models.Problem)
    assert problem.status == 404


def test_typescript(service: Service, tmp_path: Path) -> None:
    """The types of both generators fit each other, in strict TypeScript; node runs hey-api's client."""
    run(
        *(NODE / "openapi-typescript", service.file, "--output", tmp_path / "schema.d.ts"),
        *("--default-non-nullable", "false"),  # a field with a default can be left out of a request
        cwd=tmp_path,
    )
    run(NODE / "openapi-ts", "-i", service.file, "-o", tmp_path / "hey", "-c", "@hey-api/client-fetch", cwd=tmp_path)
    for file in ("use.ts", "tsconfig.json"):
        shutil.copy(GENERATORS / file, tmp_path)
    run(NODE / "tsc", cwd=tmp_path)
    node = Path(shutil.which("node") or "node")
    output = json.loads(run(node, tmp_path / "compiled" / "use.js", service.url, service.key, cwd=tmp_path))
    assert output["calls"].keys() == {"/generate", "/next-word-probs", "/classify", "/translate"}
    for path, (body, reply) in output["calls"].items():
        assert reply == service.post(path, body)
    assert all(output["lengths"])
    assert output["problem"] == [404, service.post("/classify", {"text": "x", "model": "none"})["detail"]]
    sdk = (tmp_path / "hey" / "sdk.gen.ts").read_text(encoding="utf-8")
    assert sdk.count("export const ") == len(service.operations)


def requests_of(items: Any) -> Iterator[Any]:
    """Of a Postman collection, in folders of any depth."""
    for item in items:
        if "item" in item:
            yield from requests_of(item["item"])
        else:
            yield item["request"]


def test_postman(service: Service, tmp_path: Path) -> None:
    """The collection has each operation; each request, with the document's example, is answered."""
    file = tmp_path / "collection.json"
    output = run(
        *(NODE / "openapi2postmanv2", "-s", service.file, "-o", file, "-O", "parametersResolution=Example"),
        cwd=tmp_path,
    )
    assert "result: true" in output
    requests = list(requests_of(json.loads(file.read_text(encoding="utf-8"))["item"]))
    paths = [
        "/" + "/".join(f"{{{part[1:]}}}" if part.startswith(":") else part for part in request["url"]["path"])
        for request in requests
    ]
    expected = sorted((method, path) for method, path, _ in service.operations.values())
    assert sorted((request["method"], path) for request, path in zip(requests, paths, strict=True)) == expected
    for request, path in zip(requests, paths, strict=True):
        address = path.replace("{model}", MODEL).replace("{name}", MODEL)
        headers = {header["key"]: header["value"] for header in request["header"] if header["key"] != "last-event-id"}
        url, body = f"{service.url}{address}", request.get("body", {})
        if body.get("mode") == "formdata":  # a form with a file
            files, fields = {"file": ("sound.wav", SOUND)}, {"model": "numbers"}
            answer = httpx.post(url, files=files, data=fields, headers=service.headers)
        else:
            is_file = "application/octet-stream" in headers.values()
            content = SOUND if is_file else body.get("raw")
            answer = httpx.request(request["method"], url, content=content, headers={**headers, **service.headers})
        assert answer.status_code == 200, (path, answer.text)
