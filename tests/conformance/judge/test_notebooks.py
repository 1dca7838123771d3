"""Notebooks and files exported from them are judged as their code."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from conformance.judge import notebooks
from conformance.judge.submissions import MAX_NOTEBOOK, UnreadableCandidate, read_candidate


def notebook(*cells: str) -> bytes:
    found = [{"cell_type": "markdown", "source": ["# Homework"]}]
    found += [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"nbformat": 4, "cells": found}).encode()


CELLS = (
    "%matplotlib inline\n!pip install jax\nimport jax\nfiles = !ls\nprint?",
    "%%bash\necho nothing of this is Python (",
    '%%time\ntext = """\n% not a magic\n"""\nvalue = (7\n  % 4)  # is it?\nassert value == 3',
    "def vectorized_square(x):\n    get_ipython().system('ls')\n    display(x)\n    return x * x",
)


def test_code_cells_come_in_order_without_their_magics() -> None:
    source = notebooks.from_json(notebook(*CELLS))
    assert "not a magic" in source.source
    assert "echo" not in source.source
    assert "pip" not in source.source
    compile(source.source, "notebook", "exec")
    assert source.notes == ("7 lines of notebook magics or shell commands were left out",)
    assert source.lines[0] == (1, 1)
    assert source.lines[-1] == (4, 4)
    assert len(source.lines) == len(source.source.splitlines())


@pytest.mark.parametrize(
    ("line", "into"),
    [
        ("x = !ls", "x = []"),
        ("    a, b = %magic", "    a, b = None, None"),
        ("t = %timeit -o f(1)", "t = None"),
        ("x = %time f(1)", "x = f(1)"),
        ("  %time x = f(1) == 2", "  x = f(1) == 2"),
        ("%time f(x) == 1", "pass"),
        ("%time plot(x)", "pass"),
        ("%timeit x = f(1)", "pass"),
        ("y = x % time", "y = x % time"),
        ("a[0] = 5 %time", "a[0] = 5 %time"),
        ("get_ipython().run_line_magic('time', 'x = f(\\'a\\')')", "x = f('a')"),
        ("get_ipython().run_line_magic('time', 'f(1)')", "pass"),
        ("x = get_ipython().getoutput('ls')", "x = []"),
        ("  t = get_ipython().run_line_magic('timeit', '-o f(1)')", "  t = None"),
    ],
)
def test_names_that_a_magic_defines_are_there_afterwards(line: str, into: str) -> None:
    if "get_ipython" in line:
        export = notebooks.from_export(f"# %%\n{line}")
        assert export is not None
        assert export.source == f"# %%\n{into}"
    else:
        assert notebooks.from_json(notebook(line)).source == f"{into}\n"


def test_cells_that_test_the_solution_are_left_out() -> None:
    """nbgrader runs them in the notebook that is judged: the one that calls the judge among them."""
    solution = {"grade": True, "solution": True}
    cells = [
        {"cell_type": "code", "source": "x = 1\n", "metadata": {"nbgrader": solution}},
        {"cell_type": "code", "source": "assert x == 2", "metadata": {"nbgrader": {"grade": True}}},
        {
            "cell_type": "code",
            "source": "import json\nfrom conformance.judge import check\ncheck()",
        },
        {"cell_type": "code", "source": ["y = 3"], "metadata": {"nbgrader": None}},
    ]
    found = notebooks.from_json(json.dumps({"cells": cells}).encode())
    assert found.source == "x = 1\ny = 3\n"
    assert found.lines == ((1, 1), (4, 1))
    assert found.notes == ("2 cells that test the solution were left out",)


def test_lines_of_otter_are_left_out() -> None:
    cell = "import otter\ngrader = otter.Notebook('hw.ipynb')\nx = 1\ngrader.check('q1')"
    found = notebooks.from_json(notebook(cell, "grader.export(run_tests=True)"))
    assert found.source == "pass\npass\nx = 1\npass\npass\n"
    assert found.notes == ("4 lines of notebook magics or shell commands were left out",)


def test_a_notebook_of_the_third_format_is_read() -> None:
    cells = [{"cell_type": "code", "input": ["x = 1\n", "y = 2"]}]
    content = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}).encode()
    assert notebooks.from_json(content).source == "x = 1\ny = 2\n"


@pytest.mark.parametrize("size", [8 * 2**20, MAX_NOTEBOOK])
def test_pictures_in_a_notebook_do_not_count_as_its_source(size: int, tmp_path: Path) -> None:
    pictures = {"cell_type": "code", "source": "x = 1", "outputs": [{"data": "0" * size}]}
    path = tmp_path / "plots.ipynb"
    path.write_text(json.dumps({"cells": [pictures], "nbformat": 4}))
    if size < MAX_NOTEBOOK:
        assert read_candidate(path).source == b"x = 1\n"
        return
    with pytest.raises(UnreadableCandidate, match="clear its outputs"):
        read_candidate(path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"cells": 3}', b"[" * 100_000, b"\xff\xfe"]
)
def test_what_is_no_notebook_is_said_in_a_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hw.ipynb"
    path.write_bytes(content)
    with pytest.raises(UnreadableCandidate, match="the notebook cannot be read"):
        read_candidate(path)


EXPORT = """# %%
get_ipython().run_line_magic('matplotlib', 'inline')
%load_ext autoreload
# %%
try:
    get_ipython().system('pip install jax')
