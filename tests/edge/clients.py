"""What clients.test.mjs does with Elastic's client for JavaScript, with the one for Python.

Arguments: the Worker's address, whether bodies are compressed, and the table of statuses.
"""

import json
import sys

import elasticsearch
from elasticsearch import BadRequestError, Elasticsearch, NotFoundError

url, compressed, table = sys.argv[1:]
protocol, ways = (json.loads(table)[part] for part in ("protocol", "ways"))
version = ".".join(map(str, elasticsearch.__version__))
client = Elasticsearch(url, http_compress=compressed == "true")
connector = client.connector
name = f"python-{version}-{compressed}"


def refused(error, request):
    try:
        request()
    except error as caught:
        return caught
    raise AssertionError(f"{request} was not refused")


assert client.info()["tagline"] == "You Know, for Search"
assert client.ping()
pairs = 0
for start, legal in protocol.items():
    for end in protocol:
        connector.put(connector_id=name, index_name=f"index-{name}", name="Pairs")
        for status in ways[start]:
            connector.update_status(connector_id=name, status=status)
        move = lambda: connector.update_status(connector_id=name, status=end)  # noqa: E731
        if end in legal:
            assert move() == {"result": "noop" if start == end else "updated"}, (start, end)
        else:
            error = refused(BadRequestError, move)
            assert error.body["error"]["type"] == "status_exception"
            reason = f"Invalid transition attempt from [{start}] to [{end}]"
            assert error.body["error"]["reason"].startswith(reason), error
        assert connector.get(connector_id=name)["status"] == (end if end in legal else start)
        pairs += 1

assert connector.check_in(connector_id=name) == {"result": "updated"}
made = connector.post(name="Made")
assert made["result"] == "created"
assert connector.delete(connector_id=made["id"]) == {"acknowledged": True}
refused(NotFoundError, lambda: connector.get(connector_id=made["id"]))
listed = connector.list(index_name=f"index-{name}")
assert (listed["count"], listed["results"][0]["id"]) == (1, name)
assert connector.delete(connector_id=name) == {"acknowledged": True}
print(f"elasticsearch {version}: {pairs} pairs")
