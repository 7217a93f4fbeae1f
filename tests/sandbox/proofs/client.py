"""An environment as clients see it, and its state in AWS's API."""

import contextlib
import http.client
import json
import re
import threading
import time
import urllib.parse

from aws import Aws

JSON_API = "application/vnd.api+json"


def expect(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what} is {got!r}, not {wanted!r}")


def ask(connection, verb, path, document=None, key=None):
    """Status, headers and body of the answer."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if document is not None:
        headers["Content-Type"] = JSON_API
    connection.request(verb, path, None if document is None else json.dumps(document), headers)
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()


class Face:
    """One of the two listeners, as a client of the load balancer sees it."""

    def __init__(self, url):
        self.address = urllib.parse.urlsplit(url).netloc

    def connect(self):
        return contextlib.closing(http.client.HTTPConnection(self.address, timeout=20))

    def ask(self, *question):
        with self.connect() as connection:
            return ask(connection, *question)


class Echo:
    """A running environment, from the output of `scripts/sandbox up`."""

    def __init__(self, env, printed):
        urls = dict(re.findall(r"^(mocks|management|docs|aws) (\S+)$", printed, re.M))
        self.env, self.name = env, f"echo-{env}"
        self.mocks, self.management, self.docs = Face(urls["mocks"]), Face(urls["management"]), urls["docs"]
        self.aws = Aws(urls["aws"])
        self.key = self.aws.secretsmanager.get_secret_value(SecretId=f"{self.name}/keys/admin")["SecretString"]

    def manage(self, verb, path, document=None):
        return self.management.ask(verb, path, document, self.key)

    def ask_for(self, verb, path, code=200, headers=None, body=None):
        """The answer to the creation of a mock."""
        attributes = {"verb": verb, "path": path, "response": {"code": code, "headers": headers or {}, "body": body}}
        return self.manage("POST", "/endpoints", {"data": {"type": "endpoints", "attributes": attributes}})

    def create(self, verb, path, **response):
        status, _, text = self.ask_for(verb, path, **response)
        expect(f"the answer to the mock {verb} {path}", (status, text if status != 201 else ""), (201, ""))
        return json.loads(text)["data"]["id"]

    def delete(self, endpoint):
        expect("the answer to a delete", self.manage("DELETE", f"/endpoints/{endpoint}")[0], 204)

    def no_mock(self, verb, path):
        status, headers, text = self.mocks.ask(verb, path)
        expect(f"{verb} {path}", (status, headers["content-type"]), (404, JSON_API))
        expect("the detail", json.loads(text)["errors"][0]["detail"], f"Requested page `{path}` does not exist")

    def serves(self):
        endpoint = self.create("GET", "/serves", body="yes")
        expect("a mock", self.mocks.ask("GET", "/serves")[::2], (200, "yes"))
        self.delete(endpoint)

    def takes_turns(self):
        """Each of a mock's responses in turn answers one call, whichever task answers."""
        responses = [{"code": 200, "body": str(turn)} for turn in range(20)]
        attributes = {"verb": "GET", "path": "/turns", "responses": responses, "then": "none"}
        status, _, text = self.manage("POST", "/endpoints", {"data": {"type": "endpoints", "attributes": attributes}})
        expect("the answer to a mock with turns", status, 201)
        bodies = [self.mocks.ask("GET", "/turns")[2] for _ in responses]
        expect("the turns", bodies, [response["body"] for response in responses])
        self.no_mock("GET", "/turns")
        self.delete(json.loads(text)["data"]["id"])

    def story(self, number):
        """The story of the contract, once. Each answering task has to know the writes of the others."""
        path = f"/greeting/{number}"
        self.no_mock("GET", path)
        body = json.dumps({"message": f"Hello {number}"})
        endpoint = self.create("GET", path, headers={"X-Number": str(number), "Content-Type": "application/json"}, body=body)
        status, headers, text = self.mocks.ask("GET", path)
        expect("the mock's answer", (status, headers["x-number"], headers["content-type"], text), (200, str(number), "application/json", body))
        self.no_mock("POST", path)
        self.delete(endpoint)
        self.no_mock("GET", path)

    def tasks(self):
        """The running tasks with their images, and the containers of the service."""
        arns = self.aws.ecs.list_tasks(cluster=self.name, serviceName="echo", desiredStatus="RUNNING")["taskArns"]
        return [task for task in self.aws.ecs.describe_tasks(cluster=self.name, tasks=arns)["tasks"] if task["lastStatus"] == "RUNNING"] if arns else []

    def images(self):
        return {container["image"] for task in self.tasks() for container in task["containers"] if container["name"] == "echo"}

    def requests_by_task(self):
        """The number of logged management requests of each task."""
        group = f"/echo/{self.name}/service"
        streams = self.aws.logs.describe_log_streams(logGroupName=group)["logStreams"]
        events = {s["logStreamName"]: self.aws.logs.get_log_events(logGroupName=group, logStreamName=s["logStreamName"])["events"] for s in streams}
        return {name.rpartition("/")[2]: sum("management request" in event["message"] for event in found) for name, found in events.items()}

    @contextlib.contextmanager
    def traffic(self):
        """Calls a mock and management, over kept and new connections, and creates, changes and deletes mocks meanwhile. No request may fail,
        and no write may be lost."""
        endpoint = self.create("GET", "/all/the/while", body="here")
        # The created mocks with their expected answers: the path after a change, nothing after a deletion.
        over, asked, made, wrong = threading.Event(), [], {}, []

        def mistake(path):
            """The status and the beginning of a wrong answer, so that 503 and an old answer can be told apart; empty for the right answer."""
            status, _, body = self.mocks.ask("GET", path)
            is_right = (status, body) == (200, made[path]) if made[path] else status == 404
            return "" if is_right else f"{status} {body[:100]}"

        def call(mocks, management):
            asked.append(endpoint)
            mock, managed = ask(mocks, "GET", "/all/the/while"), ask(management, "GET", f"/endpoints/{endpoint}", None, self.key)
            return mock[::2] == (200, "here") and managed[0] == 200

        def call_anew():
            with self.mocks.connect() as mocks, self.management.connect() as management:
                return call(mocks, management)

        def call_as_before():
            with self.mocks.connect() as mocks, self.management.connect() as management:
                while not over.is_set() and call(mocks, management):
                    time.sleep(0.05)
            return over.is_set()

        def make():
            path = f"/made/{time.monotonic_ns()}"
            made[path] = "as it was made"
            status, _, text = self.ask_for("GET", path, body=made[path])
            if status != 201 or (told := mistake(path)):
                return f"{path} is made: {status if status != 201 else told}"
            one = f"/endpoints/{json.loads(text)['data']['id']}"
            made[path] = path
            change = {"data": {"type": "endpoints", "id": one.rpartition("/")[2], "attributes": {"response": {"body": path}}}}
            if (status := self.manage("PATCH", one, change)[0]) != 200 or (told := mistake(path)):
                return f"{path} is changed: {status if status != 200 else told}"
            if len(made) % 3 == 0:
                made[path] = None
                if (status := self.manage("DELETE", one)[0]) != 204 or (told := mistake(path)):
                    return f"{path} is deleted: {status if status != 204 else told}"
            return True

        def go_on(work):
            while not over.is_set():
                try:
                    result = work()
                except (OSError, http.client.HTTPException) as error:
                    result = repr(error)
                if result is not True:
                    wrong.append((time.strftime("%X"), work.__name__, result))
                # A steady rate that leaves CPU time for the rollout.
                time.sleep(0.1)

        began = time.monotonic()
        threads = [threading.Thread(target=go_on, args=[work]) for work in (call_anew, call_as_before, make, make)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.delete(endpoint)
        if wrong:
            raise AssertionError(f"{len(wrong)} of {len(asked) + len(made)} times a request failed: {wrong[:3]}")
        seconds = time.monotonic() - began
        print(f"  asked {len(asked)} times, and made, changed and partly deleted {len(made)} mocks in {seconds:.0f} s meanwhile")
        expect("many requests each second", (len(asked) > 3 * seconds, len(made) > seconds / 2), (True, True))
        lost = [path for path in made if mistake(path)]
        expect("the mocks that are lost", lost, [])
