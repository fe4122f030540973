// The lecture: one step after the other, the text at the left, a live figure at the right. The link carries everything.

import { make } from "../parts.js";
import { pushLink, writeLink } from "../share.js";
import { addTexts, language, languageName, t } from "../texts.js";
import { Context } from "./context.js";
import { FIGURES } from "./figures.js";
import { STEPS } from "./steps.js";
import { TEXTS } from "./texts.js";

addTexts(TEXTS);
const OPTIONS = ["size", "controls"]; // of the frame, in the link beside the fields of the figure
const TYPING = "input, textarea, select, [role=tab], [role=application], .chip, dialog *, [popover] *";
const OTHERS = "select, [role=application], dialog *, [popover] *"; // in which Page Up, Page Down and Esc are not the lecture's
const PAGES = { PageDown: 1, PageUp: -1 }; // what a presenter's clicker sends: they turn the steps from a text field too
const OF_MODELS = ["ngram", "language", "transformer", "classifier"]; // kinds of models that a figure chooses by language

/** A text of a step in the page's language. */
const local = (texts) => (typeof texts === "object" ? (texts[language()] ?? texts.en) : texts);

export class Lecture {
  constructor(panel, tabs) {
    Object.assign(this, { panel, tabs, models: null, index: 0, changed: {}, options: {}, context: null });
    this.handout = make("div", { class: "handout" });
    this.stage = make("div", { class: "stage" });
    panel.append(this.stage, this.handout);
    document.addEventListener("keydown", (event) => this.onKey(event));
  }

  /** Show a step: that of the link ({ step, fields }), or, without a link, the one shown before. */
  open(link, models) {
    this.models = models;
    if (link) {
      const { size, controls, lang, ...fields } = link.fields;
      this.index = Math.min(STEPS.length, Math.max(1, Number.parseInt(link.step, 10) || 1)) - 1;
      this.options = { size, controls };
      this.changed = fields;
    }
    this.show();
  }

  leave() {
    this.context?.leave();
    this.context = null;
    document.body.classList.remove("lecturing", "bare");
    document.documentElement.classList.remove("presenting");
  }

  /** Go to another step, with the figure as the step has it. */
  go(index) {
    if (index < 0 || index >= STEPS.length) return;
    pushLink(`lecture/${index + 1}`);
    this.index = index;
    this.changed = {};
    this.show();
    this.focusTitle();
    scrollTo(0, 0);
  }

  focusTitle() {
    this.stage.querySelector("h2").focus({ preventScroll: true });
  }

  setOption(name, value) {
    this.options[name] = value;
    this.applyOptions();
    this.writeLink();
  }

  applyOptions() {
    document.documentElement.classList.toggle("presenting", this.options.size === "24");
    document.body.classList.add("lecturing");
    document.body.classList.toggle("bare", this.options.controls === "0");
    for (const name of OPTIONS) this.stage.querySelector(`[data-option=${name}]`)?.setAttribute("aria-pressed", String(Boolean(this.options[name])));
  }

  writeLink() {
    writeLink(`lecture/${this.index + 1}`, { lang: language(), ...this.options, ...this.changed });
  }

