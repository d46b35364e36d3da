"""Points, Python files and tables of claims that no reader expects."""

import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hostile_files import BAD_FILES, ESCAPE, Case, put

RIGHT = """\
import numpy as np

params = {"w": np.array([1.0, 2.0])}
batch = {"x": np.array([[1.0, 0.5], [0.25, 3.0]]), "y": np.array([1.0, -1.0])}


def loss(xp, params, batch):
    return xp.sum((batch["x"] @ params["w"] - batch["y"]) ** 2)


def gradient(params, batch):
    return {"w": 2 * batch["x"].T @ (batch["x"] @ params["w"] - batch["y"])}
"""

DESCRIBED: Mapping[str, Any] = {"label": "with ties", "seed": 3, "params": ["w"], "batch": ["x", "y"]}


def _good_arrays() -> dict[str, Any]:
    return {
        "params0": np.array([1.0, 2.0]),
        "batch0": np.array([[1.0, 0.5], [0.25, 3.0]]),
        "batch1": np.array([1.0, -1.0]),
    }


def _checked(folder: Path, source: str, *options: str) -> list[str]:
    path = folder / "mine.py"
    path.write_bytes(source.encode("utf-8", "surrogatepass"))
    return ["check", str(path), "--points", "0", *options]


def _point(name: str, write: Callable[[Path], Any], *, refused: bool = True) -> Case:
    def make(folder: Path) -> list[str]:
        write(folder / "point.npz")
        return _checked(folder, RIGHT, "--point", str(folder / "point.npz"))

    return Case(f"a point {name}", make, refused)


def _saved(path: Path, described: Any = None, **changed: Any) -> None:
    arrays = {**_good_arrays(), **changed}
    arrays = {name: array for name, array in arrays.items() if array is not None}
    text = json.dumps(DESCRIBED if described is None else described)
    np.savez(path, point=np.array(text), **arrays)


# -------------------------------------------------------------------- what a point says of itself

FIELDS: Mapping[str, tuple[Any, ...]] = {
    "label": (None, 1, [], {}, 1.5, True, "x" * 100_000),
    "seed": ("x", 1.5, [], {}, -1, True, "3"),
    "params": (None, 1, "w", [], ["v"], [1], [["w"]], {"w": 1}, ["w", "w"], ["w", "v"], [None], ["\ud83d"]),
    "batch": (None, 1, "xy", [], ["x"], [1, 2], [["x"], "y"], ["x", "x"], ["y", "x", "z"], [ESCAPE, "y"]),
}
"""What a field may not be."""

HARMLESS: tuple[tuple[str, Any], ...] = (
    ("label", ESCAPE),
    ("label", ""),
    ("label", "\ud83d"),
    ("label", "a\nb\0"),
    ("seed", 2**200),
    ("seed", None),
    ("batch", ["y", "x"]),
)


def descriptions() -> Iterator[Case]:
    """Give a case for each field and each value."""
    for field, values in FIELDS.items():
        for value in values:
            changed = {**DESCRIBED, field: value}
            yield _point(f"whose {field} is {value!r:.20}", partial(_saved, described=changed))
        lacking = {key: value for key, value in DESCRIBED.items() if key != field}
        yield _point(f"without {field}", partial(_saved, described=lacking))
    for field, value in HARMLESS:
        changed = {**DESCRIBED, field: value}
        yield _point(f"whose {field} is {value!r:.20}", partial(_saved, described=changed), refused=False)
    for whole in (None, [], 1, "x", [DESCRIBED]):
        path_of = partial(_saved_text, text=json.dumps(whole))
        yield _point(f"that says {whole!r:.20}", path_of)
    for text in ("", "{", "[" * 100_000, "1" * 10_000, "NaN", "\x00"):
        yield _point(f"that says {text!r:.20}", partial(_saved_text, text=text))


def _saved_text(path: Path, text: Any) -> None:
    np.savez(path, point=np.array(text), **_good_arrays())


# -------------------------------------------------------------------- a point's arrays

