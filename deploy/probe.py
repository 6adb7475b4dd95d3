"""Ask the web process of this container whether it can serve: exit status 0 or 1."""

import http.client
import os
import sys

host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".*") or "localhost"
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=4)
connection.request("GET", "/healthz", headers={"Host": host})
sys.exit(connection.getresponse().status != http.client.OK)
