// The figures of the lecture by name. Each module has its fields with their defaults, and creates the figure in an element.

import * as agreement from "./figures/agreement.js";
import * as bags from "./figures/bags.js";
import * as cell from "./figures/cell.js";
import * as connectivity from "./figures/connectivity.js";
import * as counts from "./figures/counts.js";
import * as gradients from "./figures/gradients.js";
import * as growth from "./figures/growth.js";
import * as handover from "./figures/handover.js";
import * as matrix from "./figures/matrix.js";
import * as onestep from "./figures/onestep.js";
import * as order from "./figures/order.js";
import * as pair from "./figures/pair.js";
import * as shapes from "./figures/shapes.js";
import * as surprise from "./figures/surprise.js";
import * as tab from "./figures/tab.js";
import * as training from "./figures/training.js";
import * as twoheads from "./figures/twoheads.js";
import * as vectors from "./figures/vectors.js";
import * as windows from "./figures/windows.js";

export const FIGURES = { agreement, bags, cell, connectivity, counts, gradients, growth, handover, matrix, onestep, order, pair, shapes, surprise, tab, training, twoheads, vectors, windows };
