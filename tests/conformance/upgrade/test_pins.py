"""What a project requires of JAX and Flax is found at its line, and told where it keeps a release out."""

from pathlib import Path

import pytest

from conformance.events.user_code import Pin
from conformance.upgrade.for_you.lines import Place
from conformance.upgrade.for_you.packages import Side
from conformance.upgrade.for_you.pins import keeping_out
from conformance.upgrade.sources.pins import pins_of


def _found(root: Path, name: str, text: str) -> list[tuple[int, str]]:
    (root / "src" / "mine").mkdir(parents=True)
    (root / ".git").mkdir()
    file = root / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    pins = pins_of([root / "src" / "mine"])
    assert all(Path(pin.file).name == file.name for pin in pins)
    return [(pin.line, pin.requirement) for pin in pins]


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("requirements.txt", "numpy\njax[cpu]<0.5  # why\n", [(2, "jax[cpu]<0.5")]),
        ("requirements-dev.txt", "flax==0.10.0 \\\n    --hash=sha256:0\n", [(1, "flax==0.10.0")]),
        ("requirements/base.txt", "jaxlib==0.4.35 --hash=sha256:0\n", [(1, "jaxlib==0.4.35")]),
        (
            "pyproject.toml",
            '[project]\nname = "mine"\ndependencies = [\n  "numpy",\n  "jax>=0.4.30, <0.5", # why\n]\n',
            [(5, "jax<0.5,>=0.4.30")],
        ),
        (
            "pyproject.toml",
            "[project]\ndependencies = ['jax<1', 'flax<1']\n",
            [(2, "jax<1"), (2, "flax<1")],
        ),
        (
            "pyproject.toml",
            '[project.optional-dependencies]\ngpu = ["jax==0.5.3"]\n',
            [(2, "jax==0.5.3")],
        ),
        ("pyproject.toml", '[dependency-groups]\ndev = ["jax==0.5.3"]\n', [(2, "jax==0.5.3")]),
        ("pyproject.toml", '[tool.uv]\noverride-dependencies = ["jax<0.5"]\n', [(2, "jax<0.5")]),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\njax = "^0.4.30"\n',
            [(2, "jax<0.5,>=0.4.30")],
        ),
        (
            "pyproject.toml",
            '[tool.poetry.group.dev.dependencies]\nflax = {version = "0.10.0", optional = true}\n',
            [(2, "flax==0.10.0")],
        ),
        ("setup.cfg", "[options]\ninstall_requires =\n    numpy\n    jax<0.5\n", [(4, "jax<0.5")]),
        ("setup.cfg", "[options.extras_require]\ngpu = jax<0.5\n", [(2, "jax<0.5")]),
        (
            "setup.py",
            "from setuptools import setup\nsetup(install_requires=['jax<0.5'])\n",
            [(2, "jax<0.5")],
        ),
        (
            "setup.py",
            "import setuptools\nNEEDS = [\n    'jax<0.5',\n]\nsetuptools.setup(install_requires=NEEDS)\n",
            [(3, "jax<0.5")],
        ),
        (
            "setup.py",
            "LAST = '0.6'\nsetup(install_requires=[f'jax>=0.5,<{LAST}.99', 'flax<' + LAST])\n",
            [(2, "jax<0.6.99,>=0.5"), (2, "flax<0.6")],
        ),
        (
            "setup.py",
            "LAST = '0.6'\nsetup(install_requires=['jax>=%s,<%s' % ('0.5', LAST), 'flax<%s' % LAST])\n",
            [(2, "jax<0.6,>=0.5"), (2, "flax<0.6")],
        ),
        (
            "setup.py",
            "LAST = '0.6'\nsetup(install_requires=['jax<{}'.format(LAST), 'flax<{0}.9'.format('0')])\n",
            [(2, "jax<0.6"), (2, "flax<0.9")],
        ),
        (
            "setup.py",
            "setup(extras_require={'a': ['jax<0.5'] + more(), 'b': base + ['flax<0.9']})\n",
            [(1, "jax<0.5"), (1, "flax<0.9")],
        ),
    ],
)
def test_what_a_project_requires_is_found(
    name: str, text: str, found: list[tuple[int, str]], tmp_path: Path
) -> None:
    assert _found(tmp_path, name, text) == found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "jax\n# jax<0.5\n-r other.txt\njaxtyping<1\nnot a requirement <\n"),
        ("requirements-min.txt", "jax==0.4.30\n"),
        ("requirements_oldest.txt", "jax==0.4.30\n"),
        ("constraints.txt", "jax==0.4.30\n"),
        ("pyproject.toml", '[project]\ndependencies = ["jax"]\nkeywords = ["jax<0.5"]\n'),
        ("pyproject.toml", '[project]\ndependencies = [\n  # "jax<0.5",\n]\n'),
        ("pyproject.toml", '[build-system]\nrequires = ["jax<0.5"]\n'),
        ("pyproject.toml", '[tool.hatch.envs.test]\ndependencies = ["jax<0.5"]\n'),
        ("pyproject.toml", '[project.optional-dependencies]\noldest = ["jax==0.4.30"]\n'),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\njax = {git = "https://there"}\npython = "^3.10"\n',
        ),
        ("setup.cfg", "[options]\nzip_safe = jax<0.5\n[tox]\ndeps =\n    jax<0.5\n"),
        ("setup.py", "from setuptools import setup\nNEEDS = ['jax<0.5']\nsetup(name='jax<0.5')\n"),
        ("setup.py", "setup(install_requires=["),
        # Neither is the whole of the requirement.
        ("setup.py", "setup(install_requires=[f'jax<0.5{rest()}', f'jax<{last}'])"),
        ("setup.py", "setup(install_requires=['jax<0.5' + rest()])"),
        (
            "setup.py",
            "setup(install_requires=['jax<%s' % rest(), 'jax<0.5%s' % last, 'jax<%s%s' % 'a'])",
        ),
        ("setup.py", "setup(install_requires=['jax<{}'.format(last), 'jax<0.5'.format(last)])"),
    ],
)
def test_what_a_project_does_not_require_is_not_found(name: str, text: str, tmp_path: Path) -> None:
    assert _found(tmp_path, name, text) == []


