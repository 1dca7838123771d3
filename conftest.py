"""What must be settled before JAX starts, in pytest's controller and in each of its workers."""

from conformance.runner.process_env import prepare

prepare()
