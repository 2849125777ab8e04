"""The long runs that are commands of their own can be started."""

import sys
from importlib import import_module

import pytest


@pytest.mark.parametrize("package", ["tests.benchmarks", "tests.faults", "tests.fuzz", "tests.openid"])
def test_a_separate_command_prints_its_help(package, monkeypatch, capsys):
    """Each command of the tests imports what it names, and prints its help."""
    monkeypatch.setattr(sys, "argv", [package, "--help"])

    with pytest.raises(SystemExit) as ended:
        import_module(f"{package}.__main__").main()

    assert ended.value.code == 0
    assert f"python -m {package}" in capsys.readouterr().out
