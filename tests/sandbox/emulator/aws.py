"""Clients of the emulated AWS, by service: `Aws(endpoint).ecs.list_tasks(...)`."""

import pathlib

import botocore.session

# The region of all roots.
REGION = (pathlib.Path(__file__).resolve().parents[3] / "environments/region.txt").read_text().strip()


class Aws:
    def __init__(self, endpoint):
        self._session, self._where = botocore.session.Session(profile=None), {"endpoint_url": endpoint, "region_name": REGION}

    def __getattr__(self, service):
        client = self._session.create_client(service, aws_access_key_id="test", aws_secret_access_key="test", **self._where)
        setattr(self, service, client)
        return client
