"""What a worker runs first: execnet's program, which is the last argument.

`python -c` would look for modules in the current directory first, and take a `json.py` there for Python's.
As a script it looks in this directory first, which is taken away as well.
"""

import sys

if __name__ == "__main__":
    sys.path.pop(0)
    exec(sys.argv[-1])  # noqa: S102 (a line of execnet's that reads from its pipe)
