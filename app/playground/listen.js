// The parts "Listen" and "Speak" of the tab "Senses": spoken digits to words, and words to sound.

import { fetchBytes, fetchJson } from "./api.js";
import { Latest } from "./latest.js";
import { byId, make } from "./parts.js";
import { decode, drawSpectrogram, play, record, wavOf } from "./sound.js";
import { language, number, onLanguage, percent, t } from "./texts.js";

export function listenPart(part) {
  const latest = new Latest(part.querySelector(".say"));
  const button = byId("listen-record");
  const drop = byId("listen-drop");
  let stop = null; // ends the recording that runs
  let sound = null;
  let shown = null;
  let isBrought = false; // whether the user gave a recording, readable or not

  async function hear(bytes) {
    try {
      sound = await decode(bytes);
    } catch {
      latest.refuse(t("listen.unreadable"));
      return;
    }
    byId("listen-play").disabled = false;
    drawSpectrogram(byId("listen-map"), sound);
    show(null);
    ask();
  }

  function bring(bytes) {
    isBrought = true;
    return hear(bytes);
  }

  function ask() {
    latest.run(async (signal) => {
      const reply = await fetchJson(`transcribe?language=${language()}`, wavOf(sound), signal);
      return () => show(reply);
    }, () => show(null));
  }

  function show(reply) {
    shown = reply;
    byId("listen-text").textContent = reply ? reply.text || t("listen.nothing") : "";
    byId("listen-words").replaceChildren(...(reply?.words ?? []).map(({ word, start, end, peak, probability }) => {
      const label = make("li", {}, word, make("small", {}, ` ${percent(probability)}, ${number(start)}–${number(end)} s`));
      label.style.setProperty("--at", peak / reply.duration_s);
      return label;
    }));
  }

  button.addEventListener("click", async () => {
    if (stop) {
      const bytes = await stop();
      stop = null;
      showButton();
      await bring(bytes);
      return;
    }
    try {
      stop = await record();
    } catch {
      latest.showMessage(t("listen.refused"));
    }
    showButton();
  });
  const showButton = () => {
    button.textContent = t(stop ? "listen.stop" : "listen.record");
    button.setAttribute("aria-pressed", String(stop !== null));
  };
  byId("listen-file").addEventListener("change", async (event) => event.target.files[0] && bring(await event.target.files[0].arrayBuffer()));
  byId("listen-play").addEventListener("click", () => play(sound));
  drop.addEventListener("dragover", (event) => event.preventDefault());
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) await bring(await event.dataTransfer.files[0].arrayBuffer());
  });
  onLanguage(() => {
    showButton();
    if (shown) ask();
  });
  showButton();
  return {
    kind: "recognizer",
    hear,
    isUnheard: () => !sound && !isBrought && part.offsetParent !== null,
    refresh: () => sound && drawSpectrogram(byId("listen-map"), sound),
    leave: () => {
      latest.cancel();
      stop?.().then(() => (stop = null)).then(showButton);
    },
  };
}

/** hear(bytes) shows the sound in the part "Listen", where it is recognized; isUnheard() says whether that part is shown and empty. */
export function speakPart(part, { hear, isUnheard }, onRequest) {
  const latest = new Latest(part.querySelector(".say"));
  const text = byId("senses-spoken");
  const voice = byId("senses-voice");
  let started = false;
  const body = () => ({ text: text.value, ...(voice.value && { voice: voice.value }) });

  function speak(isLoud) {
    started = true;
    if (!text.value.trim()) {
      latest.refuse(t("write.empty"));
      return;
    }
    latest.run(async (signal) => {
      const bytes = await fetchBytes("speak", body(), signal);
      return async () => {
        if (isLoud) play(await decode(bytes.slice(0)));
        if (isLoud || isUnheard()) await hear(bytes); // the example never takes the place of what a user brought
      };
    });
  }

  byId("speak-run").addEventListener("click", () => {
    onRequest(["speak", body()]);
    speak(true);
  });
  text.addEventListener("keydown", (event) => event.key === "Enter" && byId("speak-run").click());
  const anyVoice = make("option", { value: "" });
  onLanguage(() => (anyVoice.textContent = t("speak.any")));
  return {
    kind: "speaker",
    models(models) {
      const before = voice.value;
      const speaker = models.find((model) => model.default_for.includes("speak")) ?? { voices: [] };
      voice.replaceChildren(anyVoice, ...speaker.voices.map((name) => make("option", { value: name }, name)));
      voice.value = speaker.voices.includes(before) ? before : "";
    },
    refresh: () => {
      if (!started && part.offsetParent && isUnheard()) speak(false); // the first look shows a sound and its words
    },
    leave: () => latest.cancel(),
  };
}