ARRAYS: Mapping[str, Any] = {
    "missing": None,
    "texts": np.array(["a", "b"]),
    "bytes": np.array([b"a", b"b"]),
    "dates": np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]"),
    "times": np.array([1, 2], dtype="timedelta64[s]"),
    "records": np.zeros(2, dtype=[("a", float), ("b", int)]),
    "nothing typed": np.zeros(2, dtype="V8"),
    "objects": np.array([{}, 1], dtype=object),
    "complex": np.array([1.0j, 2.0]),
    "of another shape": np.zeros((2, 3, 4)),
    "a scalar": np.array(1.0),
    "without entries": np.zeros(0),
}
"""What an array may not be."""

ODD: Mapping[str, Any] = {
    "NaN": np.full(2, np.nan),
    "infinite": np.array([np.inf, -np.inf]),
    "huge": np.array([1e308, -1e308]),
    "tiny": np.array([5e-324, -0.0]),
    "whole": np.array([1, 2]),
    "true": np.array([True, False]),
    "float16": np.array([1, 2], dtype=np.float16),
    "big-endian": np.array([1, 2], dtype=">f8"),
    "long": np.array([1, 2], dtype=np.longdouble),
    "unsigned": np.array([1, 2**64 - 1], dtype=np.uint64),
}
"""What an array may be, although nobody expects it."""


def arrays() -> Iterator[Case]:
    """Give a case for each array and each kind."""
    for name in _good_arrays():
        for kind, array in ARRAYS.items():
            # Data may have other shapes at a point; then the loss decides.
            refused = not (kind == "a scalar" and name.startswith("batch"))
            yield _point(f"whose {name} is {kind}", partial(_saved, **{name: array}), refused=refused)
        for kind, array in ODD.items():
            yield _point(f"whose {name} is {kind}", partial(_saved, **{name: array}), refused=False)


# -------------------------------------------------------------------- the archive


def _header(shape: str, dtype: str = "<f8", order: str = "False") -> bytes:
    text = f"{{'descr': {dtype!r}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def _archive(path: Path, member: bytes, name: str = "params0.npy", method: int = zipfile.ZIP_STORED) -> None:
    plain = io.BytesIO()
    np.savez(plain, point=np.array(json.dumps(DESCRIBED)), **_good_arrays())
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", method) as new:
        for each in old.namelist():
            new.writestr(each, member if each == name else old.read(each))


