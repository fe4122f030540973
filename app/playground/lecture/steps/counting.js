// Steps 1 to 7: sequences, counting, and the limits of counting.

export const SENTENCE = "The man sees the man and the man sees the boy";

const STORY = {
  en: "One day a little girl went to the market with her mother. The market was big and full of people. The girl saw a red kite and a blue kite. She wanted the red kite, but her mother said that the blue kite was better. The girl was sad and she began to cry. An old man saw the little girl and gave her the red kite. The girl was happy again. She said thank you to the old man and went home with her mother. The next day the girl went to the hill with her red kite. The wind was strong and the kite went up and up. The old man saw the kite from the market and he was happy too.",
  tr: "Bir gün küçük bir kız annesiyle pazara gitti. Pazar büyüktü ve insanlarla doluydu. Kız kırmızı bir uçurtma ve mavi bir uçurtma gördü. Kırmızı uçurtmayı istedi ama annesi mavi uçurtma daha güzel dedi. Kız üzüldü ve ağlamaya başladı. Yaşlı bir adam küçük kızı gördü ve ona kırmızı uçurtmayı verdi. Kız yine mutlu oldu. Yaşlı adama teşekkür etti ve annesiyle eve döndü. Ertesi gün küçük kız kırmızı uçurtmayla tepeye çıktı. Rüzgar güçlüydü ve uçurtma yükseldikçe yükseldi. Yaşlı adam uçurtmayı pazardan gördü ve o da mutlu oldu.",
};

