"""Rules of the house: each test walks the code and names the places where a rule is broken."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pipeline import dag
from pipeline.parameters.editing import FREE
from pipeline.parameters.parameters import Parameters
from pipeline.parameters.reading import read
from pipeline.stages import train
from s2s import data, model, training

ROOT = Path(__file__).parent.parent
FILES = sorted(
    path.relative_to(ROOT).as_posix() for folder in ("s2s", "pipeline") for path in (ROOT / folder).rglob("*.py")
)
STAGES = dag.stages(ROOT)
CHANGE_NO_RESULT = (
    "pipeline/dag.py",  # says for the record what a stage reads and writes; `check` alone writes what it says
    "pipeline/fetching",  # a file is known by its checksum, wherever it comes from
    "pipeline/parameters",  # DVC compares the declared keys of params.yaml
    "pipeline/running",  # DVC compares the command; unfinished work is known by a fingerprint
    "pipeline/tracking",  # takes nothing back from MLflow
    "s2s/errors.py",
    "s2s/program.py",
    "s2s/progress.py",
)
"""Rooms that stages import and do not depend on: an edit of these must not re-run days of training."""
OPENERS = re.compile(r"(What|How|Which|Whether|Why|Where|When|Who|Whose|Whom)\b")


def parsed(file: str) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def module_file(name: str) -> str | None:
    """Return the file of a dotted module of this repository, or None."""
    path = Path(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if (ROOT / candidate).is_file():
            return candidate.as_posix()
    return None


@cache
def imported(file: str) -> frozenset[str]:
    """Return the dotted names that a file imports anywhere; `from a import b` gives `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: imports are absolute"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def distributions(file: str) -> set[str]:
    """Return the top-level packages that a file imports."""
    return {name.partition(".")[0] for name in imported(file)}


@cache
def closure(file: str) -> frozenset[str]:
    """Return the repository's files that importing a file loads, itself among them, without `__init__.py`."""
    files, waiting = {file}, [file]
    while waiting:
        for name in imported(waiting.pop()):
            path = module_file(name)
            if path and path not in files and not path.endswith("__init__.py"):
                files.add(path)
                waiting.append(path)
    return frozenset(files)


def program(stage: dag.Stage) -> str:
    """Return the file that a stage's command runs."""
    module = stage.cmd.split()[2].replace(".", "/")
    return next(file for file in (f"{module}.py", f"{module}/__main__.py") if (ROOT / file).is_file())


def room(file: str) -> str:
    """Return the stage that a file of `pipeline/stages` belongs to: the name of its file or folder."""
    return Path(file).parts[2].removesuffix(".py")


def code(stage: dag.Stage) -> list[str]:
    """Return the files that a stage loads and that can change its result."""
    return sorted(file for file in closure(program(stage)) if not lies_in(file, CHANGE_NO_RESULT))


def lies_in(path: str, places: tuple[str, ...] | list[str]) -> bool:
    """Return True if a path is one of some places or below one."""
    return any(dag.within(path, place) for place in places)


def leaves(value: object, key: str = "") -> Iterator[str]:
    """Yield the dotted keys of nested values; a map of free names is one value."""
    if isinstance(value, dict) and key not in FREE:
        for name, inner in value.items():
            yield from leaves(inner, f"{key}.{name}" if key else name)
    else:
        yield key


def test_the_library_knows_no_stage_no_tracker_and_no_engine() -> None:
    forbidden = {"pipeline", "mlflow", "dvc", "snakemake", "pandas", "yaml", "ruamel", "pydantic"}
    library = [file for file in FILES if file.startswith("s2s/")]
    broken = [f"{file} imports {name}" for file in library for name in sorted(distributions(file) & forbidden)]
    assert not broken


def test_one_module_speaks_to_each_engine() -> None:
    rooms = {"mlflow": ["pipeline/tracking/store.py"], "dvc": ["pipeline/dag.py"], "snakemake": []}
    importers = {package: [file for file in FILES if package in distributions(file)] for package in rooms}
    assert importers == rooms


def test_one_room_reads_the_parameters() -> None:
    readers = [file for file in FILES if '"params.yaml"' in (ROOT / file).read_text(encoding="utf-8")]
    assert readers == ["pipeline/parameters/reading.py"]


def test_stages_meet_through_files() -> None:
    stages = [file for file in FILES if file.startswith("pipeline/stages/") and file != "pipeline/stages/__init__.py"]
    loaded = {file: [path for path in closure(file) if path.startswith("pipeline/stages/")] for file in stages}
    broken = [f"{file} imports {path}" for file in stages for path in loaded[file] if room(path) != room(file)]
    assert not broken, "a stage imports no other stage; what two need is a room's"


def test_nothing_looks_back_up() -> None:
    rooms = [file for file in FILES if file.startswith("pipeline/") and file.count("/") > 1]
    lower = [file for file in rooms if not file.startswith(("pipeline/stages/", "pipeline/commands/"))]
    broken = [
        f"{file} imports {path}"
        for file in lower
        for name in imported(file)
        if (path := module_file(name)) and path.startswith(("pipeline/stages/", "pipeline/commands/"))
    ]
    assert not broken, "data flows down: stages, then rooms of the pipeline, then s2s"


def test_rooms_have_walls() -> None:
    flat = {
        folder: [file for file in FILES if Path(file).parent.as_posix() == folder] for folder in ("s2s", "pipeline")
    }
    crowded = {folder: files for folder, files in flat.items() if len(files) > 8}  # seven and __init__.py
    assert not crowded, "at most seven flat files; the others lie in rooms"
    drawers = {"util", "utils", "helper", "helpers", "common", "misc", "base"}
    assert not [file for file in FILES if drawers & set(Path(file).with_suffix("").parts)]


def test_init_files_are_empty() -> None:
    full = [file for file in FILES if file.endswith("__init__.py") and (ROOT / file).stat().st_size]
    assert full == ["s2s/__init__.py"], "no import hides in __init__.py; that of s2s names the version"
    assert [type(node) for node in parsed("s2s/__init__.py").body] == [ast.Assign]


def test_files_and_functions_are_short() -> None:
    long = []
    for file in FILES:
        tree = parsed(file)
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        lengths = {f"{file} {node.name}": (node.end_lineno or 0) - node.lineno + 1 for node in functions}
        long += [name for name, lines in lengths.items() if lines > 45]
        long += [file] * ((ROOT / file).read_text(encoding="utf-8").count("\n") > 300)
    long += ["dvc.yaml"] * ((ROOT / "dvc.yaml").read_text(encoding="utf-8").count("\n") > 350)
    assert not long


def test_docstrings_open_with_a_statement() -> None:
    riddles, missing = [], []
    others = [path.relative_to(ROOT).as_posix() for room in ("tests", "bench") for path in (ROOT / room).rglob("*.py")]
    for file in [file for file in FILES + others if not file.endswith("__init__.py")]:
        tree = parsed(file)
        missing += [file] * (ast.get_docstring(tree) is None)
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                opening = (ast.get_docstring(node) or "").partition("\n")[0]
                riddles += [f"{file}: {opening}"] * bool(OPENERS.match(opening))
    assert not missing, "a module opens with a sentence that says what it is for"
    assert not riddles, "no docstring opens with a question word"


def test_a_stage_depends_on_the_rooms_of_the_code_that_makes_its_result() -> None:
    missing, idle = [], []
    for stage in STAGES:
        loaded = code(stage)
        rooms = [dep for dep in stage.deps if dep.startswith(("pipeline", "s2s"))]
        missing += [f"{stage.name}: {file}" for file in loaded if not lies_in(file, rooms)]
        every = closure(program(stage))  # a stage may depend on what changes no result of the others
        idle += [f"{stage.name}: {dep}" for dep in rooms if not any(dag.within(file, dep) for file in every)]
    assert not missing, "an edit of these would leave a stale result; add their rooms to the stage's deps"
    assert not idle, "these re-run a stage that does not load them; take them from its deps"


def test_stages_without_a_network_start_without_torch() -> None:
    heavy = {stage.name.partition("@")[0] for stage in STAGES if "torch" in loaded_packages(program(stage))}
    assert heavy == {
        "train", "members", "translate", "first_pass", "rescore", "perplexity", "embeddings", "neighbors", "alignments",
        "ablations",
    }  # fmt: skip


def loaded_packages(file: str) -> set[str]:
    """Return the top-level packages that a program may import."""
    return {name for path in closure(file) for name in distributions(path)}


def test_what_changes_no_result_is_in_use() -> None:
    loaded = {file for stage in STAGES for file in closure(program(stage))}
    idle = [place for place in CHANGE_NO_RESULT if not any(dag.within(file, place) for file in loaded)]
    assert not idle, "exempt from dependencies and loaded by no stage"


def test_three_rooms_decide_weights() -> None:
    assert (data, model, training) == train.DECISIVE
    files = {file for file in FILES if file.startswith(("s2s/data/", "s2s/model/", "s2s/training/"))}
    loaded = {path for file in files for path in closure(file)} - files
    # Vocabularies and encoded text are values of the fingerprint; the others cannot change a weight.
    allowed = {"s2s/text/vocabulary.py", "s2s/perplexity.py"}
    allowed |= {f"s2s/{name}.py" for name in ("device", "errors", "files", "progress")}
    assert not loaded - allowed, "the fingerprint of checkpoints would miss a change of these"


def test_every_parameter_is_declared_by_a_stage() -> None:
    keys = set(leaves(read(ROOT / "params.yaml").model_dump()))
    declared = [key for stage in STAGES for key in stage.params]
    in_commands = ["embeddings", "models", "first_passes", "rescorings", "systems", "runs", "vocabularies"]
    idle = sorted(key for key in keys if not any(f"{key}.".startswith(f"{name}.") for name in declared + in_commands))
    assert [key for key in idle if not key.startswith("operation.")] == [], "a change of these would change nothing"
    assert [name for name in declared if name.startswith("operation")] == [], "operation changes no result"


def used_keys(file: str) -> Iterator[str]:
    """Yield the parameters that a module touches.

    Of a section that is held in a variable or taken as an argument, any attribute may be a key; of one that is only
    looked into, as in `parameters.download.source`, the attributes that follow its name are.
    """
    nodes = [node for node in ast.walk(parsed(file)) if isinstance(node, ast.Attribute)]
    followed = {id(node.value) for node in nodes}
    roots = ("parameters", "read()", "reading.read()")
    held = {node.attr for node in nodes if ast.unparse(node.value).endswith(roots) and id(node) not in followed}
    chains = {ast.unparse(node).removeprefix("self.").removeprefix("task.") for node in nodes}
    classes = {name.rpartition(".")[2] for name in imported(file) if name.startswith("pipeline.parameters.")}
    for section, field in Parameters.model_fields.items():
        is_named = any(f"{root}.{section}" in chains for root in roots)
        keys: Any = getattr(field.annotation, "model_fields", None)
        if keys is None:
            yield from [section] * is_named
            continue
        is_whole = section in held or getattr(field.annotation, "__name__", "") in classes
        prefixes = ("",) if is_whole else tuple(f"{root}.{section}." for root in roots) if is_named else ()
        attributes = {node.attr for node in nodes} if is_whole else chains
        yield from (f"{section}.{key}" for key in keys if any(f"{prefix}{key}" in attributes for prefix in prefixes))


def test_a_stage_declares_the_parameters_that_its_code_touches() -> None:
    hidden = []
    for stage in [stage for stage in STAGES if "params.yaml" not in stage.deps]:
        used = {key for file in code(stage) if file.startswith("pipeline/") for key in used_keys(file)}
        declared = [f"{name}." for name in stage.params]
        touched = [key for key in sorted(used) if not key.startswith("operation.")]
        hidden += [
            f"{stage.name}: {key}"
            for key in touched
            if not any(f"{key}.".startswith(name) or name.startswith(f"{key}.") for name in declared)
        ]
    assert not hidden, "a change of these would leave a stale result; add their sections to the stage's params"


def test_the_paper_leads_to_tests_and_code_that_are_there() -> None:
    text = (ROOT / "docs/paper.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    missing = [name for name in re.findall(r"`(test_\w+)`", text) if f"def {name}(" not in tests]
    for path, name in re.findall(r"`((?:s2s|pipeline)/[\w/]+\.py)` `(?:\w+\.)?(\w+)`", text):
        source = (ROOT / path).read_text(encoding="utf-8")
        missing += [f"{path} {name}"] * (f"def {name}(" not in source and f"class {name}" not in source)
    named = re.findall(r"`((?:s2s|pipeline|tests)/[\w/]+\.py)`", text)
    missing += [path for path in named if not (ROOT / path).exists()]
    assert not missing, "docs/paper.md names what is not there"