def _zeros(path: Path, gigabytes: int) -> None:
    """Write an archive with so many zeros, which compress to a thousandth."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("point.npy", _npy(np.array(json.dumps(DESCRIBED))))
        with archive.open("params0.npy", "w", force_zip64=True) as member:
            member.write(_header(f"({gigabytes * 2**27},)"))
            for _ in range(gigabytes * 64):
                member.write(bytes(2**24))


def _npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


MEMBERS: Mapping[str, bytes] = {
    "10^12 entries": _header("(1000000000000,)") + bytes(16),
    "10^9 entries": _header("(1000000000,)") + bytes(16),
    "10^30 entries": _header("(10**30,)".replace("10**30", "1" + "0" * 30)) + bytes(16),
    "-1 entries": _header("(-1,)") + bytes(16),
    "a shape of truths": _header("(True, False)") + bytes(16),
    "a shape of texts": _header("('a',)") + bytes(16),
    "a hundred dimensions": _header(str((1,) * 100)) + bytes(8),
    "too few bytes": _header("(2,)") + bytes(8),
    "too many bytes": _header("(2,)") + bytes(64),
    "a name for a dtype": _header("(2,)", "O") + bytes(16),
    "an unknown dtype": _header("(2,)", "xyz") + bytes(16),
    "a dtype of a gigabyte": _header("(2,)", "S1000000000") + bytes(16),
    "a call for a header": b"\x93NUMPY\x01\x00\x10\x00__import__('os')\n",
    "brackets for a header": b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"[" * 9000,
    "an endless header": b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b" " * 100,
    "another version": b"\x93NUMPY\x09\x00" + bytes(100),
    "no array": b"hello",
    "nothing": b"",
    "a pickle": b"\x80\x04N.",
}


def _damaged(path: Path, at: float) -> None:
    _saved(path)
    data = bytearray(path.read_bytes())
    place = int(len(data) * at)
    data[place : place + 8] = b"\xff" * 8
    path.write_bytes(bytes(data))


def _cut(path: Path, at: float) -> None:
    _saved(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * at)])


def _encrypted(path: Path) -> None:
    _saved(path)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = data.find(mark)
        data[place + offset] |= 1
    path.write_bytes(bytes(data))


def archives() -> Iterator[Case]:
    """Give cases of archives that are none, or whose members are none."""
    for kind in BAD_FILES:
        yield _point(f"that is {kind}", partial(put, kind=kind))
    for kind, member in MEMBERS.items():
        for name in ("point.npy", "params0.npy"):
            yield _point(f"whose {name} has {kind}", partial(_archive, member=member, name=name))
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED):
        changed = partial(_archive, member=_npy(np.array([1.0, 2.0])), method=method)
        yield _point(f"compressed in way {method}", changed, refused=False)
    for at in np.linspace(0.0, 0.99, 25):
        yield _point(f"with other bytes at {at:.2f}", partial(_damaged, at=float(at)), refused=False)
        yield _point(f"cut at {at:.2f}", partial(_cut, at=float(at)))
    yield _point("that is encrypted", _encrypted)
    yield _point("that is one array", lambda path: path.write_bytes(_npy(np.zeros(3))))


def bombs() -> Iterator[Case]:
    """Give cases of archives that are small on the disk and large in memory."""
    yield _point("of 2 GB of zeros", partial(_zeros, gigabytes=2))


# -------------------------------------------------------------------- Python files

RAISED: Mapping[str, str] = {
    "5 MB": "raise ValueError('x' * 5_000_000)",
    "5 MB in lines": "raise ValueError('xyz\\n' * 1_250_000)",
    "5 MB of arguments": "raise ValueError(*(['x' * 50] * 100_000))",
    "escapes": f"raise ValueError({ESCAPE!r})",
    "half a character": "raise ValueError('\\ud83d')",
    "a message that raises": "raise type('E', (Exception,), {'__str__': lambda s: 1 / 0})()",
    "no exception": "raise type('E', (BaseException,), {})('x')",
    "the end": "raise SystemExit(0)",
    "an interrupt of its own": "raise GeneratorExit",
    "a name of escapes": f"raise type({ESCAPE!r}, (Exception,), {{}})('x')",
    "a deep recursion": "(lambda f: f(f))(lambda f: f(f))",
    "a long chain": "raise ExceptionGroup('x' * 5_000_000, [ValueError('y' * 5_000_000)] * 50)",
    "notes": "e = ValueError('x'); [e.add_note('z' * 5_000_000) for _ in range(3)]; raise e",
}
"""What code may raise."""


def _lambda(text: str) -> str:
    return f"exec({text!r}, {{'__name__': 'mine'}})"


def sources() -> Iterator[Case]:
    """Give cases of files to check that are none, or whose code raises what nobody expects."""
    for kind in BAD_FILES:
        yield Case(f"a file to check is {kind}", partial(_file, kind))
    for what, code in RAISED.items():
        for where in ("top", "loss", "gradient"):
            yield Case(f"the {where} raises {what}", partial(_raising, code, where))
    for name in (ESCAPE, "a\nb", "\udcff", "ü", "x" * 200):
        yield Case(f"there is no file {name!r:.20}", partial(_named, name))
        yield Case(f"there is no function {name!r:.20}", partial(_function, name))
    for option in ("--dtype", "--seed", "--points", "--time-limit", "--learning-rate", "--nothing"):
        for value in (ESCAPE, "\udcff", "9" * 5_000, "nan", "1e999", "-1", ""):
            refused = option == "--nothing"
            yield Case(f"{option} is {value!r:.20}", partial(_option, option, value), refused=refused)


def _file(kind: str, folder: Path) -> list[str]:
    put(folder / "mine.py", kind)
    return ["check", str(folder / "mine.py"), "--points", "0"]


def _raising(code: str, where: str, folder: Path) -> list[str]:
    inside = f"    {_lambda(code)}\n"
    source = {
        "top": f"{code}\n",
        "loss": RIGHT.replace("batch):\n    return xp", f"batch):\n{inside}    return xp"),
        "gradient": RIGHT.replace('batch):\n    return {"w"', f'batch):\n{inside}    return {{"w"'),
    }[where]
    return _checked(folder, source)


def _named(name: str, folder: Path) -> list[str]:
    return ["check", f"{folder / name}.py"]


def _function(name: str, folder: Path) -> list[str]:
    arguments = _checked(folder, RIGHT)
    return ["check", f"{arguments[1]}::{name}"]


def _option(option: str, value: str, folder: Path) -> list[str]:
    return [*_checked(folder, RIGHT), f"{option}={value}"]


def points() -> Iterator[Case]:
    """Give all cases of points and files."""
    for part in (descriptions, arrays, archives, bombs, sources, claims):
        yield from part()


# -------------------------------------------------------------------- tables of claims and of provenance

CLAIM: Mapping[str, Any] = {
    "name": '"sum"',
    "text": '"a sum"',
    "place": '"page 1"',
    "states": '{ rate = "0.1" }',
    "confirmed": '"{rate:6} it is"',
}
BAD_TOML = (
    *("", "1", "true", "[]", "{}", '["a"]', "1979-05-27", "nan", "[[1]]", '"{"', '"{}"', '"{0}"'),
    *('"{a.__class__}"', '"{a[0]}"', '"{a:999999999}"', '"{a:{b}}"', '"{a!x}"', "9" * 5_000),
)
"""What may stand for a value in TOML."""

AUDITED = """
from pathlib import Path
import gradproof as gp
from gradproof.scenarios.claims_files import Checks, Facts
from gradproof.scenarios.scenario import read_provenance
import numpy as np

