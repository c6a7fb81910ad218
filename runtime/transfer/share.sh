#!/bin/sh
# Usage: share FOLDER TEMPORARY
# Creates the folder TEMPORARY with hard links to what stays of FOLDER: the files and folders whose
# paths it reads from stdin, each ended by NUL.
to=$1 tmp=$2
mkdir -m 700 -- "$tmp" && tmp=$(cd -- "$tmp" && pwd) && cd -- "$to" && xargs -0r cp -al --parents -t "$tmp" --
