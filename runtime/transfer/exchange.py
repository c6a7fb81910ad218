"""Exchange two paths at once. mv(1) can do so since coreutils 9.5."""

import ctypes
import os
import sys

AT_FDCWD, RENAME_EXCHANGE = -100, 2
one, two = (os.fsencode(word) for word in sys.argv[1:3])
sys.exit(ctypes.CDLL(None).renameat2(AT_FDCWD, one, AT_FDCWD, two, RENAME_EXCHANGE) != 0)
