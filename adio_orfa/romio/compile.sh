#!/bin/sh
# SPDX-License-Identifier: MIT
# Compiles one file for build.sh:  compile.sh OBJECT_FOLDER COMPILER SOURCE FLAGS...
# The object's name carries the folder where two sources would else have one name.
set -eu
folder="$1" compiler="$2" source="$3"
shift 3
name="$(basename -- "$source" .c)"
case "$source" in
    */glue/*) name="glue_$name" ;;
esac
exec "$compiler" "$@" -c "$source" -o "$folder/$name.o"
