"""The suite as a process of its own, as `devspaces dev` runs it."""

import os
import queue
import re
import signal
import subprocess
import threading

START_SECONDS = 60
STOP_SECONDS = 30
ADDRESS = re.compile(r"127\.0\.0\.1:\d+")


class Suite:
    """A running `devspaces dev` on a free port of this machine."""

    def __init__(self, binary, folder):
        command = [binary, "dev", "--listen", "127.0.0.1:0", "--data-dir", folder]
        # A line for every call would bury what the story says.
        quiet = os.environ | {"DEVSPACES_LOG": os.environ.get("DEVSPACES_LOG", "warn")}
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=quiet
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.address = self._find_address()
        except BaseException:
            self._process.kill()
            raise

    def _read(self):
        # To the end: a full pipe would stop the suite.
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _find_address(self):
        said = []
        while True:
            try:
                line = self._lines.get(timeout=START_SECONDS)
            except queue.Empty:
                raise AssertionError(f"no address within {START_SECONDS} s, only {said}") from None
            if line is None:
                raise AssertionError(f"devspaces dev ended with {self._process.wait()} and said {said}")
            said.append(line)
            found = ADDRESS.search(line)
            if found:
                return found.group()

    def stop(self):
        """Asks the suite to end, and expects it to do so in order."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"devspaces dev did not end within {STOP_SECONDS} s of SIGTERM") from None
        assert code == 0, f"devspaces dev ended with {code} after SIGTERM"

    def kill(self):
        """Ends the suite at once, if it still runs."""
        self._process.kill()
        self._process.wait()


def token(binary, principal, folder):
    """A token for someone, from the folder's key."""
    command = [binary, "token", principal, "--data-dir", folder]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=START_SECONDS).stdout
    lines = printed.splitlines()
    assert len(lines) == 1 and lines[0].count(".") == 2, "devspaces token prints a token and nothing else"
    return lines[0]
