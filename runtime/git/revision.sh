#!/bin/sh
# Usage: revision DIR
#
# A folder inside another repository is not a repository: git must not look above DIR.
cd -P -- "$1" 2>/dev/null || exit 95
here=$(pwd -P)
GIT_CEILING_DIRECTORIES=$(dirname -- "$here") git rev-parse --verify 'HEAD^{commit}'