check = Checks()
FILE = Path(__file__).with_name("claims.toml")


@check("sum")
def is_sum(scenario, states):
    return Facts(True, rate=1.0)


SCENARIO = gp.Scenario(
    name="mine",
    loss=lambda xp, params, batch: xp.sum(params["w"] ** 2),
    params={"w": np.ones(2)},
    batch={},
    claims=check.claims(FILE),
    provenance=read_provenance(FILE),
)
"""


def _toml(folder: Path, text: str | None, kind: str = "") -> list[str]:
    (folder / "audited.py").write_text(AUDITED, encoding="utf-8")
    if text is None:
        put(folder / "claims.toml", kind)
    else:
        (folder / "claims.toml").write_text(text, encoding="utf-8")
    return ["audit", str(folder / "audited.py")]


def _claim(changed: Mapping[str, str]) -> str:
    lines = [f"{key} = {value}" for key, value in {**CLAIM, **changed}.items() if value]
    provenance = '[[provenance]]\nvalue = "v"\nkind = "given"\nreason = "r"\n'
    return "\n".join(["[[claim]]", *lines, provenance])


def claims() -> Iterator[Case]:
    """Give a case for each entry of a claim and each value, and for each kind of bad file."""
    for kind in BAD_FILES:
        yield Case(f"claims.toml is {kind}", partial(_toml, text=None, kind=kind))
    for key in CLAIM:
        for value in BAD_TOML:
            text = _claim({key: value})
            harmless = key in {"name", "text", "place"} and value.startswith('"')
            refused = not harmless and (key, value) not in {
                ("states", "{}"),
                ("states", ""),
                ("confirmed", ""),
            }
            yield Case(f"{key} of a claim is {value:.20}", partial(_toml, text=text), refused=refused)
    for text in ("claim = 1", "[claim]", "[[other]]", "a = " + "[" * 10_000, "[[provenance]]", "[[claim]]"):
        yield Case(f"claims.toml says {text:.20}", partial(_toml, text=text))
