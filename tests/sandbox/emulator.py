"""Serves AWS: MiniStack's API, the address at which tasks ask for credentials, and the listeners of load balancers.

To be run in a network namespace of its own (scripts/sandbox does), where all of these addresses are free and nobody else's.
"""

import asyncio
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

# What it knows of alarms and of OTLP is one with what is known here.
sys.path.append(str(Path(__file__).parents[1] / "telemetry"))

import access_logs
import alarming
import balancing
import calls
import fargate
import forgotten
import items
import missing
import telemetry
import vended
from calls import body_of
from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack
from ministack.services import alb

API_PORT = 4566


def headers_of(scope):
    headers = {}
    for name, value in scope["headers"]:
        name, value = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def balance(port, scope, receive, send):
    """Answers as the load balancer that has a listener on this port, whatever the request says its host is.

    MiniStack's own port forwards as well, by the host's name; but it answers OPTIONS and some paths itself, where a load balancer
    passes everything on.
    """
    with vended.account():
        listener = next((listener for listener in alb._listeners.values() if listener["Port"] == port), None)
        if not listener:
            await ministack._send_response(send, 503, {}, f"no load balancer listens on port {port}")
            return
        response = await alb.dispatch_request(
            alb._lbs[listener["LoadBalancerArn"]],
            scope["method"],
            scope["path"],
            headers_of(scope),
            await body_of(receive),
            parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True),
            port,
            client_ip=scope["client"][0],
            raw_query_string=scope["query_string"].decode("latin-1"),
            raw_path=scope["raw_path"].decode("latin-1"),
        )
        await ministack._send_if_handled(send, response, receive, head=scope["method"] == "HEAD")


def delayed(send):
    """Answers no sooner than a network would.

    When an answer is there before Go's client has noticed the end of the body that it sends, AWS's SDK closes that body, the client
    gives the connection up with the answer half read, and the SDK sends the request again: a create then fails, because there is one
    of that name already. On two busy cores that was one call in 150, and none in 2,000 with this.
    """

    async def later(message):
        if message["type"] == "http.response.start":
            await asyncio.sleep(0.02)
        await send(message)

    return later


def counted(send, headers, body):
    """Tells what it has become of a task's request to DynamoDB."""
    started = time.monotonic()

    async def telling(message):
        if message["type"] == "http.response.start":
            with vended.account():
                vended.of_table(headers, body, message["status"], time.monotonic() - started)
        await send(message)

    return telling


def once_more(body, receive):
    """What receives a body that was read already."""
    messages = [{"type": "http.request", "body": body}]

    async def again():
        return messages.pop() if messages else await receive()

    return again


async def app(scope, receive, send):
    if scope["type"] != "http":
        await ministack.app(scope, receive, send)
        return
    host, port = scope["server"]
    if port != API_PORT and host != fargate.LINK_LOCAL:
        await balance(port, scope, receive, send)
        return
    headers = headers_of(scope)
    target = headers.get("x-amz-target", "")
    if port == API_PORT:
        body = await body_of(receive)
        receive = once_more(body, receive)
        if host != fargate.LINK_LOCAL:
            calls.note("terraform", calls.actions_of_terraform(headers, scope["path"], body))
            send = delayed(send)
        else:
            calls.note("tasks", calls.rights_of_task(headers, body))
            if target.startswith("DynamoDB_"):
                send = counted(send, headers, body)
    if target in missing.CALLS:
        with vended.account():
            status, document = missing.answer(target, await body_of(receive))
            await ministack._send_response(send, status, {"Content-Type": "application/x-amz-json-1.1"}, document)
    else:
        await ministack.app(scope, receive, send)


def main():
    fargate.apply(API_PORT)
    missing.apply()
    forgotten.apply()
    items.apply()
    alarming.apply()
    balancing.apply()
    vended.apply()
    for part in (telemetry, balancing, access_logs, vended, alarming):
        part.start()
    config = Config()
    config.bind = [f"127.0.0.1:{API_PORT}", f"{fargate.LINK_LOCAL}:{API_PORT}", f"{fargate.LINK_LOCAL}:80"]
    config.bind += [f"127.0.0.1:{port}" for port in sys.argv[1:]]
    # The client is the one that closes a connection (Go after 90 s): what is sent into one that is being closed here is sent again.
    config.keep_alive_timeout = 300
    config.keep_alive_max_requests = sys.maxsize
    asyncio.run(serve(app, config))


main()
