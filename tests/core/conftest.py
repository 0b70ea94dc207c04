"""What the tests of the core share: the table of samples, which lies one folder up."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
