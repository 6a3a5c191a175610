#!/usr/bin/env bash
# robotframework 7.5: the console shows the name of a test and its status on one line, unless the test calls
# `Log To Console`: then the status stands on a line of its own, without a name. Who reads names and results
# from the console counts such tests wrong; output.xml has both.
# Seen: "| PASS |" at the end of the line "Quiet …", and alone on a line for "Talking".
# Needs Python 3 with pip. Exit 0: as stated. Exit 1: it behaves otherwise now.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --target packages robotframework==7.5
cat > two.robot <<'ROBOT'
*** Test Cases ***
Quiet
    Log    nothing on the console
Talking
    Log To Console    three invoices
ROBOT
PYTHONPATH=packages python3 -m robot --output NONE --log NONE --report NONE two.robot > said.txt
cat said.txt
grep -Eq '^Quiet .*\| PASS \|' said.txt
grep -Eq '^Talking .*three invoices|^Talking' said.txt
grep -Eq '^\| PASS \|' said.txt
! grep -Eq '^Talking .*\| PASS \|' said.txt
