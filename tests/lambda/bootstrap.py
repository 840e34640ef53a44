"""Start the runtime client as AWS does: `bootstrap.py BUNDLE RUNTIME HANDLER`.

The bundle comes first on the path, then the folder of the client, then the standard library.
site-packages is left out, so that a package which the bundle lacks is not found there.
"""

import os
import sys

bundle, runtime, handler = sys.argv[1:]
sys.path[:] = [bundle, runtime, *sys.path]
os.chdir(bundle)

from awslambdaric.__main__ import main  # noqa: E402

main(["awslambdaric", handler])
