"""Packages of others that the user's sources import: found, imported in an environment, and told."""

import json
from pathlib import Path

import pytest
from msgspec import structs

from conformance.events.user_code import Import, ImportFailure, Package, PackageImports
from conformance.upgrade import package_imports
from conformance.upgrade.for_you.lines import Place
from conformance.upgrade.for_you.packages import Side, not_going_with
from conformance.upgrade.package_imports import Packages
from conformance.upgrade.sources.packages import entries_of, packages_of


class Site:
    """A directory of installed packages."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def install(self, name: str, code: str, *requires: str, editable: bool = False) -> None:
        module = name.replace("-", "_")
        (self.place / module).mkdir()
        (self.place / module / "__init__.py").write_text(code)
        about = self.place / f"{module}-1.0.dist-info"
        about.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0"]
        lines += [f"Requires-Dist: {each}" for each in requires]
        (about / "METADATA").write_text("\n".join(lines) + "\n")
        (about / "RECORD").write_text(f"{module}/__init__.py,,\n{about.name}/METADATA,,\n")
        if editable:
            said = {"url": "file:///there", "dir_info": {"editable": True}}
            (about / "direct_url.json").write_text(json.dumps(said))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    place = tmp_path / "site"
    place.mkdir()
    monkeypatch.syspath_prepend(str(place))
    return Site(place)


def _sources(tmp_path: Path, text: str) -> list[Path]:
    file = tmp_path / "model.py"
    file.write_text(text)
    return [file]


def test_what_sources_import_is_found_with_what_that_requires(tmp_path: Path, site: Site) -> None:
    site.install("built-on", "", "jax<0.5", "under-it", "numpy")
    site.install("under-it", "", "flax>=0.8; python_version > '3'", "jax; extra == 'more'")
    site.install("of-no-jax", "", "numpy")
    site.install("not-imported", "", "jax")
    site.install("the-users-own", "", "jax", editable=True)
    text = "import os\nimport built_on.layers as b\nimport of_no_jax, jax, the_users_own\n"
    found = {each.name: each for each in packages_of(_sources(tmp_path, text))}
    assert found.keys() == {"built-on", "under-it"}
    assert found["built-on"].requires == ["jax<0.5"]
    (use,) = found["built-on"].imports
    assert (use.module, use.line) == ("built_on.layers", 2)
    assert found["under-it"].imports == []
    assert found["under-it"].requires == ['flax>=0.8; python_version > "3"']
    assert {Path(e).name: n for e, n in entries_of(list(found.values())).items()} == {
        "built_on": "built-on",
        "under_it": "under-it",
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from built_on.sub import f", True),
        ("def f():\n    import built_on", True),
        ("try:\n    import built_on\nexcept ImportError:\n    built_on = None", False),
        # What only raises another error provides for nothing.
        (
            "try:\n    import built_on\nexcept ImportError as e:\n    raise ImportError('get it') from e",
            True,
        ),
        ("if TYPE_CHECKING:\n    import built_on", False),
        ("if typing.TYPE_CHECKING:\n    from built_on import f", False),
        ("from . import built_on", False),
        ("built_on = 1", False),
        ("import built_on(", False),
    ],
)
def test_an_import_counts_where_nothing_catches_its_failure(
    text: str, found: bool, tmp_path: Path, site: Site
) -> None:
    site.install("built-on", "", "jax")
    assert bool(packages_of(_sources(tmp_path, text))) == found


def test_a_module_that_is_imported_from_another_is_imported_too_and_a_function_is_none(
    tmp_path: Path, site: Site
) -> None:
    # `tensorflow_probability.substrates` can be imported where its `jax` cannot.
    site.install("built-on", "", "jax")
    for module in ("__init__", "of_jax"):
        file = site.place / "built_on" / "parts" / f"{module}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text("import jax\njax.no_such_name\n" if module == "of_jax" else "")
    record = next(site.place.glob("built_on-*/RECORD"))
    record.write_text(
        record.read_text() + "built_on/parts/__init__.py,,\nbuilt_on/parts/of_jax.py,,\n"
    )
    (found,) = packages_of(_sources(tmp_path, "from built_on.parts import of_jax as o, f, C\n"))
    modules = [each.module for each in found.imports]
    assert modules == ["built_on.parts", "built_on.parts.of_jax"]
    entries = {str(site.place / "built_on"): "built-on"}
    packages = Packages(modules=modules, entries=entries, behind=[])
    answer = package_imports.answered(package_imports.started(packages, tmp_path), packages).modules
    assert answer["built_on.parts"] is None
    failure = answer["built_on.parts.of_jax"]
    assert failure is not None
    assert failure.of_libraries


def _imported(site: Site, *modules: str) -> PackageImports:
    entries = {str(site.place / module): module for module in modules}
    packages = Packages(modules=list(modules), entries=entries, behind=[str(site.place)])
    process = package_imports.started(packages, site.place.parent)
    return package_imports.answered(process, packages)


def test_each_package_is_imported_and_what_fails_of_jax_is_told_apart(site: Site) -> None:
    site.install("sound", "import jax\nprint('hello')\n")
    site.install("old", "import jax\n\njax.numpy.no_such_function\n")
    site.install("through", "import old\n")
    site.install("moved", "from jax.core import no_such_name\n")
    site.install("aliased", "from jax import numpy as n\nint('x' if n else 1)\n")
    site.install("own", "import jax\nmine = 1\nint('x' if mine else 1)\n")
    site.install("apart", "import no_such_package_at_all\n")
    site.install("ended", "raise SystemExit('no')\n")
    found = _imported(
        site, "sound", "old", "through", "moved", "aliased", "own", "apart", "ended"
    ).modules
    assert found["sound"] is None
    failures = {name: each for name, each in found.items() if each is not None}
    places = {name: (each.package, each.file, each.at) for name, each in failures.items()}
    assert places == {
        "old": ("old", "old/__init__.py", 3),
        "through": ("old", "old/__init__.py", 3),
        "moved": ("moved", "moved/__init__.py", 1),
        "aliased": ("aliased", "aliased/__init__.py", 2),
        "own": ("own", "own/__init__.py", 3),
        "apart": ("apart", "apart/__init__.py", 1),
        "ended": ("ended", "ended/__init__.py", 1),
    }
    assert {name for name, each in failures.items() if each.of_libraries} == {
        "old",
        "through",
        "moved",
        "aliased",
    }
    assert "no_such_function" in failures["old"].line


def test_nothing_is_said_where_imports_die_or_take_too_long_and_nothing_is_left_elsewhere(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    site.install("dies", "import os\nos._exit(3)\n")
    site.install("waits", "import time\ntime.sleep(60)\n")
    assert _imported(site, "dies").modules == {}
    monkeypatch.setattr(package_imports, "SECONDS", 2.0)
    assert _imported(site, "waits").modules == {}
    site.install("sound", "")
    monkeypatch.setattr(package_imports, "SECONDS", 120.0)
    assert _imported(site, "sound").modules == {"sound": None}
    assert list(elsewhere.iterdir()) == []


def test_packages_of_another_machine_are_not_imported() -> None:
    far = Packages(modules=["os"], entries={"/no/such/place": "far"}, behind=[])
    assert package_imports.started(far, Path("/no/such/place")) is None
    assert package_imports.answered(None, far) == PackageImports(modules={}, versions={})


def test_what_packages_print_is_no_part_of_the_answer(site: Site) -> None:
    site.install("loud", "import os\nos.write(1, b'{\"loud\": 3}')\nprint('a line')\n")
    assert _imported(site, "loud").modules == {"loud": None}


OPTAX = Package(
    name="optax",
    version="0.1.0",
    requires=["jax>=0.1.55"],
    imports=[Import(file="a.py", line=3, module="optax")],
)
CHEX = Package(name="chex", version="0.1.5", requires=["jax<0.5"], imports=[])
OLD, NEW = ({"jax": jax, "jaxlib": jax, "flax": "0.8.5"} for jax in ("0.4.30", "0.10.2"))


def _failure(package: str = "chex", of_libraries: bool = True) -> ImportFailure:
    return ImportFailure(
        package=package,
        file="chex/_src/fake.py",
        at=37,
        type="ImportError",
        line="cannot import name 'f' from 'jax.core' (/some/where/core.py)",
        of_libraries=of_libraries,
    )


def _told(
    before: ImportFailure | None, after: ImportFailure | None, has: dict[str, str] | None = None
) -> list[str]:
    was = Side(PackageImports(modules={"optax": before}, versions={}), OLD)
    now = Side(PackageImports(modules={"optax": after}, versions=has or {}), NEW)
    lines = list(not_going_with([OPTAX], was, now))
    assert all(line.places == (Place("a.py", (3,)),) for line in lines)
    return [f"{line.what} {line.sentence}" for line in lines]


def test_what_fails_now_is_told_with_the_line_that_fails_and_the_remedy() -> None:
    (said,) = _told(None, _failure("optax"), {"optax": "0.2.8"})
    assert said == (
        "optax 0.1.0 cannot be imported now: chex/_src/fake.py:37: ImportError: cannot import name 'f' from "
        "'jax.core'. Use optax 0.2.8, which installs with them"
    )


def test_what_failed_before_or_fails_of_something_else_is_not_told() -> None:
    assert _told(_failure("optax"), _failure("optax")) == []
    assert _told(None, _failure("optax", of_libraries=False)) == []
    assert _told(None, None) == []


def test_a_package_within_another_is_told_once_with_who_imports_it() -> None:
    more = Package(name="more", version="3", requires=[], imports=OPTAX.imports)
    was = Side(PackageImports(modules={"optax": None}, versions={}), OLD)
    now = Side(PackageImports(modules={"optax": _failure()}, versions={}), NEW)
    (line,) = not_going_with([OPTAX, more, CHEX], was, now)
    assert line.what == "chex"
    assert line.sentence.startswith("0.1.5, which optax imports, cannot be imported now")
    assert line.sentence.endswith("A newer chex may go with them: pip install -U chex")
    mine = structs.replace(CHEX, imports=[Import(file="b.py", line=1, module="chex")])
    (line,) = not_going_with([OPTAX, more, mine], was, now)
    assert line.sentence.startswith("0.1.5 cannot be imported now")
    assert line.places == (Place("b.py", (1,)),)


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("tensorflow-probability", "0.25.0", "then pip install tfp-nightly"),
        ("tensorflow-probability", "0.26.0", "pip install -U tensorflow-probability"),
        ("chex", "0.1.5", "pip install -U chex"),
    ],
)
def test_what_goes_with_the_releases_in_place_of_a_package_is_said_where_no_newer_one_does(
    name: str, version: str, said: str
) -> None:
    mine = Package(name=name, version=version, requires=[], imports=OPTAX.imports)
    was = Side(PackageImports(modules={"optax": None}, versions={}), OLD)
    now = Side(PackageImports(modules={"optax": _failure(name)}, versions={}), NEW)
    (line,) = not_going_with([mine], was, now)
    assert line.sentence.endswith(said)


def test_of_the_files_that_import_a_package_the_first_are_named_since_none_is_to_be_changed() -> (
    None
):
    uses = [Import(file=f"{name}.py", line=1, module="optax") for name in "abcdef"]
    was = Side(PackageImports(modules={"optax": None}, versions={}), OLD)
    now = Side(PackageImports(modules={"optax": _failure("optax")}, versions={}), NEW)
    (line,) = not_going_with([structs.replace(OPTAX, imports=uses)], was, now)
    assert line.where == "a.py:1; b.py:1; c.py:1; d.py:1 and 2 more files"


def test_a_requirement_that_the_new_release_does_not_meet_is_told() -> None:
    mine = Package(name="chex", version="0.1.5", requires=["jax<0.5"], imports=OPTAX.imports)
    old, new = Side(None, OLD), Side(None, NEW)
    (line,) = not_going_with([mine], old, new)
    assert line.sentence.startswith("0.1.5 requires jax<0.5, not jax 0.10.2. ")
    assert list(not_going_with([mine], new, new)) == []
    assert list(not_going_with([mine], old, old)) == []
    assert list(not_going_with([mine], old, Side(None, {}))) == []
