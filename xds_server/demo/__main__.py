"""`python -m xds_server.demo [--interactive]`: the same as `chancery demo`."""

import sys

from xds_server.demo.run import main

sys.exit(main(interactive="--interactive" in sys.argv[1:]))
