"""Run by a Python that has `nostro-verify` and not `nostro`: verifies files, then the same with a bit flipped.

python judge.py KEYS FOLDER FLIPS_PER_FILE     prints JSON
"""

import importlib.util
import json
import random
import statistics
import sys
import time
from pathlib import Path

import nostro_verify


def main() -> None:
    assert importlib.util.find_spec("nostro") is None, "this Python can see nostro"
    keys = nostro_verify.read_keys([sys.argv[1]])
    chance, flips = random.Random(7), int(sys.argv[3])
    files = [path.read_bytes() for path in sorted(Path(sys.argv[2]).glob("*.json"))]
    times, passed, flipped = [], [], 0
    for number, data in enumerate(files):
        began = time.perf_counter()
        nostro_verify.verify_receipt(data, keys)
        times.append((time.perf_counter() - began) * 1_000)
        for _ in range(flips):
            changed = bytearray(data)
            at = chance.randrange(8 * len(data))
            changed[at // 8] ^= 1 << at % 8
            flipped += 1
            try:
                nostro_verify.verify_receipt(bytes(changed), keys)
                passed.append([number, at])
            except nostro_verify.Refused:
                pass
    sizes = [len(data) for data in files]
    print(
        json.dumps(
            {
                "receipts": len(files),
                "verify_ms": {"median": statistics.median(times), "max": max(times)},
                "bytes": {"median": statistics.median(sizes), "max": max(sizes)},
                "bits_flipped": flipped,
                "flips_that_verified": passed,
            }
        )
    )


main()
