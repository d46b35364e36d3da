"""Backends that misbehave, each in one way; `KINDS` tells what is to be said of it.

The text is written into a module of its own, which a verification's processes import by entry points.
"""

from pathlib import Path

MODULE = """
import ctypes, os, random, signal, sys, time, warnings
from dataclasses import replace
import numpy as np
from gradproof.backends.reference_backend import ReferenceBackend


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no message")


class Odd(BaseException):
    pass


def do_print_much():
    for _ in range(200):
        os.write(1, b"x" * 2**16 + b"\\n")
    os.abort()


def do_allocate():
    kept = []
    while True:
        kept.append(np.ones(2**24))


def do_changed(array):
    ctypes.memset(array.ctypes.data, 1, array.nbytes)  # as a framework's array that shares the memory


def do_patched():
    right = np.sum
    np.sum = lambda *args, **kwargs: right(*args, **kwargs) * 1.0


def do_hang():
    while True:
        time.sleep(0.05)


def make(kind, text, method):
    class Bad(ReferenceBackend):
        name = f"bad_{kind}"

    def act(self, *args, **options):
        scenario = args[0] if args else None
        answer = getattr(super(Bad, self), method)(*args, **options)
        names = {**globals(), "run": answer, "scenario": scenario}
        exec(text, names)
        return names["run"]

    setattr(Bad, method, act)
    return Bad

"""

CRASHED, TIMED_OUT, OUT_OF_MEMORY, FAILED = "crashed", "timed out", "out of memory", "failed"

