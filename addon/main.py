"""What mitmproxy loads: ``mitmdump -s addon/main.py``. Nothing but the way in.

mitmproxy runs this file as a script of its own, with this folder on the module
path. The package must be found by its name instead, whether it is installed or
only cloned, and must not be shadowed by what lies in this folder.
"""

import sys
from pathlib import Path

_here = Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != _here]
if str(_here.parent) not in sys.path:
    sys.path.insert(0, str(_here.parent))

from addon.proxy.addon import QwenProxy  # noqa: E402  # the path comes first
from addon.proxy.commands import QwenCommands  # noqa: E402
from addon.proxy.views.installing import QwenViews  # noqa: E402

_proxy = QwenProxy()
addons = [_proxy, QwenCommands(_proxy), QwenViews(_proxy)]
