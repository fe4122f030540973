// Steps 24 to 26: from sequence to sequence, pictures and sound, generation.

export const GENERATION = [
  {
    title: { en: "From sequence to sequence", tr: "Diziden diziye" },
    text: {
      en: "*One to many:* from one start, a text. *Many to one:* from a text, its sentiment. *Many to many:* from a text, its translation, its summary.\n\nAll of them are the same step, repeated; they differ in where something goes in and where something comes out. Each picture opens a tab with a model that does it.",
      tr: "*Birden çoğa:* tek başlangıçtan bir metin. *Çoktan bire:* bir metinden duygusu. *Çoktan çoğa:* bir metinden çevirisi, özeti.\n\nHepsi aynı adımın yinelenmesidir; girdinin nereye girdiği ve çıktının nereden çıktığı farklıdır. Her resim, bunu yapan bir modelin sekmesini açar.",
    },
    figure: ["shapes", "tab"],
    setting: { tab: "translate", text: { en: "Where is the old station?", tr: "Eski istasyon nerede?" } },
    question: { en: "Translate a sentence below. In which order does the attention go through the source?", tr: "Aşağıda bir cümle çevirin. Dikkat, kaynağın üzerinden hangi sırayla geçiyor?" },
  },
  {
    title: { en: "A picture is a sequence, sound is a sequence", tr: "Resim bir dizidir, ses bir dizidir" },
    text: {
      en: "Columns of a picture, slices of a sound: whoever reads sequences reads these too. Language to picture, language to sound, sound to language.\n\n*Transformers* do the same without a state that is handed on: each step looks back at all others by attention, which costs memory for each word and needs no way through time.",
      tr: "Bir resmin sütunları, bir sesin dilimleri: dizi okuyan bunları da okur. Dilden resme, dilden sese, sesten dile.\n\n*Transformer’lar* aynısını, elden ele geçen bir durum olmadan yapar: her adım, dikkatle ötekilerin hepsine bakar. Bu, her sözcük için bellek ister; zaman boyunca bir yola ihtiyaç duymaz.",
    },
    figure: "tab", setting: { tab: "senses" },
    question: { en: "What is one step of the network in each of these?", tr: "Bunların her birinde ağın bir adımı nedir?" },
  },
  {
    title: { en: "Generation", tr: "Üretim" },
    text: {
      en: "Predict, choose a word, *read it as the next input*, predict again. That is all there is to writing.\n\nPictures are written in the same way: a PixelRNN draws pixel after pixel, each given all above it and to its left.",
      tr: "Tahmin et, bir sözcük seç, *onu bir sonraki girdi olarak oku*, yeniden tahmin et. Yazmak bundan ibarettir.\n\nResimler de böyle yazılır: PixelRNN pikselleri sırayla çizer; her piksel, üstündekilere ve solundakilere bağlıdır.",
    },
    figure: ["onestep", "tab"],
    setting: { text: { en: "once upon a time there was a", tr: "Bir gün okula" }, language: { en: "en", tr: "tr" }, rung: "lstm", tab: "senses", part: "senses-draw" },
    exercise: {
      task: { en: "Always the likeliest word: find a beginning from which the text runs in circles within ten steps.", tr: "Hep en olası sözcük alınınca, on adımda kendini yinelemeye başlayan bir başlangıç bulun." },
      solved: ({ added, repeats }) => added > 0 && repeats > 0,
    },
  },
];
