#!/usr/bin/env bash
# Guess: a cell with two lines, written with a carriage return and a line feed, is read back as those
#   two lines.
# Fact: openpyxl 3.1.5 gives "Street 7_x000D_\nCity". A workbook holds a character that XML does not
#   keep as _xHHHH_; XlsxWriter writes it so, and openpyxl does not decode it. python-calamine does.
#   The other way round openpyxl writes the text part_x0041_7 without an escape, and python-calamine
#   reads partA7.
# Source: ISO/IEC 29500-1, section 22.9.2.19 (ST_Xstring: _xHHHH_ is an escape).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    openpyxl==3.1.5 XlsxWriter==3.3.1 python-calamine==0.9.1
cd "$folder"
env/bin/python - <<'PY'
import importlib.metadata
import sys

import openpyxl
import python_calamine
import xlsxwriter

for name in ("openpyxl", "xlsxwriter", "python-calamine"):
    print(name, importlib.metadata.version(name))


def read(path):
    sheet = openpyxl.load_workbook(path).active
    rows = python_calamine.load_workbook(path).get_sheet_by_index(0).to_python()
    result = {
        "openpyxl": [cell.value for (cell,) in sheet.iter_rows()],
        "calamine": [value for (value,) in rows],
    }
    print(path, result)
    return result


TEXTS = ["Street 7\r\nCity", "part_x0041_7"]
with xlsxwriter.Workbook("xlsxwriter.xlsx") as workbook:
    workbook.add_worksheet().write_column(0, 0, TEXTS)
book = openpyxl.Workbook()
book.active.append(TEXTS[1:])
book.save("openpyxl.xlsx")
surprise = read("xlsxwriter.xlsx") == {
    "openpyxl": ["Street 7_x000D_\nCity", "part_x0041_7"],
    "calamine": TEXTS,
} and read("openpyxl.xlsx") == {"openpyxl": TEXTS[1:], "calamine": ["partA7"]}
sys.exit(None if surprise else "the behaviour has changed")
PY
