"""Large bodies come and go without a page fault for each of their pages."""

import platform
import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource
from appliance.gateway.memory import keep_freed_buffers

assert keep_freed_buffers()
bytearray(600_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    bytearray(600_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of the GNU C library")
def test_freed_buffers_are_reused_and_not_zeroed_page_by_page() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT_FAULTS], capture_output=True, text=True, check=True)
    pages = 100 * 600_000 // 4096
    assert int(done.stdout) < pages / 10
