"""The machine that a benchmark runs on, printed before its figures. Needs psutil."""

import os
import platform
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from eval.console import stdout

_DISTRIBUTIONS = ("onnxruntime", "faiss-cpu", "tantivy", "torch", "sentence-transformers")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine and its libraries.

    :param cores: how many this process may use; every side of a comparison gets all of them
    :param load: average number of processes that wanted a core during the last minute; other work
        spoils the figures
    """

    cpu: str
    cores: int
    memory_gb: float
    load: float
    python: str
    libraries: dict[str, str]


def this_machine(cores: int) -> Machine:
    """Describe the machine that this process runs on."""
    return Machine(
        cpu=_cpu(),
        cores=cores,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        load=round(os.getloadavg()[0], 1),
        python=f"{platform.python_version()} on {platform.system()} {platform.release()}",
        libraries={name: version(name) for name in _DISTRIBUTIONS},
    )


def print_machine(machine: Machine) -> None:
    """Print the machine in two lines."""
    stdout.print(
        f"{machine.cpu}, {machine.cores} cores used, {machine.memory_gb} GB, load "
        f"{machine.load} before the run"
    )
    libraries = ", ".join(f"{name} {number}" for name, number in machine.libraries.items())
    stdout.print(f"Python {machine.python}; {libraries}\n", soft_wrap=True)


def _cpu() -> str:
    """The name of the processor."""
    # The platform module knows the model on no Linux; there it stands in a file.
    described = Path("/proc/cpuinfo")
    text = described.read_text() if described.is_file() else ""
    names = re.findall(r"^model name\s*:\s*(.+)$", text, re.M)
    return names[0] if names else platform.processor() or platform.machine()
