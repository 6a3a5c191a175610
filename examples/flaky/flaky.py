"""Fails the first attempts of a run, then succeeds."""

import argparse
import os
import sys


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--failures", type=int, default=2)
    failures = arguments.parse_args().failures
    attempt = int(os.environ.get("BATON_ATTEMPT", "1"))
    if attempt <= failures:
        sys.exit(f"attempt {attempt} fails, as {failures} shall")
    print(f"attempt {attempt} succeeds")


if __name__ == "__main__":
    main()
