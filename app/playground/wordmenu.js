// The words of a translation as buttons, each with a menu of the words that can stand in its place.

import { fetchJson } from "./api.js";
import { Latest } from "./latest.js";
import { make } from "./parts.js";
import { percent, t } from "./texts.js";

const MARKS = /[.,;:!?…"'”’»)\]]+$/u; // at the end of a word, none of it

export class WordMenu {
  /** request() is the body of the translation shown; onPick is called with the beginning that was chosen. */
  constructor(panel, request, onPick) {
    Object.assign(this, { request, onPick, word: null, picked: null });
    this.title = make("p", { class: "hint", id: "wordmenu-title" });
    this.list = make("div", { role: "menu", "aria-labelledby": "wordmenu-title", tabindex: -1 });
    this.status = make("p", { class: "say", role: "status" });
    this.box = make("div", { class: "wordmenu", popover: "auto" }, this.title, this.list, this.status);
    this.latest = new Latest(this.status, this.box);
    panel.append(this.box);
    this.box.addEventListener("keydown", (event) => this.onKey(event));
    this.box.addEventListener("toggle", () => this.isOpen || this.onClosed());
  }

  get isOpen() {
    return this.box.matches(":popover-open");
  }

  /** Show a result of /translate in an element: with its tokens, as buttons; else as plain text. */
  fill(host, result, language) {
    this.close();
    this.result = result;
    this.language = language;
    host.lang = language;
    const text = result?.text ?? "";
    if (!result?.tokens?.length) {
      host.textContent = text;
      return;
    }
    const parts = [];
    let position = 0;
    for (const { index, 0: written } of text.matchAll(/\S+/gu)) {
      const word = { start: index, text: written.replace(MARKS, "") || written };
      const end = index + word.text.length;
      parts.push(text.slice(position, index), make("button", { type: "button", class: "pick", "aria-haspopup": "menu", "aria-expanded": "false", "data-start": index, onclick: ({ currentTarget }) => this.open(currentTarget, word) }, word.text));
      position = end;
    }
    host.replaceChildren(...parts, text.slice(position));
    host.querySelector(`[data-start="${this.picked}"]`)?.focus(); // the word that was chosen has the place of the other
    this.picked = null;
  }

  open(button, word) {
    this.close();
    this.word = button;
    button.setAttribute("aria-expanded", "true");
    this.title.textContent = t("translate.instead", { word: word.text });
    this.list.replaceChildren();
    const place = button.getBoundingClientRect();
    this.box.style.top = `${Math.min(place.bottom + 4, innerHeight - 60)}px`;
    this.box.style.left = `${Math.max(8, Math.min(place.left, innerWidth - 240))}px`;
    this.box.showPopover();
    this.list.focus();
    this.latest.run(async (signal) => {
      const words = await this.rivals(word, signal);
      return () => this.show(words, word);
    }, () => this.list.replaceChildren());
  }

  /** The words that can stand in a word's place, each with its probability, the likeliest first. */
  async rivals(word, signal) {
    const { text, tokens } = this.result;
    const at = tokens.findIndex((token) => token.end > word.start);
    if (at < 0) return [];
    const begins = at === 0 || tokens[at - 1].token === "</s>"; // the first word of a sentence may have no space before it
    const pieces = tokens[at].top.filter(({ token }) => token.trim() && token !== "</s>" && token !== tokens[at].token && (begins || token.startsWith(" ")));
    const before = text.slice(0, word.start);
    const starts = [...new Set(pieces.map(({ token }) => token.trimStart()))];
    const { attention, alternatives, ...body } = this.request();
    const replies = await Promise.all(starts.map((start) => fetchJson("translate", { ...body, prefix: before + start, beam_size: 1, top_tokens: 1 }, signal)));
    const words = new Map();
    for (const { results: [other] } of replies) {
      const found = /^\S+/u.exec(other.text.slice(word.start))?.[0].replace(MARKS, "");
      if (!found || found === word.text || words.has(found)) continue;
      const end = word.start + found.length;
      const own = other.tokens.filter((token) => token.end > word.start && token.start < end && token.end > token.start);
      words.set(found, own.reduce((product, { probability }) => product * probability, 1));
    }
    return [...words].map(([name, share]) => ({ name, share })).sort((one, other) => other.share - one.share);
  }

  show(words, word) {
    const before = this.result.text.slice(0, word.start);
    this.list.replaceChildren(...words.map(({ name, share }) => make(
      "button", { type: "button", role: "menuitem", tabindex: -1, onclick: () => this.pick(before + name, word.start) },
      make("span", { lang: this.language }, name), make("span", { class: "number" }, percent(share)),
    )));
    if (!words.length) this.latest.showMessage(t("translate.none"), true);
    // the menu stays inside of the window
    const { bottom, height } = this.box.getBoundingClientRect();
    if (bottom > innerHeight) this.box.style.top = `${Math.max(8, innerHeight - height - 8)}px`;
    this.list.firstChild?.focus();
  }

  pick(beginning, start) {
    this.close();
    this.picked = start;
    this.onPick(beginning);
  }

  close() {
    if (this.isOpen) this.box.hidePopover();
    this.onClosed();
  }

  onClosed() {
    this.latest.reset(() => this.list.replaceChildren());
    this.word?.setAttribute("aria-expanded", "false");
    this.word = null;
  }

  onKey(event) {
    const items = [...this.list.children];
    const now = items.indexOf(document.activeElement);
    const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Tab") this.close();
    if (next === undefined || !items.length) return;
    event.preventDefault();
    items[(next + items.length) % items.length].focus();
  }
}
