// All texts of the page, in English and Turkish.

export const TEXTS = {
  en: {
    skip: "Skip to the content", tagline: "See what a recurrent model thinks", language: "Language", api: "API page",
    tabs: "What to try", "theme.auto": "Theme: system", "theme.light": "Theme: light", "theme.dark": "Theme: dark",
    "tab.write": "Write", "tab.feel": "Feel", "tab.translate": "Translate", "tab.inside": "Look inside", "tab.ladder": "Ladder", "tab.lecture": "Lecture", "tab.models": "Models",
    model: "Model", "model.auto": "by the text’s language", more: "More settings",
    temperature: "Temperature", "temperature.hint": "Low: only likely words. High: unlikely words too. At 1, the probabilities are as the model has learned them.",
    busy: "Waiting for the server…", by: "Answered by {model}.", "next.end": "■ end of the text",
    "next.none": "The model knows no word that begins so: it may never have read these letters, or not as capitals.",
    "setting.wrong": "{name} must be between {least} and {most}.",
    "setting.least": "{name} must be {least} or more.", "setting.whole": "{name} must be a whole number.",
    "limit.characters": "the text has {length} characters; at most {value} are allowed. Please shorten it.", "limit.items": "at most {value} texts are allowed.",
    "limit.most": "a number is above {value}.", "limit.least": "a number is below {value}.", "limit.marked": "some tokens must be marked, and some not.", "limit.language": "no model here knows the text’s language ({value}). Write in a language of the tab Models; where a model can be chosen, choosing one skips this check.",
    "limit.units": "the units of this layer are 0 to {value}.", "limit.digits": "only the digits, zero to nine, can be said: as English or Turkish words, or in figures.",
    tokens: "Maximum tokens", seed: "Seed", topk: "Top k", topp: "Top p", stop: "Stop before",
    "write.lead": "Type: after every key, the model predicts the next word. The bars are probabilities; press one to insert its word.",
    "write.text": "Your text", "write.keys": "Tab inserts the most likely word. Esc, then Tab, leaves the box.",
    "write.space": "A word with no space after it counts as unfinished: the bars complete it.",
    "write.on": "Continue", "write.stop": "Stop", "write.keep": "Keep this text", "write.story": "Generated text",
    "settings.hint": "A token is a word or a piece of one. The same seed writes the same text again. Top k: only the k likeliest tokens are chosen from. Top p: only the likeliest that together reach the probability p.",
    "write.unsure": "unlikely", "write.sure": "likely", "write.click": "Click a word, or a piece of one, to see its alternatives.",
    "write.next": "What comes next", "write.other": "all other words",
    "write.token": "{token}, {percent}", "write.done": "Done: {tokens} tokens, seed {seed}.", "write.done.one": "Done: one token, seed {seed}.", "write.empty": "Write something first.",
    "write.start": "Once upon a time, there was a little ",
    choices: "Alternatives", "choices.chosen": "chosen",
    "feel.lead": "A classifier gives each line a label: in the models here, how a text feels. The coloured words are those of the line with the cursor: each number is exactly what the word adds to the score of the label.",
    "feel.text": "Texts, one per line", "feel.words": "Contribution of each word", "feel.for": "for the label", "feel.against": "against the label",
    "feel.verdict": "Prediction", "feel.all": "All lines", "feel.csv": "Download as CSV", "feel.line": "Line",
    "feel.label": "Label", "feel.score": "Probability",
    "feel.sum": "For “{label}”, the contributions add up to {sum}; with the bias of {bias}, which every text gets, the logit is {logit}: the score that softmax turns into a probability.",
    "feel.left": "Only the first {most} lines are classified; {left} are left out.",
    "feel.start": "A wonderful film, quiet and moving.\nToo long, and the jokes are not funny.",
    "label.positive": "positive", "label.negative": "negative", "label.neutral": "neutral",
    "translate.lead": "The language is detected, English or Turkish. While it writes a word of the translation, the model attends to words of the source: the map shows to which, and how much.",
    "translate.text": "Text", "translate.target": "Into", "translate.auto": "the other language", "translate.swap": "Swap",
    "translate.result": "Translation", "translate.others": "Alternatives", "translate.attention": "Attention",
    "translate.sources": "Words of the source", "translate.writtens": "Words of the translation",
    "translate.hover": "Each row adds up to 100%. Point at a word or a field, or tap it, to see its attention. Signs in angle brackets: the language to write, and the end of the sentence.",
    "translate.doubt": "Low quality ({percent}): do not rely on this translation.",
    "translate.quality": "Expected quality, by the model’s own estimate: {percent}.",
    "translate.unchanged": "The text is in the target language already.",
    "translate.unknown": "(no language recognized)", "translate.little": "no attention", "translate.much": "all of it",
    "translate.found": "(detected: {language}, {percent} sure)", "translate.start": "Where is the old station?",
    "translate.choose": "Click a word to see others in its place.",
    "translate.chosen": "Begins as you chose; the rest follows.", "translate.free": "Translate freely",
    "translate.instead": "In the place of “{word}”", "translate.none": "No other word is likely here.",
    "translate.cell": "attention of “{target}” to “{source}”: {percent}",
    "tab.senses": "Senses", clear: "Clear", digits: "zero one two three four five six seven eight nine",
    "senses.lead": "An image is a sequence of pixels, sound is a sequence of frames, a title is a sequence of words. Recurrent networks read and write them as they do text.",
    "senses.none": "This server has no model of images, sound or summaries.",
    "draw.title": "Draw: one pixel after the other", "draw.top": "The rows that are there already", "draw.rows": "Rows that stay",
    "draw.lead": "Draw the upper part of a digit, or nothing. The model draws the rest in eight ways: each pixel given all above it and to its left.",
    "draw.keys": "Draw with the mouse or a finger; what is above the dashed line stays. By keyboard: arrow keys move, the space bar draws, Backspace erases.", "draw.run": "Draw eight", "draw.digit": "Digit", "draw.any": "any",
    "draw.images": "Drawings", "draw.image": "Drawing {index}", "draw.known": "Drawing {index}: {nats} nats (fewer: likelier)", "draw.done": "Done: seed {seed}.",
    "draw.large": "How likely was ink, pixel by pixel?", "draw.point": "The stronger the ink, the likelier. Point at a pixel, tap it, or move with the arrow keys.",
    "draw.pixel": "Row {row}, column {column}: {percent}",
    "read.title": "Read: a picture, column by column, to words", "read.grid": "Up to five digits, side by side", "read.file": "A picture",
    "read.keys": "Draw up to five digits with the mouse or a finger, as high as the box. By keyboard: arrow keys move, the space bar draws, Backspace erases.",
    "read.example": "Let the model draw three", "read.words": "Words of the picture", "read.hover": "Beside each word is its probability. Point at a word or tap it: the strip below the picture shows the columns that it attends to.",
    "read.faint": "Draw on: that is too little ink for a digit.",
    "listen.title": "Listen: spoken digits to words", "listen.map": "Spectrogram: frequencies up to 4 kHz over time", "listen.words": "Words where the model hears them",
    "listen.record": "Record", "listen.stop": "Stop", "listen.play": "Play", "listen.file": "A recording", "listen.nothing": "(no digit)",
    "listen.hint": "The picture is a spectrogram: time from left to right, frequencies from 0 up to 4 kHz, stronger where it is louder. The model knows the English digits, such as “three seven one”. A recording can also be dropped on the picture.",
    "listen.unreadable": "The browser can’t read this file as sound.", "listen.refused": "The browser does not allow the microphone.",
    "speak.title": "Speak: words to sound", "speak.text": "Digits, in words", "speak.voice": "Voice", "speak.run": "Speak", "senses.spoken": "three seven one",
    "speak.hint": "Above: its spectrogram, and what the other model hears.", "speak.any": "any",
    "summarize.title": "Summarize: the abstract of a paper to a title", "summarize.text": "Abstract, in English", "summarize.run": "Write a title",
    "summarize.generated": "generated", "summarize.copied": "copied from the text", "summarize.word": "{percent} copied",
    "senses.abstract": "Attention is usually explained by pictures. We present a tool that shows the attention of a recurrent translator word by word, and a study of how 24 students use it to find errors in the output of machine translation.",
    "inside.lead": "An LSTM reads one token after the other; a token is a word or a piece of one. Each of its layers has hundreds of units. A unit remembers one number, its cell state; its gates, from 0 to 1, say how much of it is kept, added and passed on. Each row of the map is a unit, each column a token.",
    "inside.text": "A sentence", "inside.layer": "Layer", "inside.direction": "Direction", "inside.series": "Show",
    "inside.units": "Units", "inside.units.hint": "Units: numbers separated by commas, such as 3, 17; if empty, the twelve that “Find” says.",
    "inside.find": "Find", "find.hidden": "units whose output changes most", "find.cell": "units whose cell changes most", "find.counters": "counters: cells that move in one direction",
    "formula.cell": "cell = forget × cell before + input × candidate", "formula.hidden": "hidden = output × tanh(cell)",
    "inside.units.wrong": "Units are numbers separated by commas, such as 3, 17.",
    "inside.map": "Units over tokens", "inside.own": "(each unit has its own scale)", "inside.change": "all units: change", "inside.unit": "unit {unit}",
    "inside.readout": "{row}, at “{token}”: {value}", "inside.title": "Unit {unit}: all gates and states",
    "inside.mark.how": "Click a unit to see all its gates. Click tokens above the map to mark them: it then shows the units that are high at these and low at the others. The first row: how far a token moves all units, on average.",
    "inside.mark.hidden": "Units whose hidden state is high at the marked tokens and low at the others; in brackets the correlation, 1 at best.",
    "inside.mark.cell": "Units whose cell state is high at the marked tokens and low at the others; in brackets the correlation, 1 at best.",
    "inside.mark.all": "Leave at least one token unmarked, to compare with.", "inside.unmark": "Remove the marks",
    "excite.title": "Sentences that excite this unit", "excite.go": "Find sentences", "excite.stop": "Stop ({done} of {all})",
    "excite.about": "The model reads forty sentences, one after the other. The five with the unit’s highest hidden state are listed, its peak marked.",
    "inside.start": "The little girl who lost her dog was very sad, but then she found it.",
    "direction.forward": "from left to right", "direction.backward": "from right to left",
    "series.cell": "cell state", "series.forget": "forget gate", "series.input": "input gate", "series.output": "output gate",
    "series.candidate": "candidate", "series.hidden": "hidden state",
    "about.cell": "The unit’s memory. Blue is above zero, orange below; a colour that persists is something remembered.",
    "about.forget": "How much of the cell state is kept: full colour keeps all of it, no colour erases it.",
    "about.input": "How much of the candidate is added to the cell state.",
    "about.output": "How much of the cell state is passed to the next layer and to the next step.",
    "about.candidate": "The new value for the cell state, between −1 and 1; the input gate decides how much of it is added.",
    "about.hidden": "The unit’s output: tanh of the cell state, times the output gate.",
    "about.hidden.only": "The unit’s output, which is its memory too: this model’s units have no cell state.",
    "ladder.lead": "What each model predicts after one text, from counting words to the LSTM. Perplexity says among how many equally likely words a model seems to choose, on text that it has not learned from: lower is better. It compares models with the same vocabulary: the rungs with each other, but not with the full model, the last one.",
    "rung.n1": "each word by itself", "rung.n2": "counts: 1 word before", "rung.n3": "counts: 2 words before", "rung.kneser-ney": "Kneser–Ney: 3 words before", "rung.rnn": "RNN", "rung.gru": "GRU", "rung.lstm": "LSTM", "rung.transformer": "Transformer",
    "ladder.text": "Your text", "ladder.language": "Models of", "ladder.rungs": "Predictions of each rung",
    "ladder.perplexity": "perplexity {value}", "ladder.infinite": "perplexity ∞: it assigned zero probability to some words",
    "ladder.none": "A ladder needs more than one model. The project’s page docs/ladder.md explains how to train the others on your own text, with one command.",
    "ladder.start": "once upon a time there was a little ",
    "models.lead": "The models of this server, their scores on data that they have not learned from, and their learning curves. Parameters are the numbers that training sets. Perplexity and nats are best when low; accuracy, BLEU, chrF2 and ROUGE when high.",
    "models.running": "requests running", "models.waiting": "waiting", "models.written": "tokens generated per second",
    "models.read": "prompt tokens per second", "models.languages": "languages", "models.size": "size", "models.parameters": "parameters",
    "models.vocabulary": "vocabulary", "models.precision": "precision", "models.numbers": "scores", "models.curve": "Learning curve", "models.train": "training loss", "models.steps": "steps of training", "models.valid": "validation {score}",
    "models.nocurve": "No learning curve was recorded.",
    "score.perplexity_per_word": "perplexity per word", "score.accuracy": "accuracy", "score.word_accuracy": "word accuracy", "score.loss": "loss", "score.rouge1": "ROUGE-1", "score.rougeL": "ROUGE-L", "score.nats": "nats", "score.distance": "distance", "score.nats_given_class": "nats given class", "score.bleu": "BLEU", "score.chrf2": "chrF2",
    "kind.language": "language model", "kind.classifier": "classifier", "kind.translator": "translator",
    "kind.ngram": "n-gram counts", "kind.bag": "bag of words", "kind.image": "model of images", "kind.captioner": "reader of pictures",
    "kind.recognizer": "speech recognizer", "kind.speaker": "speech synthesizer", "kind.summarizer": "summarizer", "kind.transformer": "Transformer",
    "copy.as": "Copy this request as", "copy.done": "Copied.", "copy.failed": "The browser does not let this page copy; here it is:", "copy.link": "link", "copy.this": "Copy a",
    "key.title": "An API key is needed", "key.label": "Key", "key.hint": "It stays in this tab and is sent to this server only.",
    "key.use": "Use key", "key.cancel": "Cancel",
    "error.lost": "The server can’t be reached. Trying again…", "error.wait": "Too many requests. Trying again in {seconds} s…",
    "error.down": "The server is shutting down or restarting. Trying again…", "error.time": "The request timed out.",
    "error.key": "The server requires an API key.", "error.wrongkey": "The server does not know this API key.", "error.big": "The request is too large for this server: {detail}",
    "error.ours": "The server failed. Its log has the cause, under this request id: {id}", "error.other": "The server refused the request: {detail}",
    "error.model": "No suitable model: {detail}", "error.line": "line {line}: {detail}", "error.stream": "The stream was interrupted: {detail}",
    "language.en": "English", "language.tr": "Turkish",
  },
  tr: {
    skip: "İçeriğe geç", tagline: "Yinelemeli bir modelin ne düşündüğünü görün", language: "Dil", api: "API sayfası",
    tabs: "Bölümler", "theme.auto": "Tema: sistem", "theme.light": "Tema: açık", "theme.dark": "Tema: koyu",
    "tab.write": "Yazma", "tab.feel": "Duygu", "tab.translate": "Çeviri", "tab.inside": "İç yapı", "tab.ladder": "Merdiven", "tab.lecture": "Ders", "tab.models": "Modeller",
    model: "Model", "model.auto": "metnin diline göre", more: "Diğer ayarlar",
    temperature: "Sıcaklık", "temperature.hint": "Düşük: yalnızca olası sözcükler. Yüksek: olası olmayanlar da. 1’de olasılıklar modelin öğrendiği gibidir.",
    busy: "Sunucu bekleniyor…", by: "Yanıtlayan model: {model}.", "next.end": "■ metnin sonu",
    "next.none": "Model böyle başlayan bir sözcük bilmiyor: bu harfleri ya hiç okumamış ya da büyük harf olarak okumamış.",
    "setting.wrong": "{name}, {least} ile {most} arasında olmalı.",
    "setting.least": "{name} en az {least} olmalı.", "setting.whole": "{name} tam sayı olmalı.",
    "limit.characters": "metin {length} karakter; en çok {value} karakter olabilir. Lütfen kısaltın.", "limit.items": "en çok {value} metin olabilir.",
    "limit.most": "bir sayı {value} sınırının üstünde.", "limit.least": "bir sayı {value} sınırının altında.", "limit.marked": "bazı parçalar işaretli, bazıları işaretsiz olmalı.", "limit.language": "bu sunucuda metnin dilini ({value}) bilen bir model yok. Modeller sekmesindeki dillerden birinde yazın; model seçilebilen yerde bir model seçerseniz dile bakılmaz.",
    "limit.units": "bu katmanın birimleri 0 ile {value} arasındadır.", "limit.digits": "yalnızca sıfırdan dokuza rakamlar söylenebilir: İngilizce ya da Türkçe sözcüklerle veya rakamla.",
    tokens: "En çok parça", seed: "Tohum", topk: "Top k", topp: "Top p", stop: "Şundan önce dur",
    "write.lead": "Yazın: model her tuştan sonra sıradaki sözcüğü tahmin eder. Çubuklar olasılıktır; birine basınca sözcüğü eklenir.",
    "write.text": "Metniniz", "write.keys": "Sekme en olası sözcüğü ekler. Kutudan çıkmak için önce Esc, sonra Sekme.",
    "write.space": "Ardında boşluk olmayan sözcük bitmemiş sayılır: çubuklar onu tamamlar.",
    "write.on": "Devam et", "write.stop": "Dur", "write.keep": "Bu metni kullan", "write.story": "Modelin yazdığı",
    "settings.hint": "Parça, bir sözcük ya da onun bir bölümüdür. Aynı tohum aynı metni yeniden yazar. Top k: yalnızca en olası k parça arasından seçilir. Top p: yalnızca olasılıkları birlikte p’ye ulaşan en olası parçalar arasından.",
    "write.unsure": "az olası", "write.sure": "çok olası", "write.click": "Seçeneklerini görmek için bir sözcüğe ya da bir bölümüne tıklayın.",
    "write.next": "Sıradaki sözcük", "write.other": "kalan bütün sözcükler",
    "write.token": "{token}, {percent}", "write.done": "Bitti: {tokens} parça, tohum {seed}.", "write.done.one": "Bitti: bir parça, tohum {seed}.", "write.empty": "Önce bir şey yazın.",
    "write.start": "Bir gün okula ",
    choices: "Seçenekler", "choices.chosen": "seçilen",
    "feel.lead": "Sınıflandırıcı her satıra bir etiket verir: buradaki modellerde metnin duygusunu. Renkli sözcükler, imlecin bulunduğu satırınkilerdir: her sayı, sözcüğün etiketin puanına tam olarak ne kattığıdır.",
    "feel.text": "Metinler, her satırda bir tane", "feel.words": "Her sözcüğün katkısı", "feel.for": "etiketin lehine", "feel.against": "etiketin aleyhine",
    "feel.verdict": "Tahmin", "feel.all": "Bütün satırlar", "feel.csv": "CSV olarak indir", "feel.line": "Satır",
    "feel.label": "Etiket", "feel.score": "Olasılık",
    "feel.sum": "“{label}” için katkıların toplamı {sum}; her metne eklenen {bias} sapmasıyla birlikte logit {logit} eder: softmax’ın olasılığa çevirdiği puan.",
    "feel.left": "Yalnızca ilk {most} satır sınıflandırıldı; {left} satır dışarıda kaldı.",
    "feel.start": "Harika bir film, sakin ve dokunaklı.\nÇok uzun, şakaları da komik değil.",
    "label.positive": "olumlu", "label.negative": "olumsuz", "label.neutral": "nötr",
    "translate.lead": "Dil kendiliğinden bulunur, Türkçe ya da İngilizce. Model çevirinin bir sözcüğünü yazarken kaynağın sözcüklerine dikkat eder: tablo hangilerine, ne kadar olduğunu gösterir.",
    "translate.text": "Metin", "translate.target": "Hedef dil", "translate.auto": "öteki dil", "translate.swap": "Yer değiştir",
    "translate.result": "Çeviri", "translate.others": "Seçenekler", "translate.attention": "Dikkat",
    "translate.sources": "Kaynağın sözcükleri", "translate.writtens": "Çevirinin sözcükleri",
    "translate.hover": "Her satırın toplamı %100’dür. Dikkati görmek için bir sözcüğün ya da alanın üzerine gelin veya dokunun. Açılı ayraç içindekiler: yazılacak dil ve cümlenin sonu.",
    "translate.doubt": "Düşük kalite ({percent}): bu çeviriye güvenmeyin.",
    "translate.quality": "Modelin kendi tahminine göre beklenen kalite: {percent}.",
    "translate.unchanged": "Metin zaten hedef dilde.",
    "translate.unknown": "(dil tanınmadı)", "translate.little": "hiç", "translate.much": "hepsi",
    "translate.found": "(bulunan dil: {language}, {percent} emin)", "translate.start": "Eski istasyon nerede?",
    "translate.choose": "Yerine gelebilecek başka sözcükleri görmek için bir sözcüğe tıklayın.",
    "translate.chosen": "Seçtiğiniz gibi başlıyor; gerisi ona göre çevrildi.", "translate.free": "Serbest çevir",
    "translate.instead": "“{word}” yerine", "translate.none": "Burada başka bir sözcük olası değil.",
    "translate.cell": "“{target}” için “{source}” sözcüğüne dikkat: {percent}",
    "tab.senses": "Duyular", clear: "Temizle", digits: "sıfır bir iki üç dört beş altı yedi sekiz dokuz",
    "senses.lead": "Bir resim piksellerin, bir ses çerçevelerin, bir başlık sözcüklerin dizisidir. Yinelemeli ağlar bunları da metin gibi okur ve üretir.",
    "senses.none": "Bu sunucuda resim, ses ya da özet modeli yok.",
    "draw.title": "Çizim: piksel piksel", "draw.top": "Hazır satırlar", "draw.rows": "Korunan satırlar",
    "draw.lead": "Bir rakamın üst kısmını çizin ya da boş bırakın. Model gerisini sekiz ayrı biçimde çizer: her piksel, üstündekilere ve solundakilere bakarak.",
    "draw.keys": "Fareyle ya da parmakla çizin; kesik çizginin üstündekiler kalır. Klavyeyle: ok tuşları ilerletir, boşluk çizer, Backspace siler.", "draw.run": "Sekiz tane çiz", "draw.digit": "Rakam", "draw.any": "herhangi",
    "draw.images": "Çizimler", "draw.image": "{index}. çizim", "draw.known": "{index}. çizim: {nats} nat (azsa daha olası)", "draw.done": "Bitti: tohum {seed}.",
    "draw.large": "Her pikselde mürekkep olasılığı neydi?", "draw.point": "Mürekkep ne kadar güçlüyse o kadar olası. Bir pikselin üzerine gelin, dokunun ya da ok tuşlarıyla ilerleyin.",
    "draw.pixel": "{row}. satır, {column}. sütun: {percent}",
    "read.title": "Okuma: sütun sütun bir resimden sözcüklere", "read.grid": "Yan yana en çok beş rakam", "read.file": "Bir resim",
    "read.keys": "Fareyle ya da parmakla, kutunun boyunda en çok beş rakam çizin. Klavyeyle: ok tuşları ilerletir, boşluk çizer, Backspace siler.",
    "read.example": "Üç rakamı model çizsin", "read.words": "Resmin sözcükleri", "read.hover": "Her sözcüğün yanında olasılığı var. Bir sözcüğün üzerine gelin ya da dokunun: resmin altındaki şerit, dikkat edilen sütunları gösterir.",
    "read.faint": "Çizmeye devam edin: bu kadar mürekkep bir rakam için çok az.",
    "listen.title": "Dinleme: söylenen rakamlardan sözcüklere", "listen.map": "Spektrogram: zaman içinde 4 kHz’e kadar frekanslar", "listen.words": "Modelin duyduğu yerde sözcükler",
    "listen.record": "Kaydet", "listen.stop": "Durdur", "listen.play": "Çal", "listen.file": "Bir ses kaydı", "listen.nothing": "(rakam yok)",
    "listen.hint": "Resim bir spektrogramdır: zaman soldan sağa, frekanslar aşağıdan yukarı 0’dan 4 kHz’e, sesin güçlü olduğu yerde renk de güçlü. Model İngilizce rakamları bilir, örneğin “three seven one”. Bir ses kaydı resmin üzerine de bırakılabilir.",
    "listen.unreadable": "Tarayıcı bu dosyayı ses olarak okuyamıyor.", "listen.refused": "Tarayıcı mikrofona izin vermiyor.",
    "speak.title": "Konuşma: sözcüklerden sese", "speak.text": "Sözcüklerle rakamlar", "speak.voice": "Konuşan", "speak.run": "Söyle", "senses.spoken": "üç yedi bir",
    "speak.hint": "Yukarıda: sesin spektrogramı ve öteki modelin duydukları. Model rakamları İngilizce söyler.", "speak.any": "herhangi",
    "summarize.title": "Özet: bir makalenin özünden başlığına", "summarize.text": "Öz (İngilizce)", "summarize.run": "Başlık yaz",
    "summarize.generated": "üretilen", "summarize.copied": "metinden kopyalanan", "summarize.word": "kopyalanma payı {percent}",
    "senses.abstract": "Attention is usually explained by pictures. We present a tool that shows the attention of a recurrent translator word by word, and a study of how 24 students use it to find errors in the output of machine translation.",
    "inside.lead": "LSTM parçaları birer birer okur; parça bir sözcük ya da onun bir bölümüdür. Her katmanında yüzlerce birim vardır. Bir birim tek bir sayıyı, hücre durumunu hatırlar; 0 ile 1 arasındaki kapıları bunun ne kadarının korunacağını, ekleneceğini ve geçirileceğini söyler. Haritada her satır bir birim, her sütun bir parçadır.",
    "inside.text": "Bir cümle", "inside.layer": "Katman", "inside.direction": "Yön", "inside.series": "Göster",
    "inside.units": "Birimler", "inside.units.hint": "Birimler: aralarında virgülle sayılar, örneğin 3, 17; boşsa “Bul” alanının seçtiği on iki birim.",
    "inside.find": "Bul", "find.hidden": "çıktısı en çok değişen birimler", "find.cell": "hücresi en çok değişen birimler", "find.counters": "sayaçlar: hücresi hep aynı yöne giden birimler",
    "formula.cell": "hücre = unutma × önceki hücre + giriş × aday", "formula.hidden": "gizli durum = çıkış × tanh(hücre)",
    "inside.units.wrong": "Birimler, aralarında virgül olan sayılardır; örneğin 3, 17.",
    "inside.map": "Parçalar boyunca birimler", "inside.own": "(her birim kendi ölçeğinde)", "inside.change": "bütün birimler: değişim", "inside.unit": "birim {unit}",
    "inside.readout": "{row}, “{token}” parçasında: {value}", "inside.title": "Birim {unit}: bütün kapılar ve durumlar",
    "inside.mark.how": "Bütün kapılarını görmek için bir birime tıklayın. Haritanın üstündeki parçaları tıklayarak işaretleyin: harita o zaman bunlarda yüksek, ötekilerde düşük olan birimleri gösterir. İlk satır: bir parçanın bütün birimleri ortalama ne kadar değiştirdiği.",
    "inside.mark.hidden": "Gizli durumu işaretli parçalarda yüksek, ötekilerde düşük olan birimler; ayraç içindeki sayı korelasyondur, en iyisi 1.",
    "inside.mark.cell": "Hücre durumu işaretli parçalarda yüksek, ötekilerde düşük olan birimler; ayraç içindeki sayı korelasyondur, en iyisi 1.",
    "inside.mark.all": "Karşılaştırma için en az bir parçayı işaretsiz bırakın.", "inside.unmark": "İşaretleri kaldır",
    "excite.title": "Bu birimi uyaran cümleler", "excite.go": "Cümle bul", "excite.stop": "Durdur ({done}/{all})",
    "excite.about": "Model kırk cümleyi birer birer okur. Birimin gizli durumunun en yüksek olduğu beş cümle, tepe noktası işaretli olarak listelenir.",
    "inside.start": "Köpeğini kaybeden küçük kız çok üzgündü ama sonra onu buldu.",
    "direction.forward": "soldan sağa", "direction.backward": "sağdan sola",
    "series.cell": "hücre durumu", "series.forget": "unutma kapısı", "series.input": "giriş kapısı", "series.output": "çıkış kapısı",
    "series.candidate": "aday", "series.hidden": "gizli durum",
    "about.cell": "Birimin belleği. Mavi sıfırın üstü, turuncu altıdır; kalıcı bir renk, hatırlanan bir şeydir.",
    "about.forget": "Hücre durumunun ne kadarının korunduğu: tam renk hepsini korur, renksizlik siler.",
    "about.input": "Adayın ne kadarının hücre durumuna eklendiği.",
    "about.output": "Hücre durumunun ne kadarının üst katmana ve sonraki adıma geçtiği.",
    "about.candidate": "Hücre durumunun yeni değeri, −1 ile 1 arasında; ne kadarının ekleneceğini giriş kapısı belirler.",
    "about.hidden": "Birimin çıktısı: hücre durumunun tanh değeri çarpı çıkış kapısı.",
    "about.hidden.only": "Birimin çıktısı, aynı zamanda belleği: bu modelin birimlerinde hücre durumu yoktur.",
    "ladder.lead": "Tek bir metin ve her modelin sırada ne beklediği: sözcük saymaktan LSTM’ye. Şaşkınlık (perplexity), modelin hiç görmediği bir metinde her adımda sanki eşit olasılıklı kaç sözcük arasından seçtiğini söyler: düşüğü iyidir. Söz varlığı aynı olan modeller karşılaştırılabilir: basamaklar birbiriyle, ama en sondaki tam modelle değil.",
    "rung.n1": "her sözcük tek başına", "rung.n2": "sayım: önceki 1 sözcük", "rung.n3": "sayım: önceki 2 sözcük", "rung.kneser-ney": "Kneser–Ney: önceki 3 sözcük", "rung.rnn": "RNN", "rung.gru": "GRU", "rung.lstm": "LSTM", "rung.transformer": "Transformer",
    "ladder.text": "Metniniz", "ladder.language": "Dili", "ladder.rungs": "Her basamağın tahminleri",
    "ladder.perplexity": "şaşkınlık {value}", "ladder.infinite": "şaşkınlık ∞: bazı sözcüklere sıfır olasılık vermiş",
    "ladder.none": "Tek model merdiven olmaz. Öbürlerini kendi metninizden tek komutla nasıl yapacağınızı projenin docs/ladder.tr.md sayfası anlatıyor.",
    "ladder.start": "once upon a time there was a little ",
    "models.lead": "Bu sunucunun modelleri, hiç görmedikleri verilerdeki puanları ve öğrenme eğrileri. Parametreler, eğitimin belirlediği sayılardır. Şaşkınlık (perplexity) ve nat düşükken; doğruluk (accuracy), BLEU, chrF2 ve ROUGE yüksekken iyidir.",
    "models.running": "çalışan istek", "models.waiting": "bekleyen", "models.written": "saniyede üretilen parça",
    "models.read": "saniyede okunan parça", "models.languages": "diller", "models.size": "boyut", "models.parameters": "parametre",
    "models.vocabulary": "söz varlığı", "models.precision": "sayı biçimi", "models.numbers": "puanlar", "models.curve": "Öğrenme eğrisi", "models.train": "eğitim kaybı", "models.steps": "eğitim adımı", "models.valid": "doğrulama: {score}",
    "models.nocurve": "Öğrenme eğrisi kaydedilmemiş.",
    "score.perplexity_per_word": "sözcük başına şaşkınlık", "score.accuracy": "doğruluk", "score.word_accuracy": "sözcük doğruluğu", "score.loss": "kayıp", "score.rouge1": "ROUGE-1", "score.rougeL": "ROUGE-L", "score.nats": "nat", "score.distance": "uzaklık", "score.nats_given_class": "sınıfı bilinince nat", "score.bleu": "BLEU", "score.chrf2": "chrF2",
    "kind.language": "dil modeli", "kind.classifier": "sınıflandırıcı", "kind.translator": "çeviri modeli",
    "kind.ngram": "n-gram sayımları", "kind.bag": "sözcük torbası", "kind.image": "resim modeli", "kind.captioner": "resim okuyan model",
    "kind.recognizer": "konuşma tanıyan model", "kind.speaker": "konuşma üreten model", "kind.summarizer": "özetleyen model", "kind.transformer": "Transformer",
    "copy.as": "Bu isteği kopyala:", "copy.done": "Kopyalandı.", "copy.failed": "Tarayıcı kopyalamaya izin vermiyor; işte burada:", "copy.link": "bağlantı", "copy.this": "Kopyala:",
    "key.title": "API anahtarı gerekli", "key.label": "Anahtar", "key.hint": "Bu sekmede kalır ve yalnızca bu sunucuya gönderilir.",
    "key.use": "Kullan", "key.cancel": "Vazgeç",
    "error.lost": "Sunucuya ulaşılamıyor. Yeniden deneniyor…", "error.wait": "Çok fazla istek. {seconds} sn sonra yeniden denenecek…",
    "error.down": "Sunucu kapanıyor ya da yeniden başlıyor. Yeniden deneniyor…", "error.time": "İstek zaman aşımına uğradı.",
    "error.key": "Sunucu bir API anahtarı istiyor.", "error.wrongkey": "Sunucu bu API anahtarını tanımıyor.", "error.big": "İstek bu sunucu için çok büyük: {detail}",
    "error.ours": "Sunucuda hata oldu. Nedeni günlüğünde, bu isteğin numarasıyla: {id}", "error.other": "Sunucu isteği kabul etmedi: {detail}",
    "error.model": "Uygun model yok: {detail}", "error.line": "{line}. satır: {detail}", "error.stream": "Akış kesildi: {detail}",
    "language.en": "İngilizce", "language.tr": "Türkçe",
  },
};

