"""Reading the arrays of an .npz archive that anybody may have written: in bounded memory, and nothing is run.

NumPy's own reader makes room for what an array's header declares before it looks whether that is there, and
reads what its compressed bytes expand to, however much that is.
"""

import io
import re
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.files import read_bytes

MOST_BYTES = 2**30
"""The most bytes that an archive may have, packed and unpacked."""

_MOST_DIMENSIONS = 32
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what NumPy writes; others expand without a bound
_IS_ENCRYPTED = 0x1
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<>|][a-zA-Z]\d{1,9})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18},? ?)*)\), \} *\n",
    re.DOTALL,
)
_KINDS = "biufU"


def read_archive(path: str | Path, advice: str) -> dict[str, NDArray[Any]]:
    """Read all arrays of an archive, of real numbers, truth values or text.

    Args:
        path: the archive.
        advice: the sentence that tells what to do where it is none.

    Raises:
        InputError: it is no such archive, or too large.
        OSError: there is no such file, or it cannot be read.
    """
    data = read_bytes(path, MOST_BYTES, advice)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if any(each.compress_type not in _METHODS or each.flag_bits & _IS_ENCRYPTED for each in members):
                raise ValueError("a member is packed in a way that NumPy does not write")  # noqa: TRY301
            if sum(each.file_size for each in members) > MOST_BYTES:
                raise ValueError(f"it unpacks to more than {MOST_BYTES:,} bytes")  # noqa: TRY301
            return {each.filename.removesuffix(".npy"): _array(archive.read(each)) for each in members}
    except (ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} holds no point: {error}. {advice}") from error


def _array(data: bytes) -> NDArray[Any]:
    header = _HEADER.match(data)
    if header is None:
        raise ValueError("a member is no array of numbers")
    dtype = _dtype(header[1].decode())
    shape = tuple(int(length) for length in re.findall(rb"\d+", header[3]))
    if len(shape) > _MOST_DIMENSIONS or prod(shape) * dtype.itemsize != len(data) - header.end():
        raise ValueError("an array does not have the bytes that it declares")
    values = np.frombuffer(data, dtype=dtype, offset=header.end())
    array = values.reshape(shape, order="F" if header[2] == b"True" else "C").copy()
    return array.view(np.uint8) != 0 if dtype.kind == "b" else array


def _dtype(text: str) -> np.dtype[Any]:
    try:
        dtype = np.dtype(text)
    except TypeError as error:
        raise ValueError(f"there is no dtype called {text!r}") from error
    if dtype.kind not in _KINDS or not dtype.itemsize:
        raise ValueError(f"an array is of dtype {dtype}, which is no real number")
    return dtype