def test_files_beyond_the_project_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("jax<0.5\n")
    root = tmp_path / "project"
    assert _found(root, "README.md", "") == []


def _pin(requirement: str, line: int = 1) -> Pin:
    return Pin(file="pyproject.toml", line=line, requirement=requirement)


WAS = Side(None, {"python": "3.11.7", "jax": "0.4.35", "jaxlib": "0.4.35", "flax": "0.10.0"})
NOW = Side(None, {"python": "3.11.7", "jax": "0.10.2", "jaxlib": "0.10.2", "flax": "0.12.8"})


def test_what_keeps_the_new_release_out_is_one_line_at_its_places() -> None:
    (line,) = keeping_out([_pin("jax[cpu]<0.5", 3), _pin("flax==0.10.0", 4)], WAS, NOW)
    assert line.what == "jax<0.5, flax==0.10.0"
    assert line.sentence == "forbid jax 0.10.2, flax 0.12.8: allow it there"
    assert line.places == (Place("pyproject.toml", (3, 4)),)


@pytest.mark.parametrize(
    "requirement",
    [
        "jax>=0.4.30",
        # The user's own release is not what it says: it is not kept to.
        "jax<0.4.28",
        # What another Python is asked for.
        "jax<0.5; python_version < '3.11'",
        "jax<0.5; extra == 'old'",
    ],
)
def test_what_lets_it_in_or_is_not_kept_to_is_not_told(requirement: str) -> None:
    assert list(keeping_out([_pin(requirement)], WAS, NOW)) == []


def test_an_environment_without_the_library_says_nothing() -> None:
    assert list(keeping_out([_pin("jax<0.5")], Side(None, {}), NOW)) == []
    assert list(keeping_out([_pin("jax<0.5")], WAS, Side(None, {}))) == []
