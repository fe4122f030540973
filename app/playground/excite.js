// Below an opened unit: the sentences of a small corpus at which its hidden state is highest.

import { fetchJson } from "./api.js";
import { Latest } from "./latest.js";
import { wordSpan } from "./marks.js";
import { byId, make } from "./parts.js";
import { language, number, onLanguage, t } from "./texts.js";

const SHOWN = 5;

/** Returns { about, stop }. about(body, languages) is to be called with the request of the unit shown, or null, and the model's languages. */
export function exciters() {
  const [box, list, button] = ["", "-list", "-go"].map((part) => byId(`inside-excite${part}`));
  const latest = new Latest(box.querySelector(".say"), box);
  let unit = { body: null, languages: [] }; // that is shown
  let found = []; // of each sentence read so far: its text, language, highest state, and the token there

  async function search(signal) {
    const { SENTENCES } = await import("./sentences.js");
    const { body, languages } = unit;
    const code = [language(), ...languages].find((name) => languages.includes(name) && name in SENTENCES) ?? language();
    const all = SENTENCES[code].length;
    show(t("excite.stop", { done: found.length, all }));
    while (found.length < all) { // a retry goes on where it was
      const text = SENTENCES[code][found.length];
      const { tokens, units: [{ hidden }] } = await fetchJson("inspect", { ...body, text }, signal);
      const value = Math.max(...hidden);
      found.push({ text, code, value, token: tokens[hidden.indexOf(value)] });
      latest.settle();
      latest.showMessage("");
      show(t("excite.stop", { done: found.length, all }));
    }
    return show;
  }

  /** Show the best sentences read so far, and what the button does. */
  function show(label = t("excite.go")) {
    button.textContent = label;
    const best = [...found].sort((one, other) => other.value - one.value).slice(0, SHOWN);
    list.replaceChildren(...best.map(({ text, code, value, token }) => {
      const characters = [...text]; // offsets count code points
      const { start, end } = wordSpan(token);
      const [before, peak, after] = [[0, start], [start, end], [end]].map((range) => characters.slice(...range).join(""));
      const sentence = make("span", { lang: code }, before, make("mark", {}, peak), after);
      return make("li", {}, sentence, " ", make("span", { class: "number" }, number(value)));
    }));
  }

  function forget() {
    found = [];
    latest.reset(show);
  }

  const stop = () => latest.busy && latest.reset(show); // what was found stays

  button.addEventListener("click", () => {
    if (latest.busy) {
      stop();
      return;
    }
    forget();
    latest.run(search, show);
  });
  onLanguage(forget);
  return {
    about(body, languages) {
      if (JSON.stringify(body) !== JSON.stringify(unit.body)) forget();
      unit = { body, languages };
      box.hidden = !body;
    },
    stop,
  };
}