except NameError:
    pass
def vectorized_square(x):
    return x * x
"""


def test_an_export_loses_its_calls_of_the_shell_and_keeps_its_lines() -> None:
    export = notebooks.from_export(EXPORT)
    assert export is not None
    compile(export.source, "export", "exec")
    assert len(export.source.splitlines()) == len(EXPORT.splitlines())
    assert export.notes[0].startswith("3 lines")
    assert notebooks.from_export("x = 3\n") is None


EXPORTS = {
    "Databricks": "# Databricks notebook source\n# MAGIC %md\n\n# COMMAND ----------\n\n"
    "def vectorized_square(x):\n    return x * x\ndisplay(vectorized_square(2.0))\n\n"
    "# COMMAND ----------\n\ndbutils.notebook.exit('done')\n",
    "Colab": '"""HW3.ipynb\n\nAutomatically generated by Colab.\n"""\n'
    "def vectorized_square(x):\n    return x * x\ndisplay(vectorized_square(2.0))\n",
}


@pytest.mark.parametrize("made_by", EXPORTS)
def test_what_only_notebooks_have_is_no_error_of_an_export(made_by: str, judge: Callable) -> None:
    (verdict,) = judge(EXPORTS[made_by], patience=20.0)
    assert verdict.verdict == "conforms", verdict
    (verdict,) = judge(EXPORTS[made_by].replace("return x * x", "return x + x"), patience=20.0)
    assert verdict.verdict == "violates", verdict


def test_a_name_that_notebooks_alone_have_is_an_error_elsewhere(judge: Callable) -> None:
    (verdict,) = judge("def vectorized_square(x):\n    return x * x\ndisplay(3)\n")
    assert verdict.verdict == "error", verdict


def test_a_notebook_gets_its_verdict(judge: Callable) -> None:
    (verdict,) = judge(notebook(*CELLS), name="hw.ipynb", patience=20.0)
    assert verdict.verdict == "conforms", verdict
    assert "magics" in verdict.remarks[0]
    (verdict,) = judge(EXPORT, name="export.py", patience=20.0)
    assert verdict.verdict == "conforms", verdict


IPYTHON = """\
from IPython import get_ipython
from IPython.display import HTML, clear_output, display
import IPython.display as shown
if get_ipython() is not None:
    raise SystemExit(1)
clear_output(wait=True)
display(HTML("<b>done</b>"), shown.Image("plot.png"))
def vectorized_square(x):
    return x * x
"""


def test_what_a_notebook_imports_to_display_something_is_there(judge: Callable) -> None:
    (verdict,) = judge(IPYTHON, patience=20.0)
    assert verdict.verdict == "conforms", verdict
    (verdict,) = judge(IPYTHON.replace("IPython.display as", "IPython.kernel as"))
    assert verdict.verdict == "error"


def test_an_error_in_a_notebook_names_the_cell(judge: Callable) -> None:
    (verdict,) = judge(notebook("import jax", "x = 1\n1 / 0"), name="hw.ipynb")
    assert verdict.verdict == "error"
    assert verdict.error["frames"][0][0] == "cell 2, line 2"
    (verdict,) = judge(notebook(CELLS[3].replace("x * x", "x + x")), name="wrong.ipynb")
    assert verdict.verdict == "violates", verdict


DRAWS = """\
import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib import cm, pyplot
from mpl_toolkits.mplot3d import Axes3D
from tqdm.auto import tqdm, trange
sns.set_theme(style="whitegrid")
plt.rcParams["figure.figsize"] = (8, 4)
fig, ax = plt.subplots(figsize=(3, 3))
ax.plot([1, 2], label="loss")
figure, (left, right) = plt.subplots(1, 2)
figure, axes = pyplot.subplots(3, 2)
for each in axes.flat:
    each.set_title("a")
axes[0, 1].imshow([[1.0]], cmap=cm.viridis)
(line,) = plt.plot([1, 2], color=cm.get_cmap("jet")(0.5))
counts, bins, patches = plt.hist([1, 2, 2])
with plt.style.context("dark_background"):
    plt.savefig("loss.png")
