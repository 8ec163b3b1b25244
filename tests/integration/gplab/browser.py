"""A real browser, driven over WebDriver: chromedriver is spoken to in plain
HTTP, so nothing but the browser itself is needed."""

import base64
import json
import pathlib
import shutil
import urllib.request

from gplab import common

OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
           "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync",
           "--hide-scrollbars"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One headless Chromium with a profile of its own."""

    def __init__(self, lab, name="browser"):
        self.dir = lab.dir / name
        self.dir.mkdir()
        for program in ("chromium", "chromedriver"):
            if shutil.which(program) is None:
                raise common.LabError(f"{program} is not installed")
        port = lab.port()
        self.url = f"http://{common.SERVER}:{port}"
        process = lab.start(["chromedriver", f"--port={port}"],
                            log=self.dir / "driver.log")
        lab.wait_port(port, process)
        self.session = None
        self.session = self.call("POST", "", {"capabilities": {
            "alwaysMatch": {"goog:chromeOptions": {
                "args": [*OPTIONS, f"--user-data-dir={self.dir}/profile"]},
                "goog:loggingPrefs": {"browser": "ALL"}}}})["sessionId"]
        lab.closers.append(self.close)

    def close(self):
        if self.session is not None:
            self.call("DELETE", "")
            self.session = None

    def call(self, method, path, body=None):
        url = self.url + "/session"
        if self.session is not None:
            url += f"/{self.session}{path}"
        request = urllib.request.Request(
            url, method=method, headers={"Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["value"]

    def open(self, path):
        self.call("POST", "/url", {"url": pathlib.Path(path).as_uri()})

    def run(self, script, *args):
        """Runs the body of a function in the page, and returns its value."""
        return self.call("POST", "/execute/sync",
                         {"script": script, "args": list(args)})

    def _find(self, selector):
        found = self.call("POST", "/element", {"using": "css selector",
                                               "value": selector})
        return found[ELEMENT]

    def click(self, selector):
        self.call("POST", f"/element/{self._find(selector)}/click", {})

    def type(self, selector, text):
        element = self._find(selector)
        self.call("POST", f"/element/{element}/clear", {})
        self.call("POST", f"/element/{element}/value", {"text": text})

    def devtools(self, command, **params):
        return self.call("POST", "/goog/cdp/execute",
                         {"cmd": command, "params": params})

    def size(self, width, height):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width,
                      height=height, deviceScaleFactor=1, mobile=False)

    def media(self, media="", **features):
        """As which medium the page is shown ("print"), and what the user
        prefers (color_scheme="dark")."""
        self.devtools("Emulation.setEmulatedMedia", media=media, features=[
            {"name": "prefers-" + name.replace("_", "-"), "value": value}
            for name, value in features.items()])

    def messages(self):
        """What the page has complained of since the last time."""
        return [entry["message"] for entry in
                self.call("POST", "/se/log", {"type": "browser"})]

    def screenshot(self):
        return base64.b64decode(self.call("GET", "/screenshot"))
