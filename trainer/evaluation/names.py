"""First and last names from many countries, in Latin letters, for `trainer/evaluation/kept.py`."""

_FIRST_NAMES = """
Abdoulaye Adaeze Agnieszka Aisulu Akosua Alejandra Amarachi Anneliese Aodhan Arantxa Aslıhan Aurélie Ayberk
Aybüke Balázs Bartosz Begüm Berfin Birgitta Bogdana Bronwyn Caoimhe Chiara Chidinma Ciarán Cosmin Czesława
Dagny Damilola Deividas Dilnoza Dorottya Ebubekir Egemen Eilidh Ekaterini Elif Emeka Erzsébet Eylül Fadhila
Faolán Feyza Fionnuala Folasade Furkan Gauthier Giedrė Giulia Gwendolyn Gyöngyi Gözde Habibe Hallvard Hazal
Hilarion Ignacio Ileana Jacinta Jadwiga Jarosław Jitka Kaarina Katarzyna Kgomotso Kwabena Kıvanç Lamiya
Leocadia Liesbeth Ljubica Lwazi Marjolein Małgorzata Mireille Mücahit Naledi Nezahat Ngozi Nkechi Nuray Nurgül
Oisín Oluwaseun Ottilie Oğulcan Paavali Penélope Pranav Pınar Quentin Radmila Raghunath Ragnhild Rüveyda
Saoirse Sevgül Siobhan Snorri Stanislava Sümeyye Tadeusz Thabiso Thandiwe Tiphaine Toivo Tuğba Tünde Umut
Urszula Uxía Vasiliki Vytautas Wanjiru Wiesława Xiomara Yağmur Yaşar Yewande Yiğit Zbigniew Zeliha Zoltán
Zuzana Çağatay Çisem Öykü İdil İlkay Şevval Şükran
"""
_LAST_NAMES = """
Abubakar Adeyemi Aksoylu Akçay Albuquerque Andersson Arslanoğlu Asante Azarenko Bakırcıoğlu Balogun
Bayraktaroğlu Bermúdez Björnsdóttir Boateng Bozdağ Brzeziński Büyükkaya Bąkowski Castellanos Chukwuemeka
Coşkuner Demirtaş Devereaux Diallo Dlamini Domínguez Durmuşoğlu Dąbrowska Echeverría Eriksen Etxeberria
Fernandes Fitzwilliam Gallagher Grünewald Gutiérrez Guðmundsson Gökçeoğlu Gündoğdu Habsburger Hacıoğlu
Haugland Heikkinen Horváth Igwe Ionescu Iversen Jankowski Jóhannsson Kaczmarek Kahraman Karaosmanoğlu Kemboi
Keskinoğlu Kiplagat Koskela Kovačević Kruithof Küçükoğlu Kılıçdaroğlu Lindqvist Lukašenka Mahlangu Makinen
Markovič Mbeki McAllister Mokoena Mutlu Mwangi Nagy Ndiaye Nguyen Nieuwenhuis Nowakowski Nwosu Odhiambo
Okonkwo Olatunji Papadopoulos Pavlović Petersson Piątek Popescu Quispe Rademacher Ravindran Rosenqvist
Ruotsalainen Saavedra Sağlam Sepúlveda Sigurðsson Szabó Szczepański Tamimi Tchaikovsky Tekinalp Thorvaldsen
Topçuoğlu Tshabalala Türkmenoğlu Ugarte Uzunoğlu Uçaroğlu Vandenberghe Vasquez Virtanen Wickramasinghe Wójcik
Yamamoto Yıldırımoğlu Zapatero Zielińska Çakıroğlu Çelebioğlu Özdemiroğlu Özçelik Şahinoğlu
"""
FIRST_NAMES, LAST_NAMES = tuple(_FIRST_NAMES.split()), tuple(_LAST_NAMES.split())
