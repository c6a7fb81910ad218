#!/bin/sh
# Usage: survey FOLDER NAME
# Prints a line: "nothing", "file" or "folder". Then records that end in NUL, because names can have
# any other byte: for the file, or for everything in the folder, its type, mode, size and path, and
# in a second record the target of a link. An empty record ends these. Then the SHA-256 sums of the
# files.
cd -- "$1" 2>/dev/null || { echo nothing; exit; }
at=./$2
if [ -d "$at" ] && [ ! -L "$at" ]; then echo folder; cd -- "$at" && at=. || exit
elif [ -e "$at" ] || [ -L "$at" ]; then echo file
else echo nothing; exit
fi
find "$at" -printf '%y %m %s %P\0%l\0' && printf '\0' && find "$at" -type f -exec sha256sum -z -- {} +
