"""Works for a while, tells how far it is, and ends cleanly when it is cancelled."""

import argparse
import json
import os
import signal
import sys
import threading


def report(**event):
    """Tells Baton what happens; does nothing when the script runs by itself."""
    events = os.environ.get("BATON_EVENTS")
    if events:
        with open(events, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=60)
    seconds = arguments.parse_args().seconds
    cancelled = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: cancelled.set())
    print(f"working for {seconds} s", flush=True)
    report(type="task", key="work", name="Work", state="running")
    for second in range(seconds):
        report(type="progress", percent=100 * second / seconds, message=f"second {second} of {seconds}", task="work")
        if cancelled.wait(1):
            print("cancelled: cleaning up", flush=True)
            report(type="task", key="work", state="cancelled")
            sys.exit(143)
    report(type="task", key="work", state="completed")
    report(type="progress", percent=100, message="done")
    print("done")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    main()
