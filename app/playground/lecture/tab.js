// The tab "Lecture". Its modules are loaded when it is opened first.

import { language, onLanguage } from "../texts.js";

export function lectureTab(panel, tabs) {
  let lecture = null;
  let models = null;
  let isOpen = false;
  let link = { step: null, fields: {} };

  async function refresh() {
    isOpen = true;
    lecture ??= import("./lecture.js").then(({ Lecture }) => new Lecture(panel, tabs));
    const loaded = await lecture;
    if (!isOpen) return;
    loaded.open(link, models, language());
    link = null;
  }

  onLanguage(() => isOpen && refresh());
  return {
    fields: [],
    start: () => "",
    open: (step, fields) => (link = { step, fields }),
    models: (list) => {
      models = list;
      if (isOpen) refresh();
    },
    refresh,
    async leave() {
      isOpen = false;
      (await lecture)?.leave();
    },
  };
}
