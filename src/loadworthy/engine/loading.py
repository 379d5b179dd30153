"""Loads locustfiles: the user classes and the load shape in a Python file.

Locust puts a locustfile's folder on the import path and runs the file under its bare name. That has two weaknesses. A
relative import (``from .base import Shop``) has no package to be relative to, and two files of one name in different
folders replace each other. Here a file is a member of a package: of its own, where its folder holds ``__init__.py``
(the package begins below the first folder without one), else of a namespace package of its folder. The folder, the one
where the package begins, and the working directory are on the import path: absolute imports work as with Locust.

The rest is as Locust has it. The file is also there under its bare name, where that is free, since a neighbour may
import it so; abstract classes and shapes are left out; the first shape counts.

Python keeps modules for ever, but Locust's event hub is cleared of a run's listeners at its end. A second run in the
same process would meet modules that are there and listeners that are not. So what was imported from the folders of
locustfiles is forgotten with the run: see :func:`forgetting`.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import re
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from locust.shape import LoadTestShape
from locust.user import User
from locust.util.load_locustfile import is_shape_class, is_user_class

from loadworthy.errors import UsageError
from loadworthy.users.sink import describe_exception

INIT = "__init__.py"
_OURS = __name__.partition(".")[0]
_LIBRARIES = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def load_user_classes(path: Path, wanted: Sequence[str]) -> tuple[list[type[User]], LoadTestShape | None]:
    """The user classes of a locustfile (``wanted`` ones, or all) and its load shape; UsageError where that fails."""
    if not path.is_file():
        raise UsageError(f"there is no locustfile {path}")
    try:
        members = vars(import_file(path.resolve()))
        classes = {name: value for name, value in members.items() if is_user_class(value)}
        shapes = [value() for value in members.values() if is_shape_class(value)]
    except SystemExit as error:
        raise UsageError(f"the locustfile {path} ended the program while it was loaded (exit {error.code})") from error
    except Exception as error:
        line = _line_in(error, path)
        place = f"{path}:{line}" if line else str(path)
        raise UsageError(f"{place}: the locustfile cannot be loaded: {describe_exception(error)}") from error
    if unknown := [name for name in wanted if name not in classes]:
        raise UsageError(f"{path} has no user class {', '.join(unknown)}; it has: {', '.join(classes) or 'none'}")
    chosen = [user_class for name, user_class in classes.items() if not wanted or name in wanted]
    if not chosen:
        raise UsageError(
            f"{path} has no user class: derive one from HttpUser (or any Locust user) with at least one @task"
        )
    return chosen, (shapes[0] if shapes else None)


def import_file(path: Path) -> ModuleType:
    """Import a Python file (an absolute path) as a member of its package; the same module when asked again."""
    folder = top_folder(path.parent)
    _extend_path([path.parent, *([folder.parent] if _is_package(folder) else []), Path.cwd()])
    _forget_namesakes(path.parent)
    package = _package(folder)
    parents = path.parent.relative_to(folder).parts
    parent = importlib.import_module(".".join([package.__name__, *parents]))
    name = f"{parent.__name__}.{_bare_name(path)}"
    if name in sys.modules:
        return sys.modules[name]
    return _run(path, name, parent)


def top_folder(folder: Path) -> Path:
    """The folder that a package begins with: the highest above ``folder`` that holds ``__init__.py``, or itself."""
    while _is_package(folder) and _is_package(folder.parent):
        folder = folder.parent
    return folder


@contextmanager
def forgetting() -> Iterator[None]:
    """Forget, at the end, the import path's new entries and the modules that came from folders of locustfiles."""
    modules, path = set(sys.modules), list(sys.path)
    try:
        yield
    finally:
        new = {name: module for name, module in sys.modules.items() if name not in modules}
        folders = [Path(module.__loadworthy_folder__) for module in new.values() if hasattr(module, _MARK)]
        installed = [*_LIBRARIES, *(Path(entry) for entry in path if entry)]
        # All are looked at before the first goes: the path of a namespace package asks for its parent.
        for name in [name for name, module in new.items() if _comes_from(module, folders, installed)]:
            del sys.modules[name]
        sys.path[:] = path


