import sys, time, logging
logging.disable(logging.CRITICAL)
from tests.database import running_server
from tests.simulation.run import Place, simulate
with running_server() as server:
    urls = server.create()
    place = Place(urls.app, urls.owner, urls.read_only)
    for seed in map(int, sys.argv[2:]):
        o = simulate(place, seed, float(sys.argv[1]), True)
        print(seed, o.digest, f"{o.seconds:.2f}s virtual {o.virtual_seconds:.0f}", o.faults[:3])
        print(dict(o.counts)); print(dict(o.marks))
        if o.faults: print(o.story[:9000]); break
    import os; sys.stdout.flush()
    server  # noqa
import os; os._exit(0)
