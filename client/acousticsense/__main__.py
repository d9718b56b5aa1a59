"""``python -m acousticsense``: the command, where its folder is not in PATH."""

import sys

from acousticsense.command.main import main

sys.exit(main())