_MARK = "__loadworthy_folder__"
"""Set on a locustfile's module: the folder that its package begins with."""


def _run(path: Path, name: str, parent: ModuleType) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    setattr(module, _MARK, str(top_folder(path.parent)))
    bare = _bare_name(path)
    names = [name]
    if bare not in sys.modules or hasattr(sys.modules[bare], _MARK):
        names.append(bare)
    before = {each: sys.modules.get(each) for each in names}
    sys.modules.update(dict.fromkeys(names, module))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for each, previous in before.items():
            if previous is None:
                sys.modules.pop(each, None)
            else:
                sys.modules[each] = previous
        raise
    setattr(parent, bare, module)
    return module


def _package(folder: Path) -> ModuleType:
    """The package of a folder, under the folder's name, or one like it where something else has that name."""
    base = re.sub(r"\W", "_", folder.name) or "locustfiles"
    for number in itertools.count(1):
        name = base if number == 1 else f"{base}_{number}"
        known = sys.modules.get(name)
        if known is not None:
            if str(folder) in getattr(known, "__path__", ()):
                return known
            continue
        found = _found(name)
        if found is None or str(folder) in (found.submodule_search_locations or ()):
            return _new_package(name, folder)
    raise AssertionError("unreachable: the numbers do not end")


def _found(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):  # a finder that cannot look has not found
        return None


def _new_package(name: str, folder: Path) -> ModuleType:
    init = folder / INIT
    spec: ModuleSpec | None
    if init.is_file():
        spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(folder)])
    else:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
    if spec is None:
        raise UsageError(f"{init} is not a Python file")
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    if spec.loader is not None:
        try:
            spec.loader.exec_module(package)
        except BaseException:
            sys.modules.pop(name, None)
            raise
    return package


def _is_package(folder: Path) -> bool:
    return (folder / INIT).is_file()


def _bare_name(path: Path) -> str:
    """The name as Locust gives it; a dot in it would look like a package."""
    return path.stem.replace(".", "_")


def _extend_path(folders: Sequence[Path]) -> None:
    """Put the folders at the front of the import path, in this order."""
    texts = list(dict.fromkeys(str(folder) for folder in folders))
    sys.path[:] = [*texts, *(entry for entry in sys.path if entry not in texts)]


def _forget_namesakes(folder: Path) -> None:
    """Neighbours of another locustfile must not stand in for those of this one that are called the same."""
    marked = [module.__file__ for module in list(sys.modules.values()) if hasattr(module, _MARK)]
    others = {Path(file).parent for file in marked if file} - {folder}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if "." in name or not file or hasattr(module, _MARK):
            continue
        entry = Path(file).parent if Path(file).name == INIT else Path(file)
        if entry.parent in others and (folder / entry.name).exists():
            for each in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
                del sys.modules[each]


def _comes_from(module: ModuleType, folders: Sequence[Path], installed: Sequence[Path]) -> bool:
    """Whether a module lies below one of these folders, and not in a folder of libraries that is itself below it."""
    if module.__name__.partition(".")[0] == _OURS:
        return False
    places = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", ())]
    for place in map(Path, filter(None, places)):
        for folder in folders:
            libraries = [one for one in installed if one != folder and one.is_relative_to(folder)]
            if place.is_relative_to(folder) and not any(place.is_relative_to(one) for one in libraries):
                return True
    return False


def _line_in(error: BaseException, path: Path) -> int | None:
    """The last line of ``path`` in the error's traceback, or the line of a syntax error in it."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename) == path.resolve():
        return error.lineno
    line, step = None, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == str(path.resolve()):
            line = step.tb_lineno
        step = step.tb_next
    return line
