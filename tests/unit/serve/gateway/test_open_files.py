import subprocess
import sys

import pytest

TRY = """
import resource
from evloom.serve.gateway.open_files import allow
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 4096))
print(allow(1000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
print(allow(10_000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_process_asks_for_the_files_that_it_needs_and_says_what_it_got():
    said = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, check=True).stdout.split()
    assert said == ["1000", "1500", "3596", "4096"]
