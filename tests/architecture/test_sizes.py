"""A file past 300 lines of code or a function past 60 holds two concepts."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 60
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
PACKAGES = ("sim", "detection", "scenarios", "reports", "conf")


def _files(root: Path) -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((root / package).rglob("*.py"))


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement to the last, without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def _code_lines(path: Path) -> int:
    """Lines that hold code: prose is no sign of a second concept."""
    source = path.read_text()
    prose = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return len({token.start[0] for token in tokens if token.type not in _NO_CODE} - prose)


def test_files_hold_one_concept(root: Path) -> None:
    counted = {str(path.relative_to(root)): _code_lines(path) for path in _files(root)}
    assert {name: count for name, count in counted.items() if count > FILE_LINES_MAX} == {}


def test_functions_hold_one_thought(root: Path) -> None:
    long = {
        f"{path.relative_to(root)}:{node.name}": count
        for path in _files(root)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (count := _body_lines(node)) > FUNCTION_LINES_MAX
    }
    assert long == {}


def test_every_module_opens_with_prose(root: Path) -> None:
    silent = [path for path in _files(root) if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []
