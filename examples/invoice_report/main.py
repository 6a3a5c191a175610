"""Checks a month of invoices and writes a report of what is owed."""

import argparse
import csv
import html
import json
import os
import sys
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

INVOICES = Path(__file__).parent / "invoices"


def report(**event):
    """Tells Baton what happens; does nothing when the script runs by itself."""
    events = os.environ.get("BATON_EVENTS")
    if events:
        with open(events, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")


class BadInvoice(Exception):
    """An invoice that a person must look at: trying again would not help."""


@dataclass
class Invoice:
    number: str
    supplier: str
    issued: date
    net: Decimal
    tax: Decimal

    @property
    def gross(self):
        return self.net + self.tax


def read(path):
    """The fields of an invoice file: a JSON object, or a CSV file of one row."""
    with open(path, newline="", encoding="utf-8") as file:
        if path.suffix == ".json":
            return json.load(file)
        return next(csv.DictReader(file))


def check(fields, month):
    """The invoice in these fields, or why it is bad."""
    missing = [name for name in ("number", "supplier", "issued", "net", "tax") if not fields.get(name)]
    if missing:
        raise BadInvoice(f"no {' and no '.join(missing)}")
    try:
        issued = date.fromisoformat(fields["issued"])
        net, tax = Decimal(str(fields["net"])), Decimal(str(fields["tax"]))
    except (ValueError, InvalidOperation):
        raise BadInvoice("the date or an amount cannot be read") from None
    if issued.strftime("%Y-%m") != month:
        raise BadInvoice(f"issued on {issued}, which is not in {month}")
    if net <= 0 or tax < 0:
        raise BadInvoice(f"amounts of {net} and {tax} make no sense")
    if tax > net / 2:
        raise BadInvoice(f"tax of {tax} on {net} is more than half")
    return Invoice(fields["number"], fields["supplier"], issued, net, tax)


def collect(month):
    """The month's invoice files, in order of their names."""
    report(type="task", key="collect", name="Collect invoices", state="running")
    files = sorted(p for p in (INVOICES / month).glob("*") if p.suffix in (".csv", ".json"))
    if not files:
        message = f"there are no invoices of {month}"
        report(type="task", key="collect", state="failed", error={"kind": "business", "message": message})
        report(type="error", kind="business", message=message, task="collect")
        sys.exit(message)
    print(f"{len(files)} invoices of {month}")
    report(type="task", key="collect", state="completed", data={"files": len(files)})
    return files


def validate(files, month):
    """Good invoices and bad ones, each a task of its own."""
    good, bad = [], []
    for position, path in enumerate(files):
        key = path.stem
        report(type="task", key=key, name=f"Check {path.name}", state="running", after=["collect"])
        report(type="progress", percent=90 * position / len(files), message=f"checking {path.name}", task=key)
        try:
            invoice = check(read(path), month)
        except BadInvoice as problem:
            print(f"{path.name}: {problem}", file=sys.stderr)
            report(type="task", key=key, state="failed", error={"kind": "business", "message": str(problem)})
            bad.append((path.name, str(problem)))
        else:
            print(f"{path.name}: {invoice.supplier}, {invoice.gross}")
            report(type="task", key=key, state="completed", data={"gross": str(invoice.gross)})
            good.append(invoice)
    return good, bad


def write(month, good, bad, after):
    """The report, as a page for people and a table for programs."""
    report(type="task", key="write", name="Write the report", state="running", after=after)
    folder = Path(os.environ.get("BATON_ARTIFACTS", "."))
    with open(folder / f"invoices-{month}.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["number", "supplier", "issued", "net", "tax", "gross"])
        for i in good:
            table.writerow([i.number, i.supplier, i.issued, i.net, i.tax, i.gross])
    total = sum((i.gross for i in good), Decimal(0))
    rows = "".join(
        f"<tr><td>{html.escape(i.number)}<td>{html.escape(i.supplier)}<td>{i.issued}<td>{i.gross}" for i in good
    )
    rejected = "".join(f"<li>{html.escape(name)}: {html.escape(why)}" for name, why in bad)
    page = (
        f"<!doctype html><meta charset=utf-8><title>Invoices {month}</title><h1>Invoices {month}</h1>"
        f"<table><tr><th>Number<th>Supplier<th>Issued<th>Gross{rows}</table>"
        f"<p>Total: {total}</p><h2>Rejected</h2><ul>{rejected}</ul>"
    )
    (folder / f"invoices-{month}.html").write_text(page, encoding="utf-8")
    report(type="task", key="write", state="completed")
    report(type="output", name="total", value=str(total))
    report(type="output", name="invoices", value=len(good))
    report(type="output", name="rejected", value=[name for name, _ in bad])
    report(type="progress", percent=100, message="done")
    print(f"total {total}; {len(good)} good, {len(bad)} rejected")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--month", default="2026-10", help="as YYYY-MM")
    month = arguments.parse_args().month
    files = collect(month)
    good, bad = validate(files, month)
    write(month, good, bad, after=[path.stem for path in files])


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    main()
