#!/usr/bin/env bash
. "$(dirname "$0")/../lib.sh"
echo "robotframework==7.5" > requirements.txt
cat > invoices.robot <<'R'
*** Test Cases ***
Reads the invoices
    Log To Console    three invoices
Checks the sum
    Fail    invoice 17 has no date
Books them
    Log    booked
R
printf '*** Test Cases ***\nWorks\n    Log    yes\n' > passing.robot
printf '*** Keywords ***\nNothing\n    No Operation\n' > nothing.robot
field() { "$B" runs show "$1" --json | python3 -c "import json,sys
r=json.load(sys.stdin); e=r['run']['error'] or {}; print({'state': r['run']['state'], 'code': r['attempts'][0]['exit_code'], 'message': e.get('message')}['$2'])"; }
for suite in invoices passing nothing; do
  "$B" deploy $suite.robot >deployed.txt 2>&1 || { cat deployed.txt; wrong "$suite.robot cannot be deployed"; }
  "$B" run $suite --watch >$suite.txt 2>&1
done
for suite in invoices passing; do
  files=$("$B" artifacts ls "$(last $suite)")
  for file in output.xml log.html report.html; do
    echo "$files" | grep -q "$file" || { cat $suite.txt; wrong "$suite left no $file: $files"; }
  done
done
r=$(last invoices); said=$(field "$r" message); echo "$said"
[ "$(field "$r" state) $(field "$r" code)" = "failed 1" ] || wrong "a suite with a failed test is $(field "$r" state)"
[[ $said == *"1 task failed"* && $said == *"Checks the sum: invoice 17 has no date"* ]] || wrong "its error does not say which test failed and why"
[ "$(field "$(last passing)" state)" = completed ] || wrong "a suite that passes is $(field "$(last passing)" state)"
r=$(last nothing); said=$(field "$r" message); echo "$said"
[[ $(field "$r" code) == 252 && $said == *"no task to run"* ]] || wrong "a suite without tests: $said"
right "each suite ended as Robot Framework says, with its files"
