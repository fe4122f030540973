"""Words and short sentences in ten languages, written for these tests: what a beginner knows in each of them.

A word that is also an English or Turkish one ("Winter", "pain", "ben") is left out of the other languages: nobody could
tell. What only the others share ("casa", "gato") is in.
"""

WORDS = {
    "en": """house water mother friend tomorrow thanks book school morning evening bread night child door window street
        work yes why always happy beautiful big dog summer money today because weather apple""",
    "tr": """ev su anne arkadaş yarın teşekkürler kitap okul sabah akşam ekmek gece çocuk kapı pencere sokak evet neden
        daima mutlu güzel büyük köpek yaz para bugün çünkü hava elma merhaba""",
    "de": """Haus Wasser Mutter Freund danke Buch Schule Abend Brot Nacht Junge Tür Fenster Straße Arbeit ja warum immer
        glücklich schön groß Hund Sommer Geld heute weil Wetter Apfel Mädchen Brücke""",
    "fr": """maison eau mère ami demain merci livre école matin soir fromage nuit enfant porte fenêtre pluie travail oui
        pourquoi toujours heureux jaune chien hiver argent aujourd'hui parce pomme voiture fille""",
    "es": """casa agua madre abuela mañana gracias libro escuela tarde leche noche niño puerta ventana calle trabajo
        siempre feliz hermoso perro verano dinero hoy porque tiempo manzana izquierda hermano iglesia pueblo""",
    "it": """casa acqua madre amico domani grazie libro scuola mattina sera formaggio notte bambino porta finestra
        strada lavoro perché sempre felice bello cane luglio soldi oggi pioggia mela ragazza chiesa sinistra""",
    "pt": """casa água mãe avó amanhã obrigado livro escola manhã noite leite criança porta janela rua trabalho sim
        sempre feliz bonito cachorro verão dinheiro hoje porque chuva maçã esquerda irmão igreja""",
    "nl": """huis moeder vriend morgen bedankt boek ochtend avond brood nacht jongen deur raam straat werk
        waarom altijd gelukkig mooi groot hond zomer geld vandaag omdat weer appel meisje kerk stoel""",
    "id": """rumah ibu teman besok buku sekolah pagi malam roti anak pintu jendela jalan kerja tidur mengapa
        selalu bahagia cantik besar anjing uang karena cuaca apel selamat tidak perempuan gereja kiri""",
    "pl": """dom woda matka przyjaciel jutro dziękuję książka szkoła rano wieczór chleb noc dziecko drzwi okno ulica
        praca tak dlaczego zawsze szczęśliwy piękny duży pies lato pieniądze dzisiaj ponieważ pogoda jabłko""",
}
"""Thirty words of each language, as a dictionary has them."""

