"""Whose code it is: in the user's alone NumPy is exchanged, wherever packages are installed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradproof.reference.lifted.users_code import is_users

ROOT = Path(__file__).resolve().parents[3]

SCRIPT = """
import helper
import numpy as np
import gradproof as gp
import installed_package
from gradproof.reference.lifted.users_code import is_users


def loss(xp, params, batch):
    return xp.sum((xp.nn.sigmoid(batch["x"] @ params["w"]) - batch["y"]) ** 2)


def gradient(params, batch):
    a = helper.sigmoid(batch["x"] @ params["w"])
    d = np.zeros(a.shape)
    d[:] = 2 * (a - batch["y"]) * a * (1 - a)
    installed_package.used(d)
    return {"w": batch["x"].T @ d}


random = np.random.default_rng(0)
params = {"w": random.normal(size=(3, 2))}
batch = {"x": random.normal(size=(5, 3)), "y": random.normal(size=(5, 2))}
print(gp.check(loss, gradient, params, batch, points=0).verdict)
print(is_users(vars(helper)), is_users(vars(installed_package)), is_users(vars(np)), is_users(vars(gp)))
print(sorted(installed_package.seen))
"""

HELPER = """
import numpy as np


def sigmoid(x):
    out = np.empty(x.shape)
    out[:] = 1 / (1 + np.exp(-x))
    return out
"""

PACKAGE = """
import numpy as np

seen = set()


def used(_array):
    seen.add(type(np.zeros(2)).__name__)
"""


def install(folder: Path, *, recorded: bool = True) -> None:
    """A package as an installer leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "installed_package.py").write_text(PACKAGE, encoding="utf-8")
    if recorded:
        record = folder / "installed_package-1.0.dist-info"
        record.mkdir()
        (record / "METADATA").write_text("Metadata-Version: 2.1\nName: installed-package\nVersion: 1.0\n")
        (record / "RECORD").write_text("installed_package.py,,\n", encoding="utf-8")


def run(folder: Path, *options: str, **environment: str) -> list[str]:
    (folder / "mine.py").write_text(SCRIPT, encoding="utf-8")
    (folder / "helper.py").write_text(HELPER, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *options, str(folder / "mine.py")],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_packages_on_pythonpath_are_not_the_users(tmp_path: Path) -> None:
    install(tmp_path / "target")
    (tmp_path / "project").mkdir()
    path = os.pathsep.join([str(tmp_path / "target"), str(ROOT)])
    assert run(tmp_path / "project", PYTHONPATH=path) == ["EQUAL", "True False False False", "['ndarray']"]


def test_packages_in_the_user_site_are_not_the_users(tmp_path: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = tmp_path / "base" / "lib" / version / "site-packages"
    install(site)
    (tmp_path / "project").mkdir()
    path = os.pathsep.join([str(site), str(ROOT)])
    found = run(tmp_path / "project", PYTHONUSERBASE=str(tmp_path / "base"), PYTHONPATH=path)
    assert found == ["EQUAL", "True False False False", "['ndarray']"]


def test_code_beside_the_script_is_the_users(tmp_path: Path) -> None:
    install(tmp_path, recorded=False)
    assert run(tmp_path) == ["EQUAL", "True True False False", "['LiftedArray', 'ndarray']"]


def test_numpy_itself_that_lies_on_pythonpath_is_left_alone(tmp_path: Path) -> None:
    """A NumPy without any record, as one that is built in its own folder."""
    (tmp_path / "vendored").mkdir()
    (tmp_path / "vendored" / "numpy").symlink_to(Path(np.__file__).parent, target_is_directory=True)
    if (libraries := Path(np.__file__).parents[1] / "numpy.libs").is_dir():
        (tmp_path / "vendored" / "numpy.libs").symlink_to(libraries, target_is_directory=True)
    install(tmp_path / "target")
    (tmp_path / "project").mkdir()
    path = os.pathsep.join(str(each) for each in (tmp_path / "vendored", tmp_path / "target", ROOT))
    assert run(tmp_path / "project", PYTHONPATH=path) == ["EQUAL", "True False False False", "['ndarray']"]


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ({"__name__": "__main__"}, True),
        ({"__name__": "mine", "__file__": "/home/someone/mine.py"}, True),
        ({"__name__": "numpy.linalg", "__file__": "/home/someone/numpy/linalg/__init__.py"}, False),
        ({"__name__": "jax.numpy", "__file__": "/home/someone/jax/numpy/__init__.py"}, False),
        ({"__name__": "other", "__file__": "/x/lib/python3.12/site-packages/other.py"}, False),
        ({"__name__": "other", "__file__": "/usr/lib/python3/dist-packages/other.py"}, False),
        ({"__name__": "sys"}, False),
        ({"__name__": "json", "__file__": __import__("json").__file__}, False),
    ],
)
def test_modules(namespace: dict[str, Any], expected: bool) -> None:
    assert is_users(namespace) is expected


def test_a_package_in_development_mode_is_the_users(tmp_path: Path) -> None:
    """Its record names a file that finds it, and none of its own."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("", encoding="utf-8")
    record = tmp_path / "mine-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n", encoding="utf-8")
    (record / "RECORD").write_text("__editable__.mine.pth,,\nmine-1.0.dist-info/RECORD,,\n", encoding="utf-8")
    assert is_users({"__name__": "mine", "__file__": str(tmp_path / "mine" / "__init__.py")})
    (record / "RECORD").write_text("mine/__init__.py,,\n", encoding="utf-8")
    is_users.__globals__["_recorded"].cache_clear()
    is_users.__globals__["_is_users"].cache_clear()
    assert not is_users({"__name__": "mine", "__file__": str(tmp_path / "mine" / "__init__.py")})
