#!/bin/sh
# Usage: survey FOLDER NAME
# Prints a line: "nothing", "file" or "folder". Then records that end in NUL, because names can have
# any other byte: first a folder that is mounted at the folder or in it, or nothing; then for the
# file, or for everything in the folder, four records: its type, mode, size, user id, group id and
# path; the target of a link; the user; the group. An empty record ends these.
cd -- "$1" 2>/dev/null || { echo nothing; exit; }
at=./$2 mounted=
if [ -d "$at" ] && [ ! -L "$at" ]; then
  echo folder
  cd -- "$at" || exit
  at=. here=$(pwd -P)
  if [ -r /proc/self/mountinfo ]; then
    while read -r _ _ _ _ mount _; do
      case $mount in *\\*) mount=$(printf %b "$mount") ;; esac # a space is \040
      case $mount in "$here" | "$here"/*) mounted=$mount ;; esac
    done </proc/self/mountinfo
  fi
elif [ -e "$at" ] || [ -L "$at" ]; then echo file
else echo nothing; exit
fi
printf '%s\0' "$mounted"
find "$at" -printf '%y %m %s %U %G %P\0%l\0%u\0%g\0' && printf '\0'
