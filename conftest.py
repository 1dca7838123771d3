"""What must be settled before JAX starts, in pytest's controller and in each of its workers."""

import os

from conformance.runner.process_env import prepare

# A step of a workflow prints annotations, which what is tested here does not.
os.environ.pop("GITHUB_ACTIONS", None)
prepare()
