// Steps 16 to 23: gradients, long dependencies, and the LSTM.

import { SENTENCE } from "./counting.js";

const AGREEMENT = {
  subjects: { en: "the dog: was\nthe dogs: were", tr: "Ben: değilim\nBiz: değiliz" },
  gap: { en: "near the house / of the man / who lived / in the old town", tr: "artık / burada / eskisi kadar / mutlu" },
  language: { en: "en", tr: "tr" },
};
const FAR = "tom was a boy who lived in a small house near the big tree and every day he";
const STORY = "one day the little girl was very sad but then she found her dog";

export const NETWORKS = [
  {
    title: { en: "Exploding gradients", tr: "Patlayan gradyanlar" },
    text: {
      en: "To learn, the error goes back through time, and at every step it is multiplied by the recurrent weight once more: after t steps by wᵗ. With w a little over 1 that becomes enormous: *one* step of training throws all weights away.\n\nClipping cuts the gradient off at a limit: the gradient of all weights is made smaller by *one* factor, and how it grows with the steps stays as it is. At the right: what was measured of real cells, with weights four times as large as usual, untrained and trained.",
      tr: "Öğrenmek için hata zamanda geriye gider ve her adımda yinelemeli ağırlıkla bir kez daha çarpılır: t adım sonra wᵗ ile. w 1’den biraz büyükse sonuç devasa olur: *tek* bir eğitim adımı bütün ağırlıkları savurur, öğrenme durur.\n\nKırpma, gradyanı bir sınırda keser: bütün ağırlıkların gradyanı *tek* bir çarpanla küçültülür; adımlarla nasıl büyüdüğü değişmez. Sağda: ağırlıkları dört kat büyük gerçek hücrelerde, eğitimden önce ve sonra ölçülenler.",
    },
    figure: "gradients", setting: { w: 1.3, steps: 50, condition: "large untrained" },
    exercise: {
      task: { en: "With a weight of 1.10: after how few steps is the gradient more than a thousand times as large?", tr: "Ağırlık 1,10 iken: gradyan en az kaç adım sonra bin kattan büyük olur?" },
      solved: ({ w, steps }) => Math.abs(w - 1.1) < 1e-9 && steps === 73,
      solution: { w: 1.1, steps: 73 },
    },
  },
  {
    title: { en: "Vanishing gradients", tr: "Yok olan gradyanlar" },
    text: {
      en: "With w below 1 the same product goes to zero. What happened fifty steps ago has no influence on the weights any more: the network *cannot learn* that it mattered.\n\nFewer steps make both less likely, and shorten what can be learned. At the right, fifty steps back: the RNN’s gradient is less than a trillionth of that of the last step, and lost in rounding; the LSTM’s is one in five thousand. Choose *trained*: the GRU has learned to pass on a tenth of it over fifty steps, the RNN has not.",
      tr: "w 1’den küçükse aynı çarpım sıfıra gider. Elli adım önce olanın artık ağırlıklar üzerinde etkisi yoktur: ağ onun önemli olduğunu *öğrenemez*.\n\nAdım sayısı azalınca iki sorun da seyrekleşir ama öğrenilebilecek bağımlılıklar da kısalır. Sağda, elli adım geride: RNN’nin gradyanı son adımdakinin trilyonda birinden azdır, yuvarlamada kaybolur; LSTM’ninki beş binde biridir. *Eğitilmiş* olanı seçin: GRU, elli adım boyunca gradyanın onda birini iletmeyi öğrenmiştir, RNN öğrenememiştir.",
    },
    figure: "gradients", setting: { w: 0.8, steps: 50, condition: "untrained" },
    exercise: {
      task: { en: "Find a weight below 1 with which half of the gradient or more is left after 50 steps.", tr: "50 adım sonra gradyanın en az yarısını bırakan, 1’den küçük bir ağırlık bulun." },
      solved: ({ w, steps, value }) => w < 1 && steps >= 50 && value >= 0.5,
      solution: { w: 0.99, steps: 50 },
    },
  },
  {
    title: { en: "The RNN against the five requirements", tr: "Beş gereksinim karşısında RNN" },
    text: {
      en: "The RNN keeps the order, takes any length, learns, and pairs and triples of words count. What of long sequences? A word ten or more words back changes its prediction by less than one percent: nearly nothing is left of it.\n\nPress a mark to see what was compared.",
      tr: "RNN sırayı korur, her uzunluğu alır, öğrenir; ikili ve üçlü gruplar sayılır. Peki uzun diziler? On ya da daha çok sözcük gerideki bir sözcük, tahminini yüzde birden az değiştiriyor: ondan geriye neredeyse bir şey kalmamış.\n\nNeyin karşılaştırıldığını görmek için bir işarete basın.",
    },
    figure: "matrix", setting: { upto: 4 },
    question: { en: "Which of the two problems with gradients is behind the last row?", tr: "Son satırın ardında iki gradyan sorunundan hangisi var?" },
  },
  {
    title: { en: "Long-term dependencies", tr: "Uzun vade bağımlılıkları" },
    text: {
      en: "*The dogs near the house … were*: the verb depends on a word far before it. The more words come between them, the harder it is to know.\n\nThe line of each model shows how much of the probability the right verb has against the wrong one. Counts are at chance as soon as the subject has left their window.",
      tr: "*Ben artık burada … değilim*, *Biz artık burada … değiliz*: yüklem, çok önceki bir sözcüğe bağlıdır. Araya ne kadar çok sözcük girerse bilmek o kadar zorlaşır.\n\nHer modelin çizgisi, doğru yüklemin yanlış yükleme karşı payını gösterir. Sayımlar, özne pencerelerinden çıkar çıkmaz şans düzeyine iner.",
    },
    figure: "agreement", setting: AGREEMENT,
    exercise: {
      task: { en: "Find something of at most four words to put between so that every model falls below 70%.", tr: "Araya girince her modeli %70’in altına düşüren, en çok dört sözcüklük bir şey bulun." },
      solved: ({ lengths, shares }) => lengths.at(-1) > 0 && lengths.at(-1) <= 4 && Object.values(shares).every((share) => !(share.at(-1) >= 0.7)),
      solution: { en: { gap: "that the man saw" }, tr: { gap: "biz ve ben" } },
    },
  },
  {
    title: { en: "The LSTM beside the RNN", tr: "RNN’nin yanında LSTM" },
    text: {
      en: "The LSTM has two states: a hidden state for the short term, as the RNN, and a *cell* for the long term. The cell passes from step to step almost untouched; gates decide what is erased, added and shown. So the gradient has a way back on which nothing multiplies it away.\n\nNow the matrix is complete. Below it, that way back: how strongly the probability of *he* depends on each word before it, up to *tom*.",
      tr: "LSTM’nin iki durumu vardır: RNN’deki gibi kısa vade için gizli durum, uzun vade için *hücre*. Hücre adımdan adıma neredeyse hiç değişmeden geçer; neyin silineceğine, ekleneceğine ve gösterileceğine kapılar karar verir. Böylece gradyanın, çarpıla çarpıla yok olmadığı bir geri dönüş yolu olur.\n\nArtık tablo tamam. Altında o geri dönüş yolu: *he* sözcüğünün olasılığı, *tom* sözcüğüne kadar önceki her sözcüğe ne kadar bağlı?",
    },
    figure: ["matrix", "connectivity"], setting: { upto: 5, text: FAR },
    question: { en: "Where does the LSTM’s last number come from? Press it, and try the texts in step 7.", tr: "LSTM’nin son sayısı nereden geliyor? Üzerine basın ve metinleri 7. adımda deneyin." },
  },
  {
    title: { en: "The forget gate", tr: "Unutma kapısı" },
    text: {
      en: "f = σ(W·x + U·h + b): a sigmoid of the word and of the hidden state before, between 0 and 1. The cell is multiplied by it. *1 keeps everything, 0 erases it.*\n\nPlay the sentence, and watch the cell at the top. Choose the RNN as the model: there, nothing passes at the top.",
      tr: "f = σ(W·x + U·h + b): sözcüğün ve önceki gizli durumun sigmoidi; 0 ile 1 arasındadır. Hücre bununla çarpılır. *1 her şeyi korur, 0 siler.*\n\nCümleyi oynatın ve yukarıdaki hücreyi izleyin. Model olarak RNN’yi seçin: orada yukarıdan hiçbir şey geçmez.",
    },
    figure: "cell", setting: { text: SENTENCE, gate: "forget" },
    exercise: {
      task: { en: "Find a word and a unit whose forget gate is below 0.05: what did it forget there?", tr: "Unutma kapısı 0,05’in altında olan bir sözcük ve birim bulun: orada neyi unuttu?" },
      solved: ({ forget }) => forget < 0.05,
      solution: {},
    },
  },
  {
    title: { en: "The input gate", tr: "Giriş kapısı" },
    text: {
      en: "The candidate g = tanh(…) is what the word brings, between −1 and 1. The input gate i = σ(…) says how much of it enters. Their product is *added* to what was kept: new information beside the old, not instead of it.",
      tr: "Aday g = tanh(…), sözcüğün getirdiğidir; −1 ile 1 arasındadır. Giriş kapısı i = σ(…), bunun ne kadarının gireceğini söyler. Çarpımları, korunana *eklenir*: yeni bilgi eskisinin yerine değil, yanına gelir.",
    },
    figure: "cell", setting: { text: STORY, gate: "input", step: 2 },
    exercise: {
      task: { en: "Find a word and a unit whose input gate is above 0.9.", tr: "Giriş kapısı 0,9’un üstünde olan bir sözcük ve birim bulun." },
      solved: ({ input }) => input > 0.9,
      solution: {},
    },
  },
  {
    title: { en: "The output gate", tr: "Çıkış kapısı" },
    text: {
      en: "o = σ(…) says how much of the cell is shown: hidden = o × tanh(cell). The hidden state goes up to the prediction, and on to the next step.\n\nA cell may keep something for many words and show nothing of it, until it is needed.",
      tr: "o = σ(…), hücrenin ne kadarının gösterileceğini söyler: gizli durum = o × tanh(hücre). Gizli durum hem yukarıya, tahmine, hem de sonraki adıma gider.\n\nBir hücre bir şeyi birçok sözcük boyunca saklayıp gerekene kadar hiç göstermeyebilir.",
    },
    figure: "cell", setting: { text: STORY, gate: "output", step: 9 },
    exercise: {
      task: { en: "Find a word and a unit whose output gate is below 0.1 while its cell is not near zero (beyond ±0.3).", tr: "Hücresi sıfıra yakın değilken (±0,3’ün dışında) çıkış kapısı 0,1’in altında olan bir sözcük ve birim bulun." },
      solved: ({ output, step, cells }) => output < 0.1 && Math.abs(cells[step - 1]) > 0.3,
      solution: {},
    },
  },
];
