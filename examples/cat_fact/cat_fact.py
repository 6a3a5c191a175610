"""Asks a JSON endpoint for a fact about cats and prints it."""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request

SECONDS_TO_WAIT = 10


def report(**event):
    """Tells Baton what happens; does nothing when the script runs by itself."""
    events = os.environ.get("BATON_EVENTS")
    if events:
        with open(events, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")


def get_cat_fact(url):
    """The endpoint's fact. Raises when the endpoint does not answer as it should."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS_TO_WAIT) as response:
            status, body = response.status, response.read()
    except urllib.error.HTTPError as refusal:
        status, body = refusal.code, b""
    except OSError as unreachable:
        raise RuntimeError(f"Failed to fetch cat fact: {unreachable}") from unreachable
    if status != 200:
        raise RuntimeError(f"Failed to fetch cat fact: the endpoint answered {status}")
    return json.loads(body).get("fact", "No fact found")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", default="https://catfact.ninja/fact")
    url = arguments.parse_args().url
    report(type="task", key="get_cat_fact", state="running")
    try:
        fact = get_cat_fact(url)
    except RuntimeError as failure:
        report(type="task", key="get_cat_fact", state="failed", error=str(failure))
        sys.exit(str(failure))
    report(type="task", key="get_cat_fact", state="completed")
    report(type="output", name="fact", value=fact)
    print(f"Cat Fact: {fact}")


if __name__ == "__main__":
    main()
