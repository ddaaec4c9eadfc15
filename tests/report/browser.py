"""Chromium without a screen, told what to do over two pipes by its DevTools protocol: messages end in a zero byte."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

_COMPLAINTS = ("Runtime.exceptionThrown", "Log.entryAdded", "Network.requestWillBeSent", "Runtime.consoleAPICalled")

_PATIENCE = 60.0
"""Seconds that a page may take on a busy machine; a taste."""


class Page:
    """A page that is open.

    Attributes:
        said: what the console was told, and which addresses were asked for, since it was opened.
    """

    def __init__(self, read: int, write: int) -> None:
        """Take over the two pipes of a browser."""
        self._read, self._write, self._rest, self._number = read, write, b"", 0
        self._session: str | None = None
        self.said: list[dict[str, Any]] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser for something and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            if answer.get("method") in _COMPLAINTS:
                self.said.append(answer)
        assert "error" not in answer, answer["error"]
        found: dict[str, Any] = answer["result"]
        return found

    def open(self, file: Path) -> None:
        """Load a file and wait until it stands."""
        self("Page.navigate", url=file.as_uri())
        until = time.monotonic() + _PATIENCE
        while self.run("document.readyState + location.protocol") != "completefile:":
            assert time.monotonic() < until, f"{file} does not load"
            time.sleep(0.05)

    def run(self, script: str) -> Any:
        """The value of a line of JavaScript."""
        answer = self("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Click with the mouse on the middle of an element."""
        box = self.run(
            f"(e => {{e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect(); "
            f"return [b.x + b.width / 2, b.y + b.height / 2]}})(document.querySelector({selector!r}))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def write(self, text: str) -> None:
        """Put a text where the cursor is."""
        self("Input.insertText", text=text)

    def picture(self, file: Path, width: int, height: int, dark: bool = False) -> None:
        """What somebody sees whose system is light, or dark, as a PNG."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self("Emulation.setEmulatedMedia", features=features)
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        file.write_bytes(base64.b64decode(self("Page.captureScreenshot")["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._read, 2**16)
            assert more, "the browser ended"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def page() -> Iterator[Page]:
    """A page in a browser of its own, which ends with it."""
    assert CHROMIUM is not None
    to_browser, from_us = os.pipe()
    from_browser, to_us = os.pipe()
    kept = [os.dup2(to_browser, 103), os.dup2(to_us, 104)]
    with TemporaryDirectory() as folder:
        flags = f"--headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir={folder}/profile"
        command = f'exec "$0" {flags} --remote-debugging-pipe 3<&103 4>&104'
        environment = {**os.environ, "HOME": folder}
        browser = subprocess.Popen(
            ["bash", "-c", command, CHROMIUM], pass_fds=kept, stderr=subprocess.DEVNULL, env=environment
        )
        for each in (to_browser, to_us, *kept):
            os.close(each)
        try:
            yield Page(from_browser, from_us)
        finally:
            browser.kill()
            browser.wait()
            os.close(from_us)
            os.close(from_browser)
