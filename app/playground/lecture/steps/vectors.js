// Steps 8 to 15: from words to vectors, the five requirements, windows and cross-entropy.

import { SENTENCE } from "./counting.js";

const CORPUS = {
  en: "The man sees the dog. The dog sees the man. The boy sees the dog and the dog sees the boy. The girl sees the boy and the man sees the girl. The old man sees the little girl, and the little girl sees the old dog. The little boy and the old man see the dog.",
  tr: "Adam köpeği görür. Köpek adamı görür. Çocuk köpeği görür, köpek de çocuğu görür. Kız çocuğu görür, adam da kızı görür. Yaşlı adam küçük kızı görür, küçük kız da yaşlı köpeği görür. Küçük çocuk ve yaşlı adam köpeği görür.",
};

export const VECTORS = [
  {
    title: { en: "Instead: learn the probabilities", tr: "Bunun yerine: olasılıkları öğrenmek" },
    text: {
      en: "Rather than keep a row for each group of words, *learn a function* from the context to the probabilities. It has a fixed number of weights, it may keep the order and all of the context, and it may say something about groups that it has never seen.\n\nA function needs numbers. So the content is *turned into vectors* first.",
      tr: "Her sözcük öbeği için bir satır tutmak yerine, bağlamdan olasılıklara giden *bir fonksiyon öğrenilir*. Ağırlık sayısı sabittir; sırayı ve bütün bağlamı koruyabilir; hiç görmediği öbekler için de bir şey söyleyebilir.\n\nFonksiyona sayı gerekir. Bu yüzden içerik önce *vektörleştirilir*.",
    },
    figure: "vectors", setting: { text: SENTENCE, show: "bag" },
    question: { en: "Which rows of the step before could a function share among each other?", tr: "Bir fonksiyon önceki tablonun hangi satırlarını ortak kullanabilir?" },
  },
  {
    title: { en: "Dictionary and index", tr: "Sözlük çıkarımı ve indis" },
    text: {
      en: "List each different word once, in the order of its first occurrence: *the* 0, *man* 1, *sees* 2, *and* 3, *boy* 4. The position in the list is the word’s *index*.\n\nThe sentence is now a row of numbers: 0 1 2 0 1 3 0 1 2 0 4. These numbers are names, not amounts: *boy* is not twice *sees*.",
      tr: "Her farklı sözcük, ilk geçtiği sırayla bir kez listelenir: *the* 0, *man* 1, *sees* 2, *and* 3, *boy* 4. Listedeki yeri sözcüğün *indisidir*.\n\nCümle artık bir sayı dizisi: 0 1 2 0 1 3 0 1 2 0 4. Bu sayılar birer addır, miktar değildir: *boy*, *sees* sözcüğünün iki katı değildir.",
    },
    figure: "vectors", setting: { text: SENTENCE, show: "dictionary" },
    exercise: {
      task: { en: "Write a sentence of at least eight words whose dictionary has no more than four.", tr: "En az sekiz sözcüklü, sözlüğü en çok dört sözcük olan bir cümle yazın." },
      solved: ({ words, size }) => words >= 8 && size <= 4,
      solution: { text: "the man sees the man and the man sees" },
    },
  },
  {
    title: { en: "One-hot vectors", tr: "One-hot vektörler" },
    text: {
      en: "Each word becomes a vector as long as the dictionary: 1 at its index, 0 elsewhere. *man* → 0 1 0 0 0.\n\nNo word is now larger than another, and any two are equally far from each other. A dictionary of 10,000 words has vectors of 10,000 numbers, all but one of them zero.",
      tr: "Her sözcük, sözlük uzunluğunda bir vektör olur: kendi indisinde 1, öteki yerlerde 0. *man* → 0 1 0 0 0.\n\nArtık hiçbir sözcük ötekinden büyük değildir ve her ikisi birbirine eşit uzaklıktadır. 10.000 sözcüklük sözlükte vektörler 10.000 sayıdır; biri dışında hepsi sıfırdır.",
    },
    figure: "vectors", setting: { text: SENTENCE, show: "onehot" },
    question: { en: "What does it cost when one new word enters the dictionary?", tr: "Sözlüğe yeni bir sözcük girerse ne değişir?" },
  },
  {
    title: { en: "Bag of words", tr: "Sözcük torbası (bag of words)" },
    text: {
      en: "Add up the one-hot vectors of a text: the *bag of words* counts each word. It has one length for every text, which dense networks want.\n\nBut the order is gone: *I’m good and you’re bad* and *I’m bad and you’re good* are the same bag.",
      tr: "Bir metnin one-hot vektörleri toplanır: *sözcük torbası* her sözcüğü sayar. Her metin için aynı uzunluktadır; yoğun ağların istediği de budur.\n\nAma sıra kaybolur: *I’m good and you’re bad* (ben iyiyim, sen kötüsün) ile *I’m bad and you’re good* aynı torbadır.",
    },
    figure: "bags", setting: { text: "I'm good and you're bad", other: "I'm bad and you're good", language: "en" },
    exercise: {
      task: { en: "Write two texts with the same bag, of five words or more: the LSTM must find one positive and the other negative.", tr: "Aynı torbadan, en az beş sözcüklü iki metin yazın (İngilizce): LSTM birini olumlu, ötekini olumsuz bulsun." },
      solved: ({ same, labels, words }) => same && words >= 5 && ["positive", "negative"].every((label) => labels.includes(label)),
      solution: { text: "It was good, not bad at all.", other: "It was bad, not good at all." },
    },
  },
  {
    title: { en: "Five requirements", tr: "Beş gereksinim" },
    text: {
      en: "What would a good model of sequences do?\n\n*1.* Keep the order. *2.* Take any length. *3.* Learn over time. *4.* Make groups of two and three words count. *5.* Keep the content of long sequences.\n\nThree approaches so far, measured right now on this server. Press a mark to see the texts that were compared.",
      tr: "İyi bir dizi modeli ne yapmalı?\n\n*1.* Sırayı korumalı. *2.* Her uzunluğu almalı. *3.* Zamanla öğrenmeli. *4.* İkili ve üçlü grupları saymalı. *5.* Uzun dizilerin içeriğini korumalı.\n\nŞimdiye kadarki üç yaklaşım, şu anda bu sunucuda ölçüldü. Karşılaştırılan (İngilizce) metinleri görmek için bir işarete basın.",
    },
    figure: "matrix", setting: { upto: 3 },
    question: { en: "The bag keeps content from far back. Why does that not help it?", tr: "Torba uzaktaki içeriği korur. Bu neden işine yaramıyor?" },
  },
  {
    title: { en: "The recurrent network (RNN)", tr: "Yinelemeli ağ (RNN)" },
    text: {
      en: "At each step the network reads one word *and its own state of the step before*: what it knows of all words until now. From the new state it computes the probabilities of all words, which sum to 1.\n\nThe same weights serve every step, so any length will do. Here each word is sent alone, together with nothing but the state of the step before. At the bottom: one number of the state, in the cell that makes it.",
      tr: "Ağ her adımda bir sözcük *ve kendisinin bir önceki adımdaki durumunu* okur: o ana kadarki bütün sözcüklerden bildiğini. Yeni durumdan bütün sözcüklerin olasılıklarını hesaplar; toplamları 1’dir.\n\nHer adımda aynı ağırlıklar kullanılır; bu yüzden uzunluk önemli değildir. Burada her sözcük tek başına, yalnızca önceki adımın durumuyla birlikte gönderiliyor. En altta: durumun sayılarından biri, onu hesaplayan hücrede.",
    },
    figure: ["handover", "cell"], setting: { text: SENTENCE, step: 3, rung: "rnn" },
    question: { en: "The state has 128 numbers, after one word and after a thousand. What must happen?", tr: "Durum, bir sözcükten sonra da bin sözcükten sonra da 128 sayıdır. Ne olmak zorunda?" },
  },
  {
    title: { en: "Preparing the data", tr: "Verinin hazırlanması" },
    text: {
      en: "A window of N words is the input, the word after it the target. Then the first word is dropped, the next one is added, and so on to the end.\n\nWith N = 5 this sentence has six windows. Their targets: *and, the, man, sees, the, boy*.",
      tr: "N sözcüklük bir pencere girdidir, hemen sonraki sözcük hedeftir. Sonra baştaki sözcük çıkar, sıradaki eklenir ve sona kadar böyle gider.\n\nN = 5 iken bu cümlede altı pencere vardır. Hedefleri: *and, the, man, sees, the, boy*.",
    },
    figure: "windows", setting: { text: SENTENCE, n: 5 },
    exercise: {
      task: { en: "Choose N so that four windows are left.", tr: "N’yi, dört pencere kalacak biçimde seçin." },
      solved: ({ windows }) => windows === 4,
      solution: { n: 7 },
    },
  },
  {
    title: { en: "Cross-entropy", tr: "Çapraz entropi" },
    text: {
      en: "There is no one right word, so the loss looks at the probabilities of all: H(P∗|P) = −Σ P∗(i) log P(i). P∗ is 1 for the word that came, so *−log P of that word* is what remains. In bits: how surprised the model was.\n\nThe mean over a text is its cross-entropy; 2 to that power is the *perplexity*: among how many equally likely words the model seemed to choose.",
      tr: "Tek bir doğru sözcük yoktur; bu yüzden kayıp bütün olasılıklara bakar: H(P∗|P) = −Σ P∗(i) log P(i). Gelen sözcük için P∗ = 1’dir; geriye *o sözcüğün −log P değeri* kalır. Bit olarak: model ne kadar şaşırdı.\n\nMetin üzerindeki ortalama, çapraz entropidir; 2’nin o kuvveti *şaşkınlıktır* (perplexity): model eşit olasılıklı kaç sözcük arasında seçim yapar gibiydi.",
    },
    figure: ["surprise", "training"], setting: { text: SENTENCE, corpus: CORPUS },
    exercise: {
      task: { en: "Find a text at whose last word the counts of two words before beat the LSTM.", tr: "Son sözcüğünde önceki iki sözcüğün sayımının LSTM’den iyi olduğu bir metin bulun." },
      solved: ({ last }) => last?.n3 < last?.lstm,
      solution: { text: "they were best friends" },
    },
  },
];
