"""The playground's latencies: from opening the page to its first bars, and from a key's event to its bars, at ten keys
a second.

    python benchmarks/scripts/playground.py [--seconds 20] [--openings 20] [--checkpoints FOLDER]

In Debian's Chromium, beside the server on the same machine.
"""

import os
import sys
from pathlib import Path

import numpy as np
import typer
from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.main import create_app
from app.settings import Settings
from tests.browser.conftest import ROOT
from tests.browser.screenshots import started_chromium
from tests.helpers import serving

TEXT = "The old man went to the market because he wanted to buy a fish for his little cat. "
WATCH = """() => {
  window.times = [];
  const [panel, box] = ['#write', '#write-text'].map((id) => document.querySelector(id));
  let pressed = 0;
  box.addEventListener('keydown', () => { pressed = performance.now(); }, true);
  new MutationObserver(() => {
    const begin = pressed, text = panel.dataset.shown;
    requestAnimationFrame(() => { if (text === box.value) window.times.push(performance.now() - begin); });
  }).observe(panel, { attributes: true, attributeFilter: ['data-shown'] });
}"""

WATCH_FIRST = """addEventListener('DOMContentLoaded', () => {
  const bars = document.querySelector('#write-bars');
  const observer = new MutationObserver(() => {
    if (!bars.querySelector('.bar')) return;
    observer.disconnect();
    requestAnimationFrame(() => { window.firstBars = performance.now(); });
  });
  observer.observe(bars, { childList: true, subtree: true });
});"""


def main(seconds: float = 20.0, openings: int = 20, checkpoints: Path = ROOT / "checkpoints") -> None:
    """Measure the playground."""
    keys = int(10 * seconds)
    settings = Settings(port=0, checkpoints=checkpoints, shutdown_timeout_s=1)
    with serving(create_app(settings), settings) as url, started_chromium() as chromium:
        first = first_bars(chromium, url, openings)
        page = chromium.new_page()
        page.goto(url)
        page.locator("#write-bars .bar").first.wait_for()
        page.fill("#write-text", "")
        page.evaluate(WATCH)
        page.type("#write-text", (TEXT * (keys // len(TEXT) + 1))[:keys], delay=100)
        page.wait_for_timeout(500)
        times = page.evaluate("window.times")
    print(f"load average {os.getloadavg()[0]:.1f}")
    for name, values in first.items():
        p50, worst = np.median(values), max(values)
        print(f"from opening to the first bars, {name}: p50 {p50:.0f} ms, slowest of {openings} {worst:.0f} ms")
    p50, p90, p99 = np.percentile(times, (50, 90, 99))
    print(f"{len(times)} of {keys} keys had their bars before the next key")
    print(f"from key to bars: p50 {p50:.1f} ms, p90 {p90:.1f} ms, p99 {p99:.1f} ms")


def first_bars(chromium: Browser, url: str, openings: int) -> dict[str, list[float]]:
    """Milliseconds from navigation to the frame with the first bars, without and with the browser's cache."""
    times: dict[str, list[float]] = {"nothing cached": [], "opened before": []}
    for _ in range(openings):
        context = chromium.new_context()
        context.add_init_script(WATCH_FIRST)
        for values in times.values():
            page = context.new_page()
            page.goto(url)
            values.append(float(page.wait_for_function("() => window.firstBars").json_value()))
            page.close()
        context.close()
    return times


if __name__ == "__main__":
    typer.run(main)
