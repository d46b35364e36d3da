"""Backends that misbehave, each in one way; `KINDS` tells what is to be said of it.

The text is written into a module of its own, which a verification's processes import by entry points.
"""

import platform
from pathlib import Path

import numpy as np

import gradproof as gp

MODULE = """
import asyncio, builtins, ctypes, decimal, os, random, signal, subprocess, sys, threading, time, warnings
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


def do_sum(values, start=0):
    for value in values:
        start = start + value
    return start


def do_flush():
    environment = ctypes.create_string_buffer(32)  # fenv_t of x86-64, whose last four bytes are MXCSR
    ctypes.CDLL(None).fegetenv(environment)
    flags = int.from_bytes(environment[28:32], "little") | 0x8040  # flush to zero, subnormals are zero
    environment[28:32] = flags.to_bytes(4, "little")
    ctypes.CDLL(None).fesetenv(environment)


def do_threads():
    import threadpoolctl
    threadpoolctl.threadpool_limits(3 - min(2, threadpoolctl.threadpool_info()[0]["num_threads"]))


def do_recurse(): do_recurse()


def do_fill_the_stack():
    sys.setrecursionlimit(10**8)
    deep = []
    for _ in range(10**6):
        deep = [deep]
    repr(deep)


def do_leave_a_child():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3)"])


def do_leave_a_thread():
    threading.Thread(target=time.sleep, args=(3,), daemon=True).start()


def do_remove_folder():
    folder = f"gone-{os.getpid()}"
    os.mkdir(folder)
    os.chdir(folder)
    os.rmdir(os.getcwd())


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
    "filters": ("warnings.filterwarnings('ignore', 'mine')", "run", FAILED, "the filters of warnings"),
    "seed": ("np.random.seed(1)", "run", FAILED, "the state of NumPy's random numbers"),
    "python_seed": ("random.seed(1)", "run", FAILED, "the state of Python's random numbers"),
    "patch": ("do_patched()", "run", FAILED, "functions of numpy (sum)"),
    "flushed": ("do_flush()", "run", FAILED, "numbers are rounded"),
    "rounded_up": ("ctypes.CDLL(None).fesetround(0x800)", "run", FAILED, "numbers are rounded"),
    "folder_removed": (
        "do_remove_folder()", "run", FAILED, "the working directory (FileNotFoundError",
    ),
    "builtin": ("builtins.sum = do_sum", "run", FAILED, "functions of builtins (sum)"),
    "path": ("sys.path.insert(0, '/nowhere')", "run", FAILED, "sys.path"),
    "signal": ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "run", FAILED, "a signal (SIGTERM)"),
    "decimals": ("decimal.getcontext().prec = 2", "run", FAILED, "decimal numbers (prec) from 28 to 2"),
    "printing": (
        "np.set_printoptions(precision=1)", "run", FAILED, "how NumPy prints (precision) from 8 to 1",
    ),
    "threads": ("do_threads()", "run", FAILED, "the number of threads"),
    "descriptors": ("os.closerange(3, 4096)", "run", CRASHED, "exit status 1"),
    "c_exit": ("ctypes.CDLL(None).exit(0)", "run", CRASHED, "exit status 0"),
    "fork": ("os.fork()", "run", "run", ""),
    "recursed": ("do_recurse()", "run", FAILED, "RecursionError"),
    "stack": ("do_fill_the_stack()", "run", CRASHED, "SIGSEGV"),
    "stopped_itself": ("os.kill(os.getpid(), signal.SIGSTOP)", "run", TIMED_OUT, "the time limit"),
    "no_output": (
        "os.close(1); os.close(2); raise ValueError('mine')", "run", FAILED, "ValueError: mine",
    ),
    "streams": (
        "sys.stdout = sys.stderr = None; raise ValueError('mine')", "run", FAILED, "ValueError: mine",
    ),
    "children": ("do_leave_a_child(); os.abort()", "run", CRASHED, "SIGABRT"),
    "thread": ("do_leave_a_thread(); raise ValueError('mine')", "run", FAILED, "ValueError: mine"),
    "stop_iteration": ("raise StopIteration", "run", FAILED, "StopIteration"),
    "cancelled": ("raise asyncio.CancelledError", "run", FAILED, "CancelledError"),
    "surrogates": ("raise ValueError('\\udc80 mine')", "run", FAILED, "mine"),
    "escapes": ("raise ValueError('\\x1b[2J mine')", "run", FAILED, "mine"),
    "another_run": ("run = replace(run, weights={})", "run", FAILED, ""),
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


CHANGING = (
    *("errors_raised", "recursion", "folder", "folder_removed", "variable", "filters", "seed", "python_seed"),
    *("patch", "builtin", "path", "signal", "decimals", "printing", "threads", "flushed", "rounded_up"),
    *("batch_in_place", "weights_in_place", "batch_replaced"),
)
"""Those that leave something changed which other runs depend on."""

if platform.machine() != "x86_64":  # they set its registers
    del KINDS["flushed"], KINDS["rounded_up"]
    CHANGING = tuple(name for name in CHANGING if name in KINDS)


def loss(xp, params, batch):
    return xp.mean((xp.tanh(batch["x"] @ params["w"]) - batch["y"]) ** 2)


def scenario(name="mine", steps=3):
    random = np.random.default_rng(0)

    def gradient(params, batch):
        output = np.tanh(batch["x"] @ params["w"])
        return {"w": batch["x"].T @ (2 * (output - batch["y"]) / output.size * (1 - output**2))}

    return gp.Scenario(
        name=name,
        loss=loss,
        gradient=gradient,
        params={"w": random.normal(size=(3, 2))},
        batch={"x": random.normal(size=(4, 3)), "y": random.normal(size=(4, 2))},
        training=gp.GradientDescent(0.1, steps),
    )


def install(folder: Path, kinds: dict[str, tuple[str, str, str, str]]) -> list[str]:
    """Write the module and its entry points into a folder that is, or will be, on `sys.path`."""
    lines = [
        f"bad_{name} = make({name!r}, {text!r}, {method!r})" for name, (text, method, _, _) in kinds.items()
    ]
    (folder / "bad_backends_of_a_test.py").write_text(MODULE + "\n".join(lines) + "\n", encoding="utf-8")
    record = folder / "bad_backends_of_a_test-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-backends-of-a-test\nVersion: 1.0\n")
    points = "\n".join(f"bad_{name} = bad_backends_of_a_test:bad_{name}" for name in kinds)
    (record / "entry_points.txt").write_text(f"[gradproof.backends]\n{points}\n", encoding="utf-8")
    return [f"bad_{name}" for name in kinds]