const listeners = [];
let currentLanguage = "en";

/** Add texts, { en, tr }, of a part of the page that is loaded later. */
export const addTexts = (texts) => languages.forEach((name) => Object.assign(TEXTS[name], texts[name]));

export const language = () => currentLanguage;
export const languages = Object.keys(TEXTS);

/** The text with a name, with the values for the names in braces. Of an unknown name, the part after the last dot. */
export function t(name, values = {}) {
  const text = TEXTS[currentLanguage][name] ?? TEXTS.en[name] ?? name.split(".").pop();
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

/** A share in percent; one that would be rounded to nothing is less than the smallest percentage, one of nearly all is not all. */
export function percent(share) {
  const [smallest, largest] = [0.0001, 0.999];
  if (share > 0 && share < smallest) return `<${rounded(smallest)}`;
  return share >= 0.995 && share < 1 ? formatShare(Math.min(share, largest), 1) : rounded(share);
}

/** Shares that add up to 1 as percentages that do, to one decimal; one that would be rounded to nothing is less than the least. */
export const percents = (shares) => roundedTo(shares, 3).map((share, index) => (share === 0 && shares[index] > 0 ? `<${formatShare(0.001, 1)}` : formatShare(share, 1)));

/** Numbers rounded to some decimals so that they add up to their sum, rounded: those that lose most are rounded up. */
export function roundedTo(values, decimals = 2) {
  const unit = 10 ** decimals;
  const floors = values.map((value) => Math.floor(value * unit));
  const missing = Math.round(values.reduce((sum, value) => sum + value, 0) * unit) - floors.reduce((sum, value) => sum + value, 0);
  const order = values.map((_, index) => index).sort((one, other) => values[other] * unit - floors[other] - (values[one] * unit - floors[one]));
  for (const index of order.slice(0, missing)) floors[index]++;
  return floors.map((value) => value / unit);
}

const rounded = (share) => formatShare(share, share >= 0.0995 ? 0 : share >= 0.00995 ? 1 : 2);

const formatShare = (share, digits) => new Intl.NumberFormat(currentLanguage, { style: "percent", maximumFractionDigits: digits }).format(share);

/** A number in the page's language. A perplexity this large means a probability of zero: evaluations limit it to 1e300, since JSON has no infinity. */
export const number = (value, digits = 2) =>
  value === null || value > 1e290 ? "∞" : new Intl.NumberFormat(currentLanguage, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

/** The name of a language, in the page's language. */
export const languageName = (code) => new Intl.DisplayNames(currentLanguage, { type: "language" }).of(code);

/** Add a listener for changes of the language. */
export const onLanguage = (listener) => listeners.push(listener);

/** Set the page's language, and all its fixed texts. */
export function applyLanguage(name) {
  currentLanguage = languages.includes(name) ? name : "en";
  document.documentElement.lang = currentLanguage;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
  for (const listener of listeners) listener();
}
