"""A gRPC client without a sidecar.

A program of its own, because gRPC reads its xDS bootstrap once per process.

Arguments: the target (`xds:///HOST:PORT`). Each line of input is a number of calls to make; the
answer is a line of JSON, how often which version answered, with failures under their status code.
"""

from __future__ import annotations

import json
import sys
from collections import Counter

import grpc

_METHOD = "/chancery.test.Echo/Say"


def main(target: str) -> None:
    with grpc.insecure_channel(target) as channel:
        say = channel.unary_unary(_METHOD)
        for line in sys.stdin:
            counts: Counter[str] = Counter()
            for _ in range(int(line)):
                try:
                    answer = say(b"", timeout=10, wait_for_ready=True)
                    counts[json.loads(answer)["version"]] += 1
                except grpc.RpcError as error:
                    counts[error.code().name] += 1
            print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
