#!/bin/sh
# Usage: sums FOLDER
# Prints the SHA-256 sums of files in the folder, whose names it reads from stdin. Names and lines
# end in NUL.
cd -- "$1" && xargs -0r sha256sum -z --
