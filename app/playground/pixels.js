// A grid of pixels on a canvas: shown, drawn into with a pointer or keys, and read out pixel by pixel.

const KEYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const BRUSH = [[0, 0], [0, 1], [1, 0], [1, 1]]; // strokes are two pixels wide, as in MNIST

export class PixelGrid {
  /**
   * canvas shows rows × columns values between 0 and 1, as ink. onPaint() is called after a stroke has changed them, and
   * makes the grid one to draw into; onPoint(row, column) for the pixel under the pointer or the keys' cursor, or with
   * null. Arrow keys move the cursor, the space bar draws there and Backspace erases.
   */
  constructor(canvas, rows, columns, { onPaint, onPoint } = {}) {
    Object.assign(this, { canvas, rows, columns, onPaint, onPoint, cursor: null, firstFree: 0 });
    canvas.width = columns;
    canvas.height = rows;
    this.values = new Float32Array(rows * columns);
    if (!onPaint && !onPoint) return;
    canvas.tabIndex = 0;
    canvas.addEventListener("pointerdown", (event) => this.#stroke(event));
    canvas.addEventListener("pointermove", (event) => (event.buttons ? this.#stroke(event) : this.#point(this.#at(event))));
    canvas.addEventListener("pointerleave", () => this.#point(null));
    canvas.addEventListener("blur", () => this.#point(null));
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  set(values) {
    this.values.set(values);
    this.show();
  }

  clear() {
    this.values.fill(0);
    this.show();
  }

  /** Rows as texts of 0 and 1. */
  texts() {
    return Array.from({ length: this.rows }, (_, row) => [...this.values.subarray(row * this.columns, (row + 1) * this.columns)].map((value) => (value > 0.5 ? 1 : 0)).join(""));
  }

  show() {
    const style = getComputedStyle(this.canvas);
    const context = this.canvas.getContext("2d");
    context.globalAlpha = 1;
    context.fillStyle = style.backgroundColor;
    context.fillRect(0, 0, this.columns, this.rows);
    context.fillStyle = style.color;
    this.values.forEach((value, index) => {
      if (!value) return;
      context.globalAlpha = value;
      context.fillRect(index % this.columns, Math.floor(index / this.columns), 1, 1);
    });
    if (!this.cursor) return;
    context.globalAlpha = 0.6;
    context.fillStyle = style.outlineColor;
    context.fillRect(this.cursor[1], this.cursor[0], 1, 1);
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
    const column = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
    return [Math.min(Math.max(row, 0), this.rows - 1), Math.min(Math.max(column, 0), this.columns - 1)];
  }

  #point(pixel) {
    this.cursor = pixel;
    this.show();
    if (pixel) this.onPoint?.(...pixel);
    else this.onPoint?.(null);
  }

  #stroke(event) {
    const pixel = this.#at(event);
    if (this.onPaint) {
      event.preventDefault();
      this.canvas.focus();
      this.#paint(pixel, event.shiftKey ? 0 : 1);
    } else this.#point(pixel);
  }

  #key(event) {
    const [row, column] = this.cursor ?? [this.rows >> 1, this.columns >> 1];
    const step = KEYS[event.key];
    const ink = { " ": 1, Backspace: 0 }[event.key];
    if (step) this.#point([Math.min(Math.max(row + step[0], 0), this.rows - 1), Math.min(Math.max(column + step[1], 0), this.columns - 1)]);
    else if (ink !== undefined && this.onPaint) this.#paint([row, column], ink);
    else return;
    event.preventDefault();
  }

  #paint([row, column], ink) {
    for (const [down, right] of BRUSH) {
      if (row + down < this.rows && column + right < this.columns) this.values[(row + down) * this.columns + column + right] = ink;
    }
    this.cursor = [row, column];
    this.show();
    this.onPaint();
  }
}

/** A picture of a grid, white on black as in MNIST, as a data URL of a PNG. */
export function pngOf(grid) {
  const canvas = Object.assign(document.createElement("canvas"), { width: grid.columns, height: grid.rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(grid.columns, grid.rows);
  grid.values.forEach((value, index) => image.data.set([255 * value, 255 * value, 255 * value, 255], 4 * index));
  context.putImageData(image, 0, 0);
  return canvas.toDataURL("image/png");
}
