// Does the verb still agree with its subject when words come between them?

import { make } from "../../parts.js";
import { number, percent, t } from "../../texts.js";
import { chart } from "../chart.js";
import { table, textField } from "../context.js";
import { rungName, wordShares } from "../rungs.js";
import { wordsOf } from "../words.js";

export const fields = { subjects: "", gap: "", language: "en" };

/** The lines of the field as { subject, verb }: a subject and, after a colon, the verb that agrees with it. */
const subjectsOf = (text) => text.split("\n").map((line) => line.split(":").map((part) => part.trim())).filter((parts) => parts.length === 2 && parts.every(Boolean)).map(([subject, verb]) => ({ subject, verb }));

export function create(host, context) {
  const latest = context.latest();
  const result = make("div", { class: "stack" });
  host.append(make("div", { class: "pair" }, textField(context, "subjects", "agreement.subjects", { rows: 3 }), textField(context, "gap", "agreement.gap", { rows: 3 })), make("p", { class: "hint" }, t("agreement.hint")), result);
  const models = context.rungs();

  function update() {
    const subjects = subjectsOf(context.values.subjects);
    const phrases = context.values.gap.split("/").map((phrase) => phrase.trim()).filter(Boolean);
    if (!models.length) return latest.showMessage(t("lecture.nomodel"));
    if (subjects.length < 2) return latest.refuse(t("agreement.short"));
    const gaps = Array.from({ length: phrases.length + 1 }, (_, count) => phrases.slice(0, count).join(" "));
    const verbs = [...new Set(subjects.map(({ verb }) => verb))];
    latest.run(async (signal) => {
      const share = async (model, gap) => {
        const right = await Promise.all(subjects.map(async ({ subject, verb }) => {
          const shares = await wordShares(model, [subject, gap].filter(Boolean).join(" "), verbs, signal);
          const total = verbs.reduce((sum, name) => sum + (shares[name] ?? 0), 0);
          return total ? (shares[verb] ?? 0) / total : NaN;
        }));
        return right.reduce((sum, value) => sum + value, 0) / right.length;
      };
      const rows = await Promise.all(models.map(async (model) => ({ model, shares: await Promise.all(gaps.map((gap) => share(model, gap))) })));
      return () => show(gaps, rows, verbs.length);
    }, () => result.replaceChildren());
  }

  function show(gaps, rows, verbs) {
    const lengths = gaps.map((gap) => wordsOf(gap).length);
    const chance = { name: t("agreement.chance"), points: [[0, 1 / verbs], [Math.max(1, lengths.at(-1)), 1 / verbs]] };
    const lines = rows.map(({ model, shares }) => ({ name: rungName(model), points: shares.map((share, index) => [lengths[index], share]) }));
    const shownShare = (share) => (Number.isFinite(share) ? percent(share) : "–");
    result.replaceChildren(
      chart({ caption: t("agreement.title"), x: { name: t("agreement.words"), min: 0 }, y: { name: t("agreement.share"), min: 0, max: 1, format: percent }, lines: [...lines, chance] }),
      make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("agreement.title") }, table(t("agreement.title"), [t("order.model"), ...lengths.map((length) => number(length, 0))], rows.map(({ model, shares }) => [rungName(model), ...shares.map(shownShare)]))),
    );
    context.measured({ gaps, lengths, shares: Object.fromEntries(rows.map(({ model, shares }) => [model.name, shares])), chance: 1 / verbs });
  }
  return { update };
}
