#!/usr/bin/env bash
# Guess: the same texts, written by XlsxWriter and read by openpyxl, are the same whether `constant_memory` is set or not.
# Fact: with XlsxWriter 3.3.1 and openpyxl 3.1.5 the text _x0041_ comes back as _x005F_x0041_ with `constant_memory`, and as
#   itself without. `constant_memory` writes inline strings; openpyxl takes `_x005F_` back in shared strings only.
# Source: ECMA-376 part 1, 22.9.2.19, ST_Xstring: `_xHHHH_` is the character, in both kinds of strings;
#   openpyxl/reader/strings.py replaces "x005F_", openpyxl/worksheet/_reader.py, parse_inline_string, does not; seen by running.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check xlsxwriter==3.3.1 openpyxl==3.1.5
env/bin/pip freeze 2> /dev/null | grep -i -E "^(xlsxwriter|openpyxl)="
cat > both.py <<'PY'
import openpyxl
import xlsxwriter

for constant in (False, True):
    with xlsxwriter.Workbook("parts.xlsx", {"constant_memory": constant}) as book:
        sheet = book.add_worksheet()
        for row, text in enumerate(("part", "_x0041_", "A_x41_B")):
            sheet.write_string(row, 0, text)
    cells = [row[0] for row in openpyxl.load_workbook("parts.xlsx").active.values]
    print("constant_memory" if constant else "shared strings", *cells)
PY
result=$(env/bin/python both.py)
echo "$result"
[ "$result" = "shared strings part _x0041_ A_x41_B
constant_memory part _x005F_x0041_ A_x41_B" ] || { echo "the behaviour has changed" >&2; exit 1; }
