#!/usr/bin/python3
"""Passes on the lines of the logs in a folder to stderr, each as "RS category/name-version TAB line", until SIGTERM.

emerge writes a log per package, and nothing else says how far a package is. A line with RS alone comes once a second, so that the
host can show the time of a package that says nothing.
"""

import os
import signal
import sys
import time

# The most bytes of a line: a pipe keeps so many together, also beside lines of other programs.
LONGEST = 2000

ended = False


def end(*_):
    global ended
    ended = True


class Log:
    """One log: the package of its name, CATEGORY:NAME-VERSION:TIME.log, and the bytes without a line's end."""

    def __init__(self, path):
        category, _, rest = os.path.basename(path).partition(":")
        self.package = f"{category}/{rest.partition(':')[0]}".encode()
        self.file = open(path, "rb")
        self.rest = b""

    def follow(self, out):
        while more := self.file.read(1 << 16):
            *lines, self.rest = (self.rest + more).split(b"\n")
            for line in lines:
                out.write(b"\x1e" + self.package + b"\t" + line[:LONGEST] + b"\n")
            # A line without an end, such as the dots of a test, must not grow.
            self.rest = self.rest[:LONGEST]


def main(folder):
    signal.signal(signal.SIGTERM, end)
    out = open(2, "wb", buffering=0, closefd=False)
    # Logs of earlier calls in this container are done.
    logs = {name: None for name in os.listdir(folder)}
    beat = 0
    while True:
        last = ended
        for name in sorted(os.listdir(folder)):
            if name.endswith(".log") and ":" in name and name not in logs:
                logs[name] = Log(os.path.join(folder, name))
        for log in filter(None, logs.values()):
            log.follow(out)
        if last:
            return
        beat += 1
        if beat % 4 == 0:
            out.write(b"\x1e\n")
        time.sleep(0.25)


if __name__ == "__main__":
    main(sys.argv[1])
