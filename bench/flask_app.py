"""An in-memory mock server like Echo, as an engineer writes it with Flask in an afternoon."""

import json
import os
import uuid
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

app = Flask(__name__, static_folder=None)
endpoints: dict[tuple[str, str], dict[str, Any]] = {}


def load(file: Path) -> None:
    for attributes in json.loads(file.read_text()):
        endpoints[attributes["verb"], attributes["path"]] = attributes


def document(content: dict[str, Any], code: int) -> Response:
    return Response(json.dumps(content), code, content_type="application/vnd.api+json")


@app.post("/endpoints")
def create() -> Response:
    attributes = json.loads(request.get_data())["data"]["attributes"]
    endpoints[attributes["verb"], attributes["path"]] = attributes
    return document({"data": {"type": "endpoints", "id": str(uuid.uuid4()), "attributes": attributes}}, 201)


@app.route("/", methods=VERBS, provide_automatic_options=False, defaults={"path": ""})
@app.route("/<path:path>", methods=VERBS, provide_automatic_options=False)
def serve(path: str) -> Response:
    endpoint = endpoints.get((request.method, request.path))
    if endpoint is None:
        detail = f"Requested page `{request.path}` does not exist"
        return document({"errors": [{"code": "not_found", "detail": detail}]}, 404)
    response = endpoint["response"]
    return Response(response.get("body"), response["code"], response.get("headers"))


if "ENDPOINTS_FILE" in os.environ:
    load(Path(os.environ["ENDPOINTS_FILE"]))
