"""Checks a Symbolon token with Python and its `cryptography` package. Use as a module, or:
    python3 verify.py --jwks FILE --issuer URL --audience AUD [--now SECONDS] < token
"""
import argparse
import base64
import json
import re
import sys
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_BYTES = 16_384
SEGMENT = re.compile(r"[A-Za-z0-9_-]+")


class Refused(Exception):
    """code: malformed, alg, typ, kid_unknown, signature, issuer, audience, expired, not_yet_valid"""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def _decode(segment):
    if not SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        raise Refused("malformed")
    data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != segment:
        raise Refused("malformed")
    return data


def _unique(pairs):
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Refused("malformed")
    return value


def _no_constant(_):
    raise Refused("malformed")


def _object(data):
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused("malformed") from None
    if not isinstance(value, dict):
        raise Refused("malformed")
    return value


def verify(token, jwks, issuer, audience, now=None):
    """Returns the claims of a token that is valid at `now` (seconds); raises Refused otherwise."""
    now = int(time.time()) if now is None else now
    if len(token) > MAX_BYTES or token.count(".") != 2:
        raise Refused("malformed")
    head, body, tail = token.split(".")
    header, claims, signature = _object(_decode(head)), _object(_decode(body)), _decode(tail)
    if not set(header) <= {"alg", "kid", "typ"}:
        raise Refused("malformed")
    if header.get("alg") != "EdDSA":
        raise Refused("alg")
    if header.get("typ") != "at+jwt":
        raise Refused("typ")
    keys = [key for key in jwks["keys"] if key.get("kid") == header.get("kid") and key.get("kty") == "OKP" and key.get("crv") == "Ed25519"]
    if not keys:
        raise Refused("kid_unknown")
    try:
        Ed25519PublicKey.from_public_bytes(_decode(keys[0]["x"])).verify(signature, f"{head}.{body}".encode("ascii"))
    except InvalidSignature:
        raise Refused("signature") from None
    if any(not isinstance(claims.get(name), str) or not claims[name] for name in ("iss", "sub", "aud", "client_id", "jti", "scope")):
        raise Refused("malformed")
    if any(type(claims.get(name)) is not int or claims[name] < 0 for name in ("iat", "nbf", "exp")):
        raise Refused("malformed")
    if claims["iss"] != issuer:
        raise Refused("issuer")
    if claims["aud"] != audience:
        raise Refused("audience")
    if now >= claims["exp"]:
        raise Refused("expired")
    if now < claims["nbf"]:
        raise Refused("not_yet_valid")
    return claims


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("jwks", "issuer", "audience"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--now", type=int)
    options = parser.parse_args()
    with open(options.jwks, encoding="utf-8") as file:
        jwks = json.load(file)
    token = sys.stdin.read()
    try:
        print(json.dumps(verify(token[:-1] if token.endswith("\n") else token, jwks, options.issuer, options.audience, options.now)))
    except Refused as refused:
        print(f"refused: {refused.code}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
