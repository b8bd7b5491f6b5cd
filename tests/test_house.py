"""The rules of the house: each test walks the code and states the rule that was broken."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from pipeline import dag, parameters

ROOT = Path(__file__).parent.parent
FILES = sorted(path.relative_to(ROOT) for folder in ("s2s", "pipeline") for path in (ROOT / folder).rglob("*.py"))
STAGES = dag.stages(ROOT)
PROGRAMS = {stage.cmd.split()[2].replace(".", "/") + ".py": stage for stage in STAGES if "-m pipeline." in stage.cmd}

CANNOT_CHANGE_A_RESULT = {
    "pipeline/stage.py": "command line and exit codes; flags stand in cmd, which DVC compares",
    "pipeline/tracking.py": "tells MLflow what happened and takes nothing back",
    "pipeline/parameter_file.py": "edits params.yaml, which no stage does",
    "pipeline/parameters.py": "hands values on as they stand in params.yaml, of which DVC compares the declared keys",
    "pipeline/presets.py": "writes params.yaml, which no stage does",
    "pipeline/cost.py": "measures what a stage took, and takes nothing back",
    "pipeline/fetching.py": "what it fetches is known by a checksum, wherever it comes from",
    "pipeline/parts.py": "what it fetches is known by a checksum, wherever it comes from",
    "pipeline/transfer.py": "what it fetches is known by a checksum, wherever it comes from",
    "pipeline/watch.py": "shows and records what training tells, and takes nothing back",
    "pipeline/work.py": "names folders of unfinished work, known by a checksum or by a fingerprint of what made it",
    "s2s/errors.py": "says why there is no result",
    "s2s/program.py": "exit codes and what is said of errors",
    "s2s/progress.py": "prints what happens",
    "s2s/status.py": "counts what training tells, and takes nothing back",
}
"""Modules that a stage imports and that are no dependency of it: editing them must not re-run days of training."""
CHANGE_NO_RESULT = "operation."
"""The section that no stage declares: where runs are recorded, where a file of a known checksum comes from, and how much
work a kill may cost."""


def module_file(name: str) -> str | None:
    """The file of a dotted module of ours."""
    path = Path(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if (ROOT / candidate).is_file():
            return candidate.as_posix()
    return None


@cache
def imported(file: str) -> frozenset[str]:
    """The dotted names that a file imports, wherever in it; `from a import b` gives `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: imports are absolute"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def top(file: Path) -> set[str]:
    """The distributions that a file imports."""
    return {name.partition(".")[0] for name in imported(file.as_posix())}


@cache
def closure(file: str) -> frozenset[str]:
    """The files of ours that importing a file loads, itself among them, empty `__init__.py` left out."""
    found, waiting = {file}, [file]
    while waiting:
        for name in imported(waiting.pop()):
            other = module_file(name)
            if other and other not in found and not other.endswith("__init__.py"):
                found.add(other)
                waiting.append(other)
    return frozenset(found)


def data_files(files: frozenset[str]) -> Iterator[str]:
    """The files beside our modules that are no Python, where a module names them or the folder that they lie in."""
    texts = "".join((ROOT / file).read_text(encoding="utf-8") for file in sorted(files))
    for path in sorted(path for folder in ("s2s", "pipeline") for path in (ROOT / folder).rglob("*")):
        relative = path.relative_to(ROOT)
        if path.is_file() and path.suffix not in {".py", ".pyc"}:
            names = [relative.name] if len(relative.parts) == 2 else [relative.parts[1], relative.name]
            if any(f'"{name}"' in texts for name in names):
                yield relative.as_posix()


def code(stage: dag.Stage) -> set[str]:
    """The files of ours that a stage loads."""
    program = stage.cmd.split()[2].replace(".", "/")
    files = closure(f"{program}.py" if program != "pipeline" else "pipeline/__main__.py")
    return set(files) | set(data_files(files))


def stands_for(dep: str, file: str) -> bool:
    """Whether a dependency covers a file, being it or a folder above it."""
    return dag.within(file, dep)


@pytest.mark.parametrize("file", [file for file in FILES if file.parts[0] == "s2s"], ids=str)
def test_the_library_knows_no_stage_no_tracker_and_no_engine(file: Path) -> None:
    forbidden = {"pipeline", "mlflow", "dvc", "snakemake", "pandas", "yaml", "pydantic"}
    assert not top(file) & forbidden, f"{file}: s2s/ must not import {', '.join(sorted(top(file) & forbidden))}"


@pytest.mark.parametrize(
    ("package", "room"), [("mlflow", "pipeline/store.py"), ("dvc", "pipeline/dag.py"), ("snakemake", "no module")]
)
def test_one_module_speaks_to_each_engine(package: str, room: str) -> None:
    importers = [str(file) for file in FILES if package in top(file) and str(file) != room]
    assert not importers, f"only {room} imports {package}; so do {', '.join(importers)}"


def test_one_module_reads_the_parameters() -> None:
    readers = [str(file) for file in FILES if '"params.yaml"' in (ROOT / file).read_text(encoding="utf-8")]
    assert readers == ["pipeline/parameters.py"], "only pipeline/parameters.py opens params.yaml"


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_stages_meet_through_files(program: str) -> None:
    others = closure(program) & (PROGRAMS.keys() - {program})
    assert not others, f"{program}: a stage imports no other stage; it loads {', '.join(sorted(others))}"


def test_init_files_are_empty() -> None:
    full = [str(file) for file in FILES if file.name == "__init__.py" and (ROOT / file).stat().st_size]
    assert not full, f"__init__.py stays empty, so that no import hides in it: {', '.join(full)}"


def test_no_file_is_a_drawer() -> None:
    drawers = {"util", "utils", "helper", "helpers", "common", "misc", "base"}
    found = [str(file) for file in FILES if drawers & set(file.with_suffix("").parts)]
    assert not found, f"a file is named after what it is for: {', '.join(found)}"


@pytest.mark.parametrize("file", [file for file in FILES if file.name != "__init__.py"], ids=str)
def test_a_module_opens_with_what_it_is_for(file: Path) -> None:
    opening = ast.get_docstring(ast.parse((ROOT / file).read_text(encoding="utf-8")))
    assert opening, f"{file}: a module opens with a sentence that says what it is for"


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: str(stage.name))
def test_a_stage_depends_on_the_code_that_makes_its_result(stage: dag.Stage) -> None:
    loaded = code(stage)
    ours = [dep for dep in stage.deps if dep.startswith(("pipeline", "s2s"))]
    needed = sorted(loaded - CANNOT_CHANGE_A_RESULT.keys())
    missing = [file for file in needed if not any(stands_for(dep, file) for dep in ours)]
    lines = "\n".join(f"      - {file}" for file in missing)
    assert not missing, f"stage {stage.name}: an edit of these would leave a stale result; add to its deps\n{lines}"
    idle = sorted(dep for dep in ours if not any(stands_for(dep, file) for file in loaded))
    lines = "\n".join(f"      - {dep}" for dep in idle)
    assert not idle, f"stage {stage.name}: re-runs for code that it does not load; take from its deps\n{lines}"


def test_the_exempt_are_in_use() -> None:
    loaded = {file for stage in STAGES for file in code(stage)}
    idle = sorted(CANNOT_CHANGE_A_RESULT.keys() - loaded)
    assert not idle, f"exempt from dependencies and loaded by no stage: {', '.join(idle)}"


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: str(stage.name))
def test_a_stage_names_each_parameter(stage: dag.Stage) -> None:
    # maps whose keys are a person's names count as one value
    free = ("vocabularies.", "systems.", "models.", "runs.", "first_passes.", "rescorings.", "clean.selection.")
    whole = [key for key, value in stage.params.items() if isinstance(value, dict) and not f"{key}.".startswith(free)]
    assert not whole, f"stage {stage.name} would re-run for keys that it does not use; name those of {', '.join(whole)}"


def test_every_parameter_is_some_stages() -> None:
    def leaves(value: object, key: str = "") -> Iterator[str]:
        if isinstance(value, dict) and key not in (
            "systems",
            "models",
            "runs",
            "first_passes",
            "rescorings",
            "clean.selection",
        ):
            for name, inner in value.items():
                yield from leaves(inner, f"{key}.{name}" if key else name)
        else:
            yield key

    known = set(leaves(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))))
    declared = {key for stage in STAGES for key in stage.params}
    in_commands = {"embeddings.system", "embeddings.seed", "embeddings.probes", "models", "first_passes", "rescorings"}
    idle = known - {key.split(".")[0] if key.startswith(("systems.", "runs.")) else key for key in declared}
    idle = {key for key in idle - in_commands if not key.startswith(CHANGE_NO_RESULT)}
    assert not idle, f"no stage declares {', '.join(sorted(idle))}: a change would change nothing"


def used_keys(file: str) -> Iterator[str]:
    """The parameters that a module touches: keys, as attributes, of the sections that it names."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    attributes = {node.attr for node in nodes}
    sections = {node.attr for node in nodes if ast.unparse(node.value) in ("parameters", "read()")}
    for section, field in parameters.Parameters.model_fields.items():
        classes = {f"pipeline.parameters.{name}" for name in [getattr(field.annotation, "__name__", "")]}
        if section in sections or classes & imported(file):
            keys = getattr(field.annotation, "model_fields", None)
            yield from [section] if keys is None else (f"{section}.{key}" for key in keys if key in attributes)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: str(stage.name))
def test_a_stage_declares_the_parameters_that_its_code_touches(stage: dag.Stage) -> None:
    if "params.yaml" in stage.deps:
        return  # the whole file
    files = [file for file in code(stage) - CANNOT_CHANGE_A_RESULT.keys() if file.startswith("pipeline/")]
    used = {key for file in files if file.endswith(".py") for key in used_keys(file)}
    used = {key for key in used if not key.startswith(CHANGE_NO_RESULT)}
    hidden = sorted(key for key in used if not any(f"{one}.".startswith(f"{key}.") for one in stage.params))
    lines = "\n".join(f"      - {key}" for key in hidden)
    assert not hidden, f"stage {stage.name}: a change of these would leave a stale result; add to its params\n{lines}"


def test_the_paper_leads_to_tests_and_code_that_are_there() -> None:
    text = (ROOT / "docs/paper.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*.py"))
    missing = [name for name in re.findall(r"`(test_\w+)`", text) if f"def {name}(" not in tests]
    for path, name in re.findall(r"`((?:s2s|pipeline)/[\w/]+\.py)` `(?:\w+\.)?(\w+)`", text):
        code = (ROOT / path).read_text(encoding="utf-8")
        missing += [f"{path} {name}"] * (f"def {name}(" not in code and f"class {name}" not in code)
    named = re.findall(r"`((?:s2s|pipeline|tests)/[\w/]+\.py)`", text)
    missing += [path for path in named if not (ROOT / path).exists()]
    assert not missing, f"docs/paper.md names what is not there: {', '.join(missing)}"
