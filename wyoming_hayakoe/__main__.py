"""``python -m wyoming_hayakoe``."""

import sys

from wyoming_hayakoe.cli import main

sys.exit(main())
