"""``python3 -m hayakoe_addon``: the container's entry point."""

import sys

from hayakoe_addon.start import main

main(sys.argv[1:])
