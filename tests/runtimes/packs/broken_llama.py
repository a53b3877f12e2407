"""A runtime pack with a real llama.cpp whose best CPU variants are broken, as compilers have broken them before.

The machine code of a variant's own functions is overwritten in a copy of its library: nothing is simulated, the
processor really meets an invalid instruction, or a product that is never computed.
"""

import ctypes
import platform
import shutil
from pathlib import Path

import llama_cpp

from tests.runtimes.packs.toy_engine import install_toy

IMPORTS = ("jinja2", "markupsafe", "diskcache", "typing_extensions.py")
"""Of llama-cpp-python, besides numpy."""
_X86 = platform.machine() == "x86_64"
CRASH = b"\x0f\x0b" if _X86 else bytes(4)
"""ud2; udf #0."""
DO_NOTHING = b"\xc3" if _X86 else 0xD65F03C0.to_bytes(4, "little")
"""ret."""
PRODUCT = "ggml_compute_forward_mul_mat"


def install_broken_llama(folder: Path, broken: dict[str, tuple[str, bytes]]) -> Path:
    """Make `folder` a runtime pack; `broken` is the new variant -> (the variant it is a copy of, what PRODUCT does).

    The first of them scores highest, and all score higher than any that is whole.
    """
    install_toy(folder, engine="llamacpp", adapter="runtimes.adapters.llamacpp:LlamaCpp", also=IMPORTS)
    (site_packages,) = folder.glob("lib/python3*/site-packages")
    package = site_packages / "llama_cpp"
    shutil.copytree(Path(llama_cpp.__file__).parent, package)
    for place, (name, (original, code)) in enumerate(broken.items()):
        library = package / "lib" / f"libggml-cpu-{name}.so"
        shutil.copyfile(library.with_name(f"libggml-cpu-{original}.so"), library)
        _overwrite(library, "ggml_backend_score", _returning(30000 - place))
        _overwrite(library, PRODUCT, code)
    return folder


def _overwrite(library: Path, function: str, code: bytes) -> None:
    place = _place_in_file(library, function)
    with library.open("r+b") as file:
        file.seek(place)
        file.write(code)


def _place_in_file(library: Path, function: str) -> int:
    """By where the library is mapped; a copy of it, since one that is loaded must not be written to."""
    probe = library.with_suffix(".probe")
    shutil.copyfile(library, probe)
    address = ctypes.cast(ctypes.CDLL(str(probe))[function], ctypes.c_void_p).value
    assert address is not None
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, _, offset, _, _, *path = line.split()
        start, end = (int(side, 16) for side in span.split("-"))
        if path[:1] == [str(probe)] and start <= address < end:
            probe.unlink()
            return address - start + int(offset, 16)
    raise AssertionError(f"{function} is not in {library}")


def _returning(number: int) -> bytes:
    """`mov eax, number; ret`, or `mov w0, #number; ret`."""
    if _X86:
        return b"\xb8" + number.to_bytes(4, "little") + DO_NOTHING
    return (0x52800000 | number << 5).to_bytes(4, "little") + DO_NOTHING
