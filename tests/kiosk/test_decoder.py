"""Readers of JSON: any number of threads may use a type for the first time at once."""

import ast
import subprocess
import sys
from pathlib import Path

import kiosk

FIRST_USE = """
import sys, threading
from typing import Annotated
import msgspec
from kiosk.decoder import decoder_of

sys.setswitchinterval(1e-6)
Word = Annotated[str, msgspec.Meta(min_length=1, pattern="^[a-z]+$")]
names = [f"f{i}" for i in range(30)]
data = msgspec.json.encode({one: "abc" for one in names})
for number in range(500):
    kind = msgspec.defstruct(f"Kind{number}", [(one, Word) for one in names])
    barrier = threading.Barrier(4)

    def use():
        barrier.wait()
        decoder_of(kind).decode(data)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
"""


def test_threads_may_use_a_type_for_the_first_time_at_once() -> None:
    """With msgspec alone, the process ends with a segmentation fault."""
    subprocess.run([sys.executable, "-c", FIRST_USE], check=True, timeout=120)


def test_no_thread_has_msgspec_examine_a_type() -> None:
    """The kiosk's and the register's modules read JSON by `decoder_of`, and by nothing else."""
    found = []
    for path in Path(kiosk.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "msgspec.json.decode":
                found += [f"{path}:{node.lineno}" for one in node.keywords if one.arg == "type"]
    assert found == []
