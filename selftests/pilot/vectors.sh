#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The shared vectors, through static keys.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

add_ns "$n1"
add_device "$n1" 7777 || exit 1
on "$n1" python3 "$py/vectors.py" "$vectors"
finished=1