KINDS = {
    # name: (what it does, in which method, what becomes of the row, a part of the reason)
    "segfault": ("ctypes.string_at(0)", "run", CRASHED, "SIGSEGV"),
    "abort": ("print('last words', flush=True); os.abort()", "run", CRASHED, "SIGABRT"),
    "last_words": ("print('last words', flush=True); os.abort()", "run", CRASHED, "last words"),
    "exit": ("os._exit(0)", "run", CRASHED, "exit status 0"),
    "exit_status": ("os._exit(3)", "run", CRASHED, "exit status 3"),
    "kill": ("os.kill(os.getpid(), signal.SIGKILL)", "run", CRASHED, "SIGKILL"),
    "terminate": ("signal.signal(signal.SIGTERM, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGTERM)",
                  "run", CRASHED, "SIGTERM"),
    "much_output": ("do_print_much()", "run", CRASHED, "SIGABRT"),
    "hang": ("do_hang()", "run", TIMED_OUT, "the time limit"),
    "hang_ignoring": (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); do_hang()", "run", TIMED_OUT, "the time limit",
    ),
    "memory": ("do_allocate()", "run", OUT_OF_MEMORY, "MemoryError"),
    "one_large_array": ("np.ones(2**36)", "run", OUT_OF_MEMORY, "allocate"),
    "system_exit": ("sys.exit(0)", "run", FAILED, "SystemExit"),
    "generator_exit": ("raise GeneratorExit", "run", FAILED, "GeneratorExit"),
    "interrupt": ("raise KeyboardInterrupt", "run", FAILED, "KeyboardInterrupt"),
    "base_exception": ("raise Odd('mine')", "run", FAILED, "Odd: mine"),
    "exception": ("raise ValueError('mine')", "run", FAILED, "ValueError: mine"),
    "input_error": (
        "import gradproof; raise gradproof.InputError('My input is bad. Mend it.')",
        "run", FAILED, "My input is bad",
    ),
    "unspeakable": ("raise Unspeakable()", "run", FAILED, "Unspeakable, whose message raises RuntimeError"),
    "long_message": ("raise ValueError('x' * 5_000_000)", "run", FAILED, "5,000,000 characters"),
    "constructor": ("raise ValueError('mine')", "__init__", FAILED, "ValueError: mine"),
    "constructor_exit": ("os._exit(0)", "__init__", FAILED, "exit status 0"),
    "constructor_hang": ("do_hang()", "__init__", FAILED, "the time limit"),
    "versions_raise": ("raise ValueError('mine')", "versions", FAILED, "ValueError: mine"),
    "versions_of_objects": ("run = {'mine': object()}", "versions", FAILED, "texts"),
    "versions_none": ("run = None", "versions", FAILED, "texts"),
    "errors_raised": ("np.seterr(all='raise')", "run", FAILED, "NumPy's error state"),
    "recursion": ("sys.setrecursionlimit(200_000)", "run", FAILED, "the recursion limit from"),
    "folder": ("os.chdir('/')", "run", FAILED, "the working directory"),
    "variable": ("os.environ['OMP_THREADS'] = '7'", "run", FAILED, "environment variables (OMP_THREADS)"),
    "filters": ("warnings.simplefilter('error')", "run", FAILED, "the filters of warnings"),
    "seed": ("np.random.seed(1)", "run", FAILED, "the state of NumPy's random numbers"),
    "python_seed": ("random.seed(1)", "run", FAILED, "the state of Python's random numbers"),
    "patch": ("do_patched()", "run", FAILED, "functions of numpy (sum)"),
    "batch_in_place": ("do_changed(scenario.flat_batch['x'])", "run", FAILED, "batch array 'x'"),
    "weights_in_place": ("do_changed(scenario.flat_params['w'])", "run", FAILED, "parameter 'w'"),
    "batch_replaced": (
        "scenario.flat_batch['x'] = scenario.flat_batch['x'] * 2", "run", FAILED, "batch array 'x'",
    ),
    "nothing": ("run = None", "run", FAILED, ""),
    "final_loss": ("run = replace(run, final_loss='small')", "run", FAILED, "final_loss"),
    "final_loss_nan": ("run = replace(run, final_loss=float('nan'))", "run", FAILED, "final_loss"),
    "timing": ("run = replace(run, timing=None)", "run", FAILED, "timing"),
    "timing_negative": (
        "run = replace(run, timing=replace(run.timing, training=-1.0))", "run", FAILED, "timing",
    ),
    "predictions": ("run = replace(run, predictions=['mine'])", "run", FAILED, "predictions"),
    "planned": ("run = replace(run, planned_steps=1000)", "run", FAILED, "planned_steps"),
    "stopped": ("run = replace(run, stopped='yes')", "run", FAILED, "stopped"),
    "losses_nan": ("run = replace(run, losses=run.losses * float('nan'))", "run", FAILED, "losses"),
    "losses_object": ("run = replace(run, losses=list(run.losses))", "run", FAILED, "losses as list"),
    "fewer_steps": (
        """run = replace(run, losses=run.losses[:1], stopped=True,
        gradients={n: g[:1] for n, g in run.gradients.items()},
        weights={n: w[:2] for n, w in run.weights.items()})""",
        "run", FAILED, "1 steps",
    ),
    "other_dtype": ("run = replace(run, dtype='float16')", "run", FAILED, "asked to run"),
}  # fmt: skip
"""Ways to misbehave."""


def install(folder: Path, kinds: dict[str, tuple[str, str, str, str]]) -> list[str]:
    """Write the module and its entry points into a folder that is, or will be, on `sys.path`."""
    lines = [f"{name} = make({name!r}, {text!r}, {method!r})" for name, (text, method, _, _) in kinds.items()]
    (folder / "bad_backends_of_a_test.py").write_text(MODULE + "\n".join(lines) + "\n", encoding="utf-8")
    record = folder / "bad_backends_of_a_test-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-backends-of-a-test\nVersion: 1.0\n")
    points = "\n".join(f"bad_{name} = bad_backends_of_a_test:{name}" for name in kinds)
    (record / "entry_points.txt").write_text(f"[gradproof.backends]\n{points}\n", encoding="utf-8")
    return [f"bad_{name}" for name in kinds]
