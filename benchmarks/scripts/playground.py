"""The playground's latency, from a key's event to the frame that shows its bars, at ten keys a second.

    python benchmarks/scripts/playground.py [--seconds 20] [--checkpoints FOLDER]

In Debian's Chromium, beside the server on the same machine.
"""

import sys
from pathlib import Path

import numpy as np
import typer

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


def main(seconds: float = 20.0, checkpoints: Path = ROOT / "checkpoints") -> None:
    """Measure the playground."""
    keys = int(10 * seconds)
    settings = Settings(port=0, checkpoints=checkpoints, shutdown_timeout_s=1)
    with serving(create_app(settings), settings) as url, started_chromium() as chromium:
        page = chromium.new_page()
        page.goto(url)
        page.locator("#write-bars .bar").first.wait_for()
        page.fill("#write-text", "")
        page.evaluate(WATCH)
        page.type("#write-text", (TEXT * (keys // len(TEXT) + 1))[:keys], delay=100)
        page.wait_for_timeout(500)
        times = page.evaluate("window.times")
    p50, p90, p99 = np.percentile(times, (50, 90, 99))
    print(f"{len(times)} of {keys} keys had their bars before the next key")
    print(f"from key to bars: p50 {p50:.1f} ms, p90 {p90:.1f} ms, p99 {p99:.1f} ms")


if __name__ == "__main__":
    typer.run(main)