export const COUNTING = [
  {
    title: { en: "What is a sequence?", tr: "Dizi (sequence) nedir?" },
    text: {
      en: "Words of a sentence, frames of a video, samples of a sound, decisions one after the other: elements that follow each other, *in an order that matters*, and as many as there are. Lengths differ from one to the next.\n\nShuffle the words. The same words are there, and yet they say nothing any more: the networks are far more surprised by each of them.",
      tr: "Bir cümlenin sözcükleri, bir videonun kareleri, bir sesin örnekleri, art arda verilen kararlar: *ardışık tekrar eden elemanlar*. *Sıra önemlidir* ve uzunluk her dizide farklı olabilir.\n\nSözcükleri karıştırın. Aynı sözcükler duruyor ama artık bir şey anlatmıyorlar: ağlar her sözcüğe çok daha fazla şaşırıyor.",
    },
    figure: "order", setting: { text: "the girl saw a big dog and she was very happy", order: "3.0.8.6.1.10.2.7.5.9.4" },
    question: { en: "Which other sequences have you met today? How long were they?", tr: "Bugün başka hangi dizilerle karşılaştınız? Uzunlukları neydi?" },
    exercise: {
      task: { en: "Find another order that one of the networks or counts finds *less* surprising than this one.", tr: "Modellerden birinin bundan *daha az* şaşırdığı başka bir sıra bulun." },
      solved: ({ changed, rows }) => changed && rows.some(({ gain }) => gain > 0),
      solution: { order: "7.8.9.10.6.0.1.2.3.4.5" },
    },
  },
  {
    title: { en: "Dense and convolutional networks see no order", tr: "Yoğun ve evrişimli ağlar sırayı görmez" },
    text: {
      en: "A dense network has a fixed number of inputs. To feed it sentences of any length, one counts their words: a *bag*. A convolution looks at a few neighbours only, and pools the rest.\n\nThese two reviews have exactly the same words. To everything that stands on the bag they are one and the same text. An LSTM reads them in order, and tells them apart.",
      tr: "Yoğun bir ağın girdi sayısı sabittir. Her uzunlukta cümleyi verebilmek için sözcükleri sayılır: bir *torba*. Evrişim yalnız birkaç komşuya bakar, gerisini havuzlar.\n\nBu iki yorumda tıpatıp aynı sözcükler var. Torbaya dayanan her şey için ikisi tek bir metindir. LSTM onları sırayla okur ve ayırt eder.",
    },
    figure: "bags",
    setting: {
      text: { en: "The film was not bad, it was good.", tr: "Bu film hiç kötü değil, çok güzel." },
      other: { en: "The film was not good, it was bad.", tr: "Bu film hiç güzel değil, çok kötü." },
      language: { en: "en", tr: "tr" },
    },
    question: { en: "What would a bag of pairs of words see here?", tr: "Sözcük ikililerinden bir torba burada ne görürdü?" },
  },
  {
    title: { en: "This is not classification", tr: "Bu bir sınıflandırma değil" },
    text: {
      en: "A classifier learns from pairs: a text, and the class that somebody gave to it. Here only the input is given. The result is a *probability* for each word that could be next, and training makes that of the word that really came as large as possible.\n\nOne sentence, two questions: a few classes at the right, thousands of words at the left.",
      tr: "Sınıflandırıcı çiftlerden öğrenir: bir metin ve birinin ona verdiği sınıf. Burada ise yalnız girdi verilir. Sonuç, sıradaki olabilecek her sözcük için bir *olasılıktır*; eğitim, gerçekten gelen sözcüğünkini olabildiğince büyütür.\n\nTek cümle, iki soru: sağda birkaç sınıf, solda binlerce sözcük.",
    },
    figure: "twoheads", setting: { text: { en: "It was a very long film and I was", tr: "Bu film çok uzundu ve ben çok" }, language: { en: "en", tr: "tr" } },
    exercise: {
      task: { en: "Find a beginning after which the model gives one word 60% or more.", tr: "Modelin tek bir sözcüğe %60 ya da daha çok olasılık verdiği bir başlangıç bulun." },
      solved: ({ top }) => top >= 0.6,
      solution: { en: { text: "in order to be able" }, tr: { text: "Ne yazık" } },
    },
  },
  {
    title: { en: "Each word by itself", tr: "Sözcükler tek başına" },
    text: {
      en: "The simplest prediction: how often does each word occur? Then the likeliest next word is always the most frequent one, whatever came before: *the the the the*.\n\nThat is a *unigram*: n = 0 words before. It knows no context at all.",
      tr: "En basit tahmin: her sözcük ne sıklıkta geçiyor? O zaman sıradaki en olası sözcük, önce ne gelmiş olursa olsun hep en sık geçendir: *the the the the*.\n\nBuna *unigram* denir: önceki sözcük sayısı n = 0. Hiç bağlam bilmez.",
    },
    figure: "counts", setting: { text: SENTENCE, n: 0 },
    question: { en: "Type a text of your own. Which word would it repeat for ever?", tr: "Kendi metninizi yazın. Hangi sözcüğü sonsuza dek yinelerdi?" },
  },
  {
    title: { en: "A word, given the n before it", tr: "Önceki n sözcüğe göre bir sözcük" },
    text: {
      en: "Count what follows each group of n words. With n = 2: after *man sees* always comes *the*; after *sees the* come *man* and *boy*; after *and the* comes *man*.\n\nWith n = 3: *the man sees* → the; *man sees the* → man 50%, boy 50%; *sees the man* → and. Move the slider, and press a word to see where it was counted.",
      tr: "Her n sözcüklük öbekten sonra ne geldiğini sayın. n = 2 iken *man sees* sonrasında hep *the* gelir; *sees the* sonrasında *man* ve *boy*; *and the* sonrasında *man*.\n\nn = 3 iken *the man sees* → the; *man sees the* → man %50, boy %50; *sees the man* → and. Sürgüyü oynatın; nerede sayıldığını görmek için bir sözcüğe basın.",
    },
    figure: "counts", setting: { text: SENTENCE, n: 2 },
    exercise: {
      task: { en: "Extend the text so that with n = 2 one row has three different words.", tr: "Metni öyle uzatın ki n = 2 iken bir satırda üç farklı sözcük olsun." },
      solved: ({ before, mostChoices }) => before === 2 && mostChoices >= 3,
      solution: { text: `${SENTENCE} and the man sees the dog`, n: 2 },
    },
  },
  {
    title: { en: "The tables grow", tr: "Tablolar büyür" },
    text: {
      en: "A dictionary of V words has Vⁿ possible rows. With 10,000 words and n = 3 these are a million millions.\n\nA text has far fewer, but almost every new word of it makes a new row, and the longer the rows, the more of them have been seen *once*: they say what came, not what could come.",
      tr: "V sözcüklük bir sözlükte Vⁿ olası satır vardır. 10.000 sözcük ve n = 3 için bu bir trilyondur.\n\nBir metinde çok daha azı bulunur; ama neredeyse her yeni sözcük yeni bir satır açar ve satır uzadıkça çoğu yalnız *bir kez* görülmüş olur: ne gelebileceğini değil, ne geldiğini söyler.",
    },
    figure: "growth", setting: { text: STORY },
    question: { en: "Paste a page of a book. How many of its rows with n = 4 were seen more than once?", tr: "Bir kitaptan bir sayfa yapıştırın. n = 4 satırlarının kaçı birden çok görüldü?" },
  },
  {
    title: { en: "Limiting the history", tr: "Geçmişi sınırlamak" },
    text: {
      en: "If the tables are too large, look back less far. Little space is won, and the context is lost: a word far back may be the one that matters.\n\nThese prompts differ in one word, fifteen words back. Counts cannot see it at all: to them both are the same, to the last digit. The RNN’s predictions hardly change; the LSTM’s do by a percent or two: something is left of who went to the park. At the right end: the server’s full model.",
      tr: "Tablolar çok büyükse daha az geriye bakılır. Yerden az kazanılır, bağlam ise kaybolur: asıl önemli olan, uzaktaki bir sözcük olabilir.\n\nBu iki metin, on beş sözcük gerideki tek bir sözcükte ayrılıyor. Sayımlar bunu hiç göremez: ikisi onlar için son basamağına kadar aynıdır. RNN’nin tahminleri neredeyse hiç değişmiyor; LSTM’ninkiler yüzde bir iki değişiyor: parka kimin gittiğinden geriye bir şey kalmış. En sağda: sunucunun tam dil modeli.",
    },
    figure: "pair",
    setting: { text: "one day the girl went to the park with her mom and saw a big", other: "one day the dog went to the park with her mom and saw a big" },
    exercise: {
      task: { en: "Find two prompts which the counts of two words hold to be the same, and the small LSTM’s predictions differ by 15% or more.", tr: "İki sözcüklük sayım için aynı olan, küçük LSTM’nin tahminlerinin ise en az %15 ayrıldığı iki metin bulun." },
      solved: ({ texts, differences }) => texts[0] !== texts[1] && differences.n3 === 0 && differences.lstm >= 0.15,
      solution: { text: "the queen was very", other: "the cake was very" },
    },
  },
];
