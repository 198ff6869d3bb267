"""The real hvac client, driven by lines of JSON: {"call": "secrets.kv.v2.read_secret_version", "token": "...", "with": {...}}."""

import json
import sys
import warnings

import hvac

warnings.simplefilter("ignore")
address = sys.argv[1]
clients = {}


def client_for(token):
    # One client per token: its connection is kept, as a real program keeps it.
    if token not in clients:
        clients[token] = hvac.Client(url=address, token=token, timeout=30)
    return clients[token]


def answer(line):
    asked = json.loads(line)
    target = client_for(asked.get("token"))
    for name in asked["call"].split("."):
        target = getattr(target, name)
    try:
        value = target(**asked.get("with", {})) if callable(target) else target
    except hvac.exceptions.VaultError as error:
        return {"raised": type(error).__name__, "errors": error.errors, "json": error.json}
    if hasattr(value, "status_code"):
        return {"status": value.status_code, "text": value.text}
    return {"value": value}


for line in sys.stdin:
    print(json.dumps(answer(line)), flush=True)
