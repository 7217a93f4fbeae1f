"""Serves AWS: MiniStack's API, the credentials of tasks, and the listeners of load balancers.

Run it in a separate network namespace, as scripts/sandbox does: there all addresses are free.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

# Evaluation of alarms, and OTLP.
sys.path.append(str(Path(__file__).parents[2] / "telemetry"))

import access_logs
import alarm_evaluator
import balancing
import calls
import deployment_alarms
import fargate
import firewall
import dropped_arguments
import items
import unimplemented
import order
import reach
import repeats
import replacements
import scaling
import telemetry
import dropped_updates
import aws_metrics
import wire
from calls import body_of
from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack
from ministack.services import alb

API_PORT = 4566
with aws_metrics.account():
    # The address at which tasks call DynamoDB.
    TABLES = reach.address_of("dynamodb")
record = order.Record(Path(os.environ["SANDBOX_STATE"]) / "calls")


def headers_of(scope):
    headers = {}
    for name, value in scope["headers"]:
        name, value = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def balance(port, scope, receive, send):
    """Answers as the load balancer with a listener on this port, for any host.

    MiniStack's own port also forwards, by host, but answers OPTIONS and some paths itself. A load balancer forwards everything.
    """
    with aws_metrics.account():
        listener = next((listener for listener in alb._listeners.values() if listener["Port"] == port), None)
        if not listener:
            await ministack._send_response(send, 503, {}, f"no load balancer listens on port {port}")
            return
        if not reach.lets_in(alb._lbs[listener["LoadBalancerArn"]], scope["client"][0], port):
            # Security groups drop packets: a client waits until it gives up.
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        if firewall.refuses(listener["LoadBalancerArn"], scope["client"][0]):
            await ministack._send_response(send, 403, {"Content-Type": "text/html"}, firewall.REFUSAL)
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


def counted(send, headers, body):
    """Reports the result of a task's request to DynamoDB."""
    started = time.monotonic()

    async def telling(message):
        if message["type"] == "http.response.start":
            with aws_metrics.account():
                aws_metrics.of_table(headers, body, message["status"], time.monotonic() - started)
        await send(message)

    return telling


def judged(send, call):
    """Reports the result of a writing call to the judge."""
    status, answer = 0, b""

    async def telling(message):
        nonlocal status, answer
        status, answer = message.get("status", status), answer + message.get("body", b"")
        if message["type"] == "http.response.body" and not message.get("more_body"):
            with aws_metrics.account():
                call.rolling = fargate.services_in_rollout()
                reach.refresh()
            record.taken(call, status, answer.decode("latin-1"))
        await send(message)

    return telling


def once_more(body, receive):
    """A receiver of an already read body."""
    messages = [{"type": "http.request", "body": body}]

    async def again():
        return messages.pop() if messages else await receive()

    return again


async def app(scope, receive, send):
    if scope["type"] != "http":
        await ministack.app(scope, receive, send)
        return
    host, port = scope["server"]
    headers = headers_of(scope)
    if host == reach.LINK_LOCAL:
        await answer(scope, headers, receive, send)
        return
    if port != API_PORT and host != TABLES:
        await balance(port, scope, receive, send)
        return
    body = await body_of(receive)
    receive = once_more(body, receive)
    if host == TABLES:
        calls.note("tasks", calls.rights_of_task(headers, body))
        if headers.get("x-amz-target", "").startswith("DynamoDB_"):
            send = counted(send, headers, body)
        await answer(scope, headers, receive, send)
    else:
        await repeats.once(headers, send, lambda send: operate(scope, headers, body, receive, send))


async def operate(scope, headers, body, receive, send):
    """Answers a call of an operator or the pipeline: notes and judges it."""
    request = wire.request_of(headers, scope["method"], scope["path"], scope["query_string"].decode("latin-1"), body)
    if request and not request.what_for and "Terraform" in headers.get("user-agent", ""):
        # Without a mark the role of the call is unknown.
        calls.note("unmarked", {request.action})
    if call := calls.of_terraform(request):
        send = calls.answered(call, send)
    if call := order.call_of(request):
        if refusal := record.refusal(call):
            await ministack._send_response(send, *refusal)
            return
        send = judged(send, call)
    await answer(scope, headers, receive, send)


async def answer(scope, headers, receive, send):
    target = headers.get("x-amz-target") or scope["path"]
    if target == dropped_arguments.planted():
        await ministack._send_response(send, 200, {"Content-Type": "application/x-amz-json-1.1"}, "{}")
    elif target in unimplemented.CALLS:
        with aws_metrics.account():
            status, document = unimplemented.answer(target, await body_of(receive))
            await ministack._send_response(send, status, {"Content-Type": "application/x-amz-json-1.1"}, document)
    else:
        await ministack.app(scope, receive, send)


def main():
    fargate.apply()
    unimplemented.apply()
    dropped_arguments.apply()
    dropped_updates.apply()
    items.apply()
    alarm_evaluator.apply()
    balancing.apply()
    aws_metrics.apply()
    replacements.apply()
    deployment_alarms.apply()
    scaling.apply()
    with aws_metrics.account():
        reach.start()
    for part in (telemetry, balancing, access_logs, aws_metrics, alarm_evaluator, replacements, deployment_alarms, scaling):
        part.start()
    config = Config()
    config.bind = [f"127.0.0.1:{API_PORT}", f"{reach.LINK_LOCAL}:80", f"{TABLES}:443"]
    config.bind += [f"127.0.0.1:{port}" for port in sys.argv[1:]]
    # The client has to close a connection first (Go after 90 s): it repeats a request into a connection that closes
    # here.
    config.keep_alive_timeout = 300
    config.keep_alive_max_requests = sys.maxsize
    asyncio.run(serve(app, config))


main()
