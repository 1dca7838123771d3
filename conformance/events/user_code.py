"""What a cell's header says of the user's own code."""

from typing import Annotated

from msgspec import Meta, Struct


class SubjectError(Struct, frozen=True, kw_only=True):
    """Why a subject cannot be made."""

    type: str
    line: Annotated[str, Meta(description="The first line of the error's message.")]


MODULE = " (module)"
"""What the name of a whole module of subjects ends with, among its subjects."""


class UserSubject(Struct, frozen=True, kw_only=True):
    """A subject of the user's."""

    module: Annotated[str, Meta(description="The module that lists it.")]
    error: SubjectError | None


class Use(Struct, frozen=True, kw_only=True):
    """A use of a name of JAX or Flax in the user's sources."""

    file: str
    line: Annotated[int, Meta(ge=1)]
    name: Annotated[str, Meta(description="Its dotted name, aliases resolved: `jax.numpy.fix`.")]
    keywords: Annotated[
        tuple[str, ...], Meta(description="The keywords that a call gives it.")
    ] = ()
    positional: Annotated[
        int,
        Meta(ge=0, description="How many arguments without a keyword a call gives it, at most."),
    ] = 0
    whole: Annotated[
        bool,
        Meta(
            description="Whether it is one call, all of whose arguments are there to read: "
            "without `*`, `**` or `partial`."
        ),
    ] = False
    guarded: Annotated[
        bool, Meta(description="Whether the code provides for releases that lack it.")
    ] = False
    where: Annotated[
        str,
        Meta(
            description="The other name that `hasattr` asks for: the line runs where it is there."
        ),
    ] = ""
    releases: Annotated[
        str,
        Meta(
            description="The releases that the code asks for, such as `jax>=0.6`: the line runs with these."
        ),
    ] = ""


class Operation(Struct, frozen=True, kw_only=True):
    """What the user's sources do with objects whose type the text does not say."""

    file: str
    line: Annotated[int, Meta(ge=1)]
    name: Annotated[str, Meta(description="What is done, such as `a tuple compared`.")]


class Unreadable(Struct, frozen=True, kw_only=True):
    """A source file that cannot be parsed."""

    path: str
    reason: str


class Import(Struct, frozen=True, kw_only=True):
    """A place where the user's sources import a module of a package."""

    file: str
    line: Annotated[int, Meta(ge=1)]
    module: Annotated[str, Meta(description="Its dotted name.")]


class Package(Struct, frozen=True, kw_only=True):
    """A package of others, built on JAX, that the user's sources import, or that such a one requires."""

    name: str
    version: Annotated[str, Meta(description="The one that is installed where the sources are.")]
    requires: Annotated[
        list[str], Meta(description="What it requires of JAX and Flax: `jax>=0.4.27`.")
    ]
    imports: Annotated[
        list[Import], Meta(description="Of the user's; none where another package requires it.")
    ]


class Pin(Struct, frozen=True, kw_only=True):
    """What a file of the user's project says that it requires of JAX, jaxlib or Flax."""

    file: str
    line: Annotated[int, Meta(ge=1)]
    requirement: Annotated[str, Meta(description="As pip writes it: `jax<0.5`.")]


class ImportFailure(Struct, frozen=True, kw_only=True):
    """Why a module of a package cannot be imported in an environment."""

    package: Annotated[str | None, Meta(description="The one in whose code it fails, if known.")]
    file: Annotated[str, Meta(description="Its file, from the directory of packages on.")]
    at: Annotated[int, Meta(ge=0, description="The line there.")]
    type: str
    line: Annotated[str, Meta(description="The error's message, in one line.")]
    of_libraries: Annotated[
        bool, Meta(description="Whether the code that fails, or the message, names JAX or Flax.")
    ]


class PackageImports(Struct, frozen=True, kw_only=True):
    """What an environment says of packages that are built on JAX, in the versions that the user has."""

    modules: Annotated[
        dict[str, ImportFailure | None],
        Meta(description="The modules that were imported, and why one cannot be; null: it can."),
    ]
    versions: Annotated[
        dict[str, str],
        Meta(description="The versions of these packages that the environment has by itself."),
    ]


class UserSources(Struct, frozen=True, kw_only=True):
    """What the user's sources use."""

    files: Annotated[int, Meta(ge=0, description="How many files there are.")]
    uses: list[Use]
    unreadable: list[Unreadable]
    operations: Annotated[
        list[Operation],
        Meta(description="Operators, statements, texts and methods that some changes concern."),
    ] = []
    packages: Annotated[
        list[Package], Meta(description="The packages of others, built on JAX, that they import.")
    ] = []
    pins: Annotated[
        list[Pin], Meta(description="The releases that the project's own files require.")
    ] = []