  onKey(event) {
    if (!this.context && !document.body.classList.contains("lecturing")) return;
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === "Escape" && event.target.closest?.(".figure :is(input, textarea)") && !event.target.closest(OTHERS)) return this.focusTitle();
    const step = PAGES[event.key] ?? { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.target.closest?.(event.key in PAGES ? OTHERS : TYPING)) return;
    event.preventDefault();
    this.go(this.index + step);
  }

  show() {
    this.context?.leave();
    const step = STEPS[this.index];
    const figure = make("div", { class: "figure", role: "group", "aria-label": t("lecture.figure") });
    const solved = make("p", { class: "solved", role: "status" });
    const restore = make("button", { type: "button", class: "restore", onclick: () => this.setOption("controls", undefined) }, t("lecture.restore"));
    this.stage.replaceChildren(restore, this.bar(), make("div", { class: "sheet" }, this.text(step, solved), figure));
    this.showHandout();
    this.applyOptions();
    if (this.models) this.showFigures(step, figure, solved);
    this.writeLink();
  }

  showFigures(step, host, solved) {
    const names = [step.figure].flat();
    const defaults = Object.assign({}, ...names.map((name) => FIGURES[name].fields));
    const set = Object.fromEntries(Object.entries(step.setting ?? {}).map(([name, value]) => [name, String(local(value))]));
    const start = { ...defaults, ...set };
    const results = {}; // of all figures
    const context = new Context({
      values: { ...start, ...this.changed }, models: this.models, tabs: this.tabs,
      onChange: () => {
        // the fields of a tab that is borrowed have no default here, and are in the link where they have a value
        this.changed = Object.fromEntries(Object.entries(context.values).filter(([name, value]) => value !== (start[name] ?? "")));
        this.writeLink();
      },
      onMeasured: (result) => {
        Object.assign(results, result);
        if (step.exercise) solved.textContent = step.exercise.solved(results) ? t("lecture.solved") : "";
      },
    });
    this.context = context;
    if (names.some((name) => "language" in FIGURES[name].fields)) this.offerLanguages(context.values.language, start.language);
    const waiting = new Set(names.filter((name) => name !== "tab")); // a borrowed tab measures nothing
    for (const name of names) {
      const status = make("p", { class: "say", role: "status" });
      const part = make("div", { class: "part" }, status);
      host.append(part);
      const own = Object.assign(Object.create(context), { status }); // which figure has measured, or failed
      own.measured = (result) => {
        context.measured(result);
        waiting.delete(name);
        if (!waiting.size) host.dataset.measured = this.index + 1;
      };
      const figure = FIGURES[name].create(part, own);
      context.figures.push(figure);
      figure.update();
    }
  }

  /** A choice of the language whose models the figure asks, where there are several: a sentence that is typed may be in either. */
  offerLanguages(chosen, usual) {
    const served = [...new Set(this.models.filter(({ kind }) => OF_MODELS.includes(kind)).flatMap((model) => model.languages))];
    if (served.length < 2) return;
    const change = () => {
      const { rung, unit, ...rest } = this.changed; // which are another model's
      this.changed = { ...rest, language: select.value };
      if (select.value === usual) delete this.changed.language;
      this.show();
      this.stage.querySelector(".models-language select").focus();
    };
    const select = make("select", { onchange: change }, ...served.map((name) => make("option", { value: name }, languageName(name))));
    select.value = chosen;
    this.stage.querySelector(".said").append(make("label", { class: "choice models-language" }, t("lecture.models"), select));
  }

  bar() {
    const [count, last] = [STEPS.length, this.index === STEPS.length - 1];
    const select = make("select", { "aria-label": t("lecture.step"), onchange: () => this.go(select.selectedIndex) }, ...STEPS.map((step, index) => make("option", { value: index }, `${index + 1}. ${local(step.title)}`)));
    select.selectedIndex = this.index;
    const toggle = (name, value, label) => make("button", { type: "button", "data-option": name, "aria-pressed": "false", onclick: () => this.setOption(name, this.options[name] ? undefined : value) }, t(label));
    return make(
      "nav", { class: "steps", "aria-label": t("lecture.steps") },
      make("button", { type: "button", disabled: this.index === 0, "aria-label": t("lecture.previous"), onclick: () => this.go(this.index - 1) }, "←"),
      select,
      make("button", { type: "button", class: "main", disabled: last, "aria-label": t("lecture.next"), onclick: () => this.go(this.index + 1) }, "→"),
      make("progress", { max: count, value: this.index + 1, "aria-label": t("lecture.progress", { step: this.index + 1, count }) }),
      toggle("size", "24", "lecture.size"), toggle("controls", "0", "lecture.bare"),
      make("button", { type: "button", onclick: () => print() }, t("lecture.print")),
    );
  }

  text(step, solved) {
    const aside = [];
    if (step.question) aside.push(make("h3", {}, t("lecture.question")), ...paragraphs(step.question));
    if (step.exercise) aside.push(make("h3", {}, t("lecture.exercise")), ...paragraphs(step.exercise.task), solved);
    return make("div", { class: "said" }, make("p", { class: "hint" }, t("lecture.progress", { step: this.index + 1, count: STEPS.length }), this.index ? "" : ` · ${t("lecture.keys")}`), make("h2", { tabindex: -1 }, local(step.title)), ...paragraphs(step.text), ...aside);
  }

  /** All steps as they are printed: texts, questions and exercises. */
  showHandout() {
    if (this.handout.lang === language()) return;
    this.handout.lang = language();
    this.handout.replaceChildren(make("h2", {}, t("lecture.title")), ...STEPS.map((step, index) => make(
      "section", {}, make("h3", {}, `${index + 1}. ${local(step.title)}`), ...paragraphs(step.text),
      ...(step.question ? [make("p", { class: "ask" }, make("b", {}, `${t("lecture.question")}: `), local(step.question))] : []),
      ...(step.exercise ? [make("p", { class: "ask" }, make("b", {}, `${t("lecture.exercise")}: `), local(step.exercise.task))] : []),
    )));
  }
}

/** The paragraphs of a text; words between asterisks are emphasized. */
function paragraphs(texts) {
  return local(texts).split("\n\n").map((text) => make("p", {}, ...text.split("*").map((part, index) => (index % 2 ? make("em", {}, part) : part))));
}