SENTENCES = {
    "en": """Where is the station?
        I don't like coffee.
        We live in a small town.
        My brother works at night.
        Can you help me, please?
        It rained all day.
        The children are asleep.
        How much does it cost?
        She reads a lot.
        Open the window.
        See you tomorrow!
        I forgot my keys at home.
        This soup is too hot.
        Who told you that?
        The train leaves in five minutes.
        He has two sisters.
        What a beautiful garden!
        They never answered.
        Turn left after the bridge.
        I would like some water.""",
    "tr": """İstasyon nerede?
        Kahve sevmem.
        Küçük bir kasabada yaşıyoruz.
        Kardeşim geceleri çalışıyor.
        Bana yardım eder misin?
        Bütün gün yağmur yağdı.
        Çocuklar uyuyor.
        Bu ne kadar?
        Çok kitap okur.
        Pencereyi aç.
        Yarın görüşürüz!
        Anahtarımı evde unuttum.
        Bu çorba fazla sıcak.
        Bunu sana kim söyledi?
        Tren hemen kalkacak.
        Onun iki ablası var.
        Ne güzel bir bahçe!
        Hiç cevap vermediler.
        Köprüden sonra sola dön.
        Biraz su istiyorum.""",
    "de": """Wo ist der Bahnhof?
        Ich mag keinen Kaffee.
        Wir wohnen in einer kleinen Stadt.
        Mein Bruder arbeitet nachts.
        Können Sie mir bitte helfen?
        Es hat den ganzen Tag geregnet.
        Die Kinder schlafen.
        Wie viel kostet das?
        Sie liest sehr viel.
        Mach das Fenster auf.
        Bis morgen!
        Ich habe meine Schlüssel vergessen.
        Die Suppe ist zu heiß.
        Wer hat dir das gesagt?
        Der Zug fährt gleich ab.
        Er hat zwei Schwestern.
        Was für ein schöner Garten!
        Sie haben nie geantwortet.
        Nach der Brücke links.
        Ich möchte etwas Wasser.""",
    "fr": """Où est la gare ?
        Je n'aime pas le café.
        Nous habitons une petite ville.
        Mon frère travaille la nuit.
        Pouvez-vous m'aider ?
        Il a plu toute la journée.
        Les enfants dorment.
        Combien ça coûte ?
        Elle lit beaucoup.
        Ouvre la fenêtre.
        À demain !
        J'ai oublié mes clés à la maison.
        Cette soupe est trop chaude.
        Qui t'a dit ça ?
        Le train part dans cinq minutes.
        Il a deux sœurs.
        Quel beau jardin !
        Ils n'ont jamais répondu.
        Tournez à gauche après le pont.
        Je voudrais de l'eau.""",
    "es": """¿Dónde está la estación?
        No me gusta el café.
        Vivimos en un pueblo pequeño.
        Mi hermano trabaja de noche.
        ¿Puede ayudarme, por favor?
        Llovió todo el día.
        Los niños están dormidos.
        ¿Cuánto cuesta?
        Ella lee mucho.
        Abre la ventana.
        ¡Hasta mañana!
        Olvidé mis llaves en casa.
        Esta sopa está demasiado caliente.
        ¿Quién te dijo eso?
        El tren sale en cinco minutos.
        Tiene dos hermanas.
        ¡Qué jardín tan bonito!
        Nunca respondieron.
        Gire a la izquierda después del puente.
        Quisiera un poco de agua.""",
    "it": """Dov'è la stazione?
        Non mi piace il caffè.
        Abitiamo in una piccola città.
        Mio fratello lavora di notte.
        Può aiutarmi, per favore?
        Ha piovuto tutto il giorno.
        I bambini dormono.
        Quanto costa?
        Lei legge molto.
        Apri la finestra.
        A domani!
        Ho dimenticato le chiavi a casa.
        Questa zuppa è troppo calda.
        Chi te l'ha detto?
        Il treno parte fra cinque minuti.
        Ha due sorelle.
        Che bel giardino!
        Non hanno mai risposto.
        Giri a sinistra dopo il ponte.
        Vorrei un po' d'acqua.""",
    "pt": """Onde fica a estação?
        Não gosto de café.
        Moramos em uma cidade pequena.
        Meu irmão trabalha à noite.
        Você pode me ajudar?
        Choveu o dia inteiro.
        As crianças estão dormindo.
        Quanto custa isso?
        Ela lê muito.
        Abra a janela.
        Até amanhã!
        Esqueci minhas chaves em casa.
        Esta sopa está quente demais.
        Quem te disse isso?
        O trem sai em cinco minutos.
        Ele tem duas irmãs.
        Que jardim bonito!
        Eles nunca responderam.
        Vire à esquerda depois da ponte.
        Eu queria um pouco de água.""",
    "nl": """Waar is het station?
        Ik hou niet van koffie.
        Wij wonen in een kleine stad.
        Mijn broer werkt 's nachts.
        Kunt u mij helpen?
        Het heeft de hele dag geregend.
        De kinderen slapen.
        Hoeveel kost dat?
        Zij leest veel.
        Doe het raam open.
        Tot morgen!
        Ik ben mijn sleutels vergeten.
        Deze soep is te heet.
        Wie heeft je dat verteld?
        De trein vertrekt over vijf minuten.
        Hij heeft twee zussen.
        Wat een mooie tuin!
        Ze hebben nooit geantwoord.
        Ga na de brug naar links.
        Ik wil graag wat water.""",
    "id": """Di mana stasiunnya?
        Saya tidak suka kopi.
        Kami tinggal di kota kecil.
        Kakak saya bekerja malam hari.
        Bisakah Anda membantu saya?
        Hujan turun sepanjang hari.
        Anak-anak sedang tidur.
        Berapa harganya?
        Dia banyak membaca.
        Tolong buka jendelanya.
        Sampai jumpa besok!
        Kunci saya tertinggal di rumah.
        Sup ini terlalu panas.
        Siapa yang bilang begitu?
        Kereta berangkat lima menit lagi.
        Dia punya dua saudara perempuan.
        Indah sekali kebun ini!
        Mereka tidak pernah menjawab.
        Belok kiri setelah jembatan.
        Saya mau minum air.""",
    "pl": """Gdzie jest dworzec?
        Nie lubię kawy.
        Mieszkamy w małym mieście.
        Mój brat pracuje w nocy.
        Czy może mi pan pomóc?
        Cały dzień padał deszcz.
        Dzieci śpią.
        Ile to kosztuje?
        Ona dużo czyta.
        Otwórz okno.
        Do jutra!
        Zapomniałem kluczy z domu.
        Ta zupa jest za gorąca.
        Kto ci to powiedział?
        Pociąg odjeżdża za pięć minut.
        On ma dwie siostry.
        Jaki piękny ogród!
        Nigdy nie odpowiedzieli.
        Za mostem w lewo.
        Poproszę trochę wody.""",
}
"""Twenty short sentences of each language."""


def words(language: str) -> list[str]:
    return WORDS[language].split()


def sentences(language: str) -> list[str]:
    return [line.strip() for line in SENTENCES[language].splitlines()]