steps = 0
for step in tqdm(range(3), desc="epochs"):
    steps += 1
with trange(4) as bar:
    for step in bar:
        bar.set_postfix(loss=0.1)
        steps += 1
if steps != 7:
    raise SystemExit("the loops did not run")
plt.show()
def vectorized_square(x):
    return x * x
"""


def test_a_package_that_only_draws_need_not_be_installed(judge: Callable) -> None:
    (verdict,) = judge(DRAWS, patience=20.0)
    assert verdict.verdict == "conforms", verdict
    missing = [name for name in ("matplotlib", "seaborn", "tqdm") if find_spec(name) is None]
    assert all(any(name in remark for remark in verdict.remarks) for name in missing)
    (verdict,) = judge(DRAWS.replace("x * x", "x + x"), patience=20.0)
    assert verdict.verdict == "violates"


COLAB = """\
from google.colab import drive, files
import google.colab.output
drive.mount("/content/drive")
from kaggle_secrets import UserSecretsClient
UserSecretsClient().get_secret("key")
def vectorized_square(x):
    return x * x
files.download("hw3.ipynb")
"""


def test_what_is_only_where_the_notebook_was_written_need_not_be_installed(judge: Callable) -> None:
    (verdict,) = judge(COLAB, patience=20.0)
    assert verdict.verdict == "conforms", verdict
    (remark,) = verdict.remarks
    assert remark.startswith("google.colab and kaggle_secrets are not installed")
    (verdict,) = judge(COLAB.replace("x * x", "x + x"), patience=20.0)
    assert verdict.verdict == "violates"
    (verdict,) = judge(COLAB.replace("google.colab.output", "google.no_such_package"))
    assert verdict.error["type"] == "ModuleNotFoundError", verdict


SQUARE = "def vectorized_square(x):\n    return x * x\n"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("n = int(input('how many? '))", "cell 2, line 1 raised EOFError"),
        ("y = 1\n1 / 0", "cell 2, line 2 raised ZeroDivisionError: division by zero"),
        ("print(_)", "cell 2, line 1 raised NameError"),
        ("def broken(:\n    pass", "cell 2, line 1 raised SyntaxError: "),
        ("import sys\nsys.exit(3)", "cell 2, line 2 raised SystemExit"),
        ("data = open('data.csv')", "cell 2, line 1 raised FileNotFoundError"),
        (
            "import no_such_package as nsp\nnsp.DataFrame({})",
            "cell 2, line 2 raised ModuleNotFoundError",
        ),
    ],
)
def test_a_cell_that_raises_says_nothing_of_the_functions_of_the_others(
    cell: str, said: str, judge: Callable
) -> None:
    first, second = judge(
        notebook(SQUARE, cell, "def vectorized_add(a, b, *axes):\n    return 1\n"),
        name="solution.ipynb",
        patience=20.0,
    )
    assert (first.exercise, first.verdict) == ("vectorized_add", "violates"), first
    assert (second.exercise, second.verdict) == ("vectorized_square", "conforms"), second
    assert any(said in remark for remark in first.remarks), first.remarks
    assert not any("raised" in remark for remark in second.remarks), "it is said once"


def test_a_function_in_a_cell_that_raised_before_it_is_missing(judge: Callable) -> None:
    (verdict,) = judge(notebook(f"1 / 0\n{SQUARE}"), name="solution.ipynb")
    assert verdict.verdict == "error", verdict
    assert "ZeroDivisionError" in verdict.message


def test_what_one_cell_says_of_the_compiler_holds_for_the_next(judge: Callable) -> None:
    cells = (
        "from __future__ import annotations",
        "def vectorized_square(x: Nothing):\n    return x * x",
    )
    (verdict,) = judge(notebook(*cells), name="solution.ipynb", patience=20.0)
    assert verdict.verdict == "conforms", verdict
    (verdict,) = judge(notebook(cells[1]), name="solution.ipynb")
    assert "Nothing" in verdict.message, verdict


def test_a_cell_may_wait_outside_of_a_function(judge: Callable) -> None:
    cell = f"import asyncio\nawait asyncio.sleep(0)\n{SQUARE}"
    (verdict,) = judge(notebook(cell), name="solution.ipynb", patience=20.0)
    assert verdict.verdict == "conforms", verdict


def test_cells_of_an_exported_notebook_are_run_one_by_one_and_a_script_is_not(
    judge: Callable,
) -> None:
    (verdict,) = judge(f"# %%\n{SQUARE}\n# %%\n1 / 0\n", patience=20.0)
    assert verdict.verdict == "conforms", verdict
    assert any("line 6 raised ZeroDivisionError" in each for each in verdict.remarks), verdict
    (verdict,) = judge(f"{SQUARE}\n1 / 0\n")
    assert verdict.verdict == "error", verdict
