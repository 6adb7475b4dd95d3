"""The countries of the demo: what people and companies are called there. Everybody in it is invented."""

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

INDUSTRIES = (
    "Machinery",
    "Automotive",
    "Food and beverage",
    "Packaging",
    "Chemicals",
    "Energy",
    "Logistics",
    "Metals",
    "Pharmaceuticals",
    "Electronics",
)

# What a company of each industry calls its trade, by language, in the order of INDUSTRIES.
_TRADES = {
    "de": "Maschinenbau Fahrzeugtechnik Lebensmittel Verpackung Chemie Energie Logistik Metallwerke Pharma Elektronik",
    "sv": "Maskin Fordon Livsmedel Förpackning Kemi Energi Logistik Metall Läkemedel Elektronik",
    "no": "Maskin Bilteknikk Matvarer Emballasje Kjemi Energi Logistikk Metall Farma Elektronikk",
    "da": "Maskinfabrik Autoteknik Fødevarer Emballage Kemi Energi Logistik Metal Pharma Elektronik",
    "fi": "Konepaja Ajoneuvot Elintarvike Pakkaus Kemia Energia Logistiikka Metalli Lääke Elektroniikka",
    "en": "Engineering Automotive Foods Packaging Chemicals Energy Logistics Metals Pharma Electronics",
    "fr": "Mécanique Mobilité Alimentaire Emballage Chimie Énergie Logistique Métaux Pharma Électronique",
    "it": "Meccanica Motori Alimentari Imballaggi Chimica Energia Logistica Metalli Farmaceutica Elettronica",
    "es": "Maquinaria Automoción Alimentos Envases Química Energía Logística Metales Farma Electrónica",
    "pt": "Máquinas Automóvel Alimentos Embalagens Química Energia Logística Metais Farma Eletrónica",
    "pl": "Maszyny Motor Foods Opakowania Chemia Energia Logistyka Metal Farmacja Elektronika",
    "hu": "Gépgyár Jármű Élelmiszer Csomagolás Vegyipar Energia Logisztika Fém Gyógyszer Elektronika",
    "ro": "Utilaje Auto Alimente Ambalaje Chimie Energie Logistic Metal Farma Electronice",
    "nl": "Machines Voertuigtechniek Voeding Verpakking Chemie Energie Logistiek Metaal Farma Elektronica",
}


@dataclass(frozen=True)
class Country:
    """A country of the market. stems: how companies begin; phone: a number range kept for fiction, where one exists."""

    code: str
    region: str
    weight: float
    zone: ZoneInfo
    language: str
    forms: tuple[str, ...]
    mail: tuple[str, ...]
    phone: str
    cities: tuple[str, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]
    stems: tuple[str, ...]

    @cached_property
    def trades(self) -> tuple[str, ...]:
        return tuple(_TRADES[self.language].split())

    def person_name(self, place: int, number: int) -> tuple[str, str]:
        """The name of person `number` of the company at `place`: the same two numbers always mean the same name.

        No two people of a company share one until all names of the country are used; then the last name is double.
        """
        names = len(self.first) * len(self.last)
        round_, index = divmod(number, names)
        index = (place * 7919 + index * _coprime(names)) % names
        first, last = self.first[index % len(self.first)], self.last[index // len(self.first)]
        if round_:
            last = f"{last}-{self.last[(index + round_) % len(self.last)]}"
        return first, last

    def phone_number(self, dice: random.Random) -> str:
        return "".join(str(dice.randrange(10)) if sign == "#" else sign for sign in self.phone)


def _coprime(count: int) -> int:
    """A stride that visits each of `count` places once and does not look like counting."""
    stride = int(count * 0.618)
    while _common_divisor(stride, count) != 1:
        stride += 1
    return stride


def _common_divisor(one: int, other: int) -> int:
    while other:
        one, other = other, one % other
    return one


_PLAIN = str.maketrans({"ø": "o", "æ": "ae", "ß": "ss", "ł": "l"})
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def slug(text: str, language: str = "") -> str:
    """A name as it stands in an address: Müller & Söhne -> mueller-soehne in German, muller-sohne elsewhere."""
    plain = unicodedata.normalize("NFC", text).lower().translate(_PLAIN)
    plain = unicodedata.normalize("NFKD", plain.translate(_GERMAN) if language == "de" else plain)
    kept = "".join(
        sign if sign.isascii() and sign.isalnum() else " " for sign in plain if not unicodedata.combining(sign)
    )
    return "-".join(kept.split())


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


_GERMAN_FIRST = _words(
    "Anna Markus Katharina Stefan Sabine Thomas Julia Andreas Claudia Michael Birte Lukas Petra Jens Martina Felix "
    "Heike Tobias Ulrike Matthias Nadja Reto"
)
_GERMAN_LAST = _words(
    "Brunner Wagner Hofmann Egger Vogt Lorenz Kaiser Ziegler Baumann Kessler Dietrich Amsler Pohl Huber "
    "Steiner Roth Winkler Albrecht Brandt Sommer Haas Kühn Frei Gruber Lechner Moser"
)
_GERMAN_STEMS = _words(
    "Nordwerk Tauern Alpina Rheinfeld Isartal Weserland Hochrain Falkenau Lindenau Steinbach Silberhorn Karwen "
    "Brauneck Ostra Havelberg Grünfeld Adlerhof Mainwerk Kranich Veltin Ammersee Rotach Sennhof Birsfeld"
)
_ENGLISH_FIRST = _words(
    "Emily James Priya Oliver Sarah Daniel Charlotte Thomas Amelia Rory Hannah George Aisling Samuel Fiona Matthew "
    "Claire Liam Zoe Edward Niamh Adam"
)
_ENGLISH_LAST = _words(
    "Whitfield Carter Marsh Bennett Holloway Fletcher Ashworth Doyle Kavanagh Thornton Barlow Winslow Hughes Nolan "
    "Prescott Langley Byrne Mercer Sutton Rowe Gallagher Pike Harding Larkin"
)
_ENGLISH_STEMS = _words(
    "Kestrel Harrowgate Pennine Blackmoor Ferndale Castlebrook Northmere Ashdown Tidewell Marlin Foxholt Wyvern Calder "
    "Stonebridge Larkhill Elmstead Severn_Vale Rathmore Glencairn Copperfield"
)
_AMERICAN_FIRST = _words(
    "Jessica Michael Ashley David Lauren Brian Megan Kevin Maria Eric Nicole Carlos Rachel Jason Angela Tyler Denise "
    "Marcus Heather Victor Allison Derek"
)
_AMERICAN_LAST = _words(
    "Miller Ramirez Johnson Nguyen Parker Sullivan Brooks Coleman Hayes Patel Reynolds Foster Jenkins Alvarez Warren "
    "Schultz Griffin Whitaker Morales Pierce Okafor Lawson Tremblay Bouchard"
)
_AMERICAN_STEMS = _words(
    "Lakeshore Prairie_Star Redstone Summit_Ridge Great_Bend Ironwood Bluewater Cascade_Falls Heartland Silverton "
    "Maple_Creek Keystone_Park Cedar_Rock Northfork Granite_Bay Twin_Rivers Highmark_Mills Laurel_Hill Sandhill Beacon"
)
_FRENCH_FIRST = _words(
    "Camille Julien Claire Nicolas Sophie Antoine Élodie Thierry Isabelle Mathieu Aurélie Laurent Céline Olivier "
    "Hélène Vincent Nathalie Rémi Margaux Pascal"
)
_FRENCH_LAST = _words(
    "Fontaine Roussel Mercier Lambert Girard Chevalier Perrin Marchand Delattre Vasseur Gauthier Colin Picard Renaud "
    "Barbier Aubert Leclerc Dumas Besson Carpentier Hamel Poirier"
)
_FRENCH_STEMS = _words(
    "Valmont Garonne Beaulieu Armor Cévenol Lumen Hautmont Saint-Clair Rivesud Montclar Alizé Vercors Belleroche Ouest "
    "Durance Novalys Granville Sancy Altéa Orvanne"
)
_SWEDISH_FIRST = _words(
    "Mara Anders Karin Johan Elin Fredrik Sofia Magnus Ingrid Oskar Linnea Henrik Maja Nils Helena Emil Astrid Per "
    "Ebba Gustav"
)
_NORWEGIAN_FIRST = _words(
    "Ingrid Ole Silje Lars Marit Kjetil Hanne Eirik Solveig Tor Kari Sindre Tone Geir Ragnhild Jonas Liv Håkon Birgit "
    "Stian"
)
_DANISH_FIRST = _words(
    "Mette Jens Camilla Søren Louise Rasmus Pernille Mikkel Kirsten Anders Line Torben Signe Henrik Gitte Kasper Ulla "
    "Morten Birthe Niels"
)
_FINNISH_FIRST = _words(
    "Mikko Anna Henrik Laura Juha Sanna Antti Päivi Ville Katja Timo Johanna Markku Riikka Petri Minna Jari Elina Sami "
    "Outi"
)

_LONDON = ZoneInfo("Europe/London")

COUNTRIES: tuple[Country, ...] = (
    Country(
        "DE", "DACH", 0.165, ZoneInfo("Europe/Berlin"), "de", ("GmbH", "AG", "GmbH & Co. KG", "SE"),
        ("gmx.de", "web.de", "gmail.com"), "+49 30 23125 ###",
        _words("Hamburg München Stuttgart Leipzig Dortmund Nürnberg Bremen Kassel Ulm Bielefeld Chemnitz Mannheim"),
        _GERMAN_FIRST, _GERMAN_LAST, _GERMAN_STEMS,
    ),
    Country(
        "AT", "DACH", 0.04, ZoneInfo("Europe/Vienna"), "de", ("GmbH", "AG"), ("gmx.at", "gmail.com"), "",
        _words("Wien Linz Graz Salzburg Wels Dornbirn"), _GERMAN_FIRST, _GERMAN_LAST, _GERMAN_STEMS,
    ),
    Country(
        "CH", "DACH", 0.055, ZoneInfo("Europe/Zurich"), "de", ("AG", "GmbH"), ("bluewin.ch", "gmail.com"), "",
        _words("Zürich Winterthur Basel Bern Luzern Zug"), _GERMAN_FIRST, _GERMAN_LAST, _GERMAN_STEMS,
    ),
    Country(
        "SE", "Nordics", 0.055, ZoneInfo("Europe/Stockholm"), "sv", ("AB",), ("telia.com", "gmail.com"),
        "+46 8 465 004 ##", _words("Stockholm Göteborg Malmö Västerås Linköping Örebro"), _SWEDISH_FIRST,
        _words(
            "Lindqvist Bergström Sandberg Nyström Holmgren Ekström Lundin Åkesson Hedlund Forsberg Norén Wallin "
            "Sjöberg Björk Falk Engström Hallberg Öberg"
        ),
        _words(
            "Mälar Göta Norrvik Vättern Lundby Skara Östermark Brovalla Storfors Kvarn Älvdal Svea Ramnäs Torsby Granö "
            "Siljan"
        ),
    ),
    Country(
        "NO", "Nordics", 0.03, ZoneInfo("Europe/Oslo"), "no", ("AS",), ("online.no", "gmail.com"), "",
        _words("Oslo Bergen Trondheim Stavanger Drammen"), _NORWEGIAN_FIRST,
        _words(
            "Solheim Aasen Brekke Haugen Lunde Moen Strand Bakken Tveit Myhre Nygård Rønning Vik Fossum Sæther Berge "
            "Hovland Dahl"
        ),
        _words("Halvard Fjordlys Nordhavn Vestkyst Trollheim Langøy Skogvik Havbris Lofthus Stormnes Brattvåg"),
    ),
    Country(
        "DK", "Nordics", 0.03, ZoneInfo("Europe/Copenhagen"), "da", ("A/S", "ApS"), ("mail.dk", "gmail.com"), "",
        _words("København Aarhus Odense Esbjerg Kolding"), _DANISH_FIRST,
        _words(
            "Thorup Holm Kjær Lund Bach Vestergaard Nørgaard Friis Dahl Mogensen Skov Bjerre Toft Winther Kragh Juul "
            "Bruun Lauritsen"
        ),
        _words("Lillebælt Vestjysk Kronborg Limfjord Skagen Nørrebro Sølund Kattegat Hvidbjerg Åbyen Fanø Stevns"),
    ),
    Country(
        "FI", "Nordics", 0.025, ZoneInfo("Europe/Helsinki"), "fi", ("Oy", "Oyj"), ("gmail.com", "outlook.com"), "",
        _words("Helsinki Tampere Turku Oulu Lahti"), _FINNISH_FIRST,
        _words(
            "Aalto Niemi Koskinen Heikkilä Salonen Lehtonen Rantanen Mäkelä Tuominen Hakala Kallio Virtala "
            "Saarinen Ojala Peltonen"
        ),
        _words("Saarela Pohjola Kaarna Tammer Vuoksi Harju Metsola Kymi Aurora Lakea Suvanto Koivu"),
    ),
    Country(
        "GB", "UK & Ireland", 0.125, _LONDON, "en", ("Ltd", "plc", "Group Ltd"), ("btinternet.com", "gmail.com"),
        "+44 20 7946 0###",
        _words("London Manchester Birmingham Leeds Bristol Sheffield Glasgow Coventry Newcastle Derby"),
        _ENGLISH_FIRST, _ENGLISH_LAST, _ENGLISH_STEMS,
    ),
    Country(
        "IE", "UK & Ireland", 0.025, ZoneInfo("Europe/Dublin"), "en", ("Ltd", "DAC"), ("gmail.com", "outlook.com"), "",
        _words("Dublin Cork Galway Limerick"), _ENGLISH_FIRST, _ENGLISH_LAST, _ENGLISH_STEMS,
    ),
    Country(
        "FR", "France", 0.105, ZoneInfo("Europe/Paris"), "fr", ("SAS", "SA", "SARL"), ("orange.fr", "gmail.com"),
        "+33 1 99 00 ## ##", _words("Paris Lyon Nantes Lille Toulouse Grenoble Rennes Strasbourg Metz Angers"),
        _FRENCH_FIRST, _FRENCH_LAST, _FRENCH_STEMS,
    ),
    Country(
        "IT", "Southern Europe", 0.055, ZoneInfo("Europe/Rome"), "it", ("S.p.A.", "S.r.l."), ("libero.it", "gmail.com"),
        "", _words("Milano Torino Bologna Brescia Verona Modena Parma Bergamo"),
        _words(
            "Giulia Marco Chiara Luca Francesca Andrea Elena Matteo Silvia Davide Paola Stefano Martina Roberto Laura "
            "Simone Valentina Fabio"
        ),
        _words(
            "Rinaldi Conti Galli Ferrara Greco Lombardi Barbieri Fontana Marini Vitale Serra Pellegrini Caruso "
            "Bassi Colombo Farina Gatti"
        ),
        _words(
            "Valsesia Adria Monviso Brenta Ligura Aurelia Sanmarco Trevi Orobica Padana Castello Etrusca Cimone Lario"
        ),
    ),
    Country(
        "ES", "Southern Europe", 0.04, ZoneInfo("Europe/Madrid"), "es", ("S.A.", "S.L."), ("gmail.com", "hotmail.es"),
        "", _words("Madrid Barcelona Bilbao Zaragoza Valencia Vitoria"),
        _words(
            "Lucía Javier Carmen Diego Elena Sergio Marta Álvaro Pilar Raúl Nuria Ignacio Beatriz Óscar Teresa Rubén"
        ),
        _words(
            "Navarro Ortega Iglesias Castillo Vidal Serrano Molina Rubio Herrero Campos Fuentes Prieto Ibáñez Cabrera "
            "Santana Lozano"
        ),
        _words("Iberia_Norte Cantábrica Sierralta Miraflor Ebro Almenara Torrenova Levante Solana Peñalta Montesol"),
    ),
    Country(
        "PT", "Southern Europe", 0.015, ZoneInfo("Europe/Lisbon"), "pt", ("S.A.", "Lda"), ("sapo.pt", "gmail.com"), "",
        _words("Lisboa Porto Braga Aveiro"),
        _words("Ana João Inês Tiago Marta Rui Catarina Pedro Sofia Nuno Joana Miguel"),
        _words("Sousa Carvalho Teixeira Marques Pinto Ramos Correia Lopes Cardoso Nunes Moreira Antunes"),
        _words("Atlântica Douro Serrana Lusomar Tejo Minho Valverde Alvorada Foz Estrela"),
    ),
    Country(
        "NL", "Benelux", 0.045, ZoneInfo("Europe/Amsterdam"), "nl", ("B.V.", "N.V."), ("ziggo.nl", "gmail.com"), "",
        _words("Rotterdam Eindhoven Utrecht Amsterdam Enschede Venlo"),
        _words(
            "Sanne Bram Lotte Jeroen Femke Maarten Anouk Pieter Ilse Ruben Marloes Sander Esther Wouter Karin Thijs"
        ),
        _words("de_Vries Bakker Visser Smit Mulder Dekker Brouwer Kuipers Hendriks Postma Verhoeven Maas Koster"),
        _words("Maasland Waterweg Delta_Noord Polder Kromhout Zuiderzee Veluwe Lingewaal Havenstad IJssel Merwede"),
    ),
    Country(
        "BE", "Benelux", 0.03, ZoneInfo("Europe/Brussels"), "nl", ("NV", "BV"), ("telenet.be", "gmail.com"), "",
        _words("Antwerpen Gent Brussel Leuven"),
        _words("Lien Koen Elke Bart Sofie Wim Annelies Stijn Katrien Joris Liesbeth Dries"),
        _words("Peeters Claes Goossens Wouters Declercq Vermeulen Aerts Lemmens Maes Segers Michiels Pauwels"),
        _words("Scheldeland Leieburg Kempen Vlasmeer Dender Hageland Noordzee Sambre Brugse Ardenna"),
    ),
    Country(
        "PL", "CEE", 0.04, ZoneInfo("Europe/Warsaw"), "pl", ("S.A.", "Sp. z o.o."), ("wp.pl", "gmail.com"), "",
        _words("Warszawa Kraków Wrocław Poznań Łódź Katowice"),
        _words("Marta Tomasz Katarzyna Piotr Agnieszka Marcin Joanna Paweł Ewa Krzysztof Monika Jakub"),
        _words("Nowak Wójcik Mazur Kaczmarek Zając Wróbel Pawlak Stępień Dudek Sikora Baran Szulc Krawczyk Wilk"),
        _words("Wisła Kestrel_Polska Karpatia Odra Bałtyk Sudety Mazovia Jantar Roztocze Warta Beskid Silesia"),
    ),
    Country(
        "HU", "CEE", 0.02, ZoneInfo("Europe/Budapest"), "hu", ("Kft.", "Zrt."), ("freemail.hu", "gmail.com"), "",
        _words("Budapest Győr Debrecen Szeged"),
        _words("Zsófia Gábor Katalin Péter Eszter László Réka Balázs Ágnes Tamás Judit Zoltán"),
        _words("Nagy Kovács Tóth Szabó Horváth Varga Kiss Molnár Németh Farkas Balogh Papp"),
        _words("Dunántúl Tisza Mátra Hortobágy Bakony Zala Pannon Körös Rába Bükk"),
    ),
    Country(
        "RO", "CEE", 0.015, ZoneInfo("Europe/Bucharest"), "ro", ("SA", "SRL"), ("gmail.com", "yahoo.com"), "",
        _words("București Cluj-Napoca Timișoara Brașov"),
        _words("Elena Andrei Ioana Mihai Raluca Cristian Alina Bogdan Simona Radu Diana Vlad"),
        _words("Popescu Ionescu Dumitru Stan Munteanu Matei Dobre Voicu Lazăr Neagu Barbu Tudor"),
        _words("Carpatia Dunărea Bucegi Olt Transilva Moldavia Argeș Retezat Mureș Dobrogea"),
    ),
    Country(
        "US", "North America", 0.09, ZoneInfo("America/Chicago"), "en", ("Inc.", "LLC", "Corp."),
        ("gmail.com", "yahoo.com"), "+1 312 555 01##",
        _words("Chicago Detroit Cleveland Houston Milwaukee Minneapolis Pittsburgh Charlotte Dallas"),
        _AMERICAN_FIRST, _AMERICAN_LAST, _AMERICAN_STEMS,
    ),
    Country(
        "CA", "North America", 0.025, ZoneInfo("America/Toronto"), "en", ("Inc.", "Ltd"), ("rogers.com", "gmail.com"),
        "+1 416 555 01##", _words("Toronto Montréal Hamilton Calgary"),
        _AMERICAN_FIRST, _AMERICAN_LAST, _AMERICAN_STEMS,
    ),
)  # fmt: skip
BY_CODE = {country.code: country for country in COUNTRIES}


def company_names(country: Country, dice: random.Random) -> Iterator[tuple[str, str]]:
    """(company name, industry) of a country, tens of thousands, none twice: (Tauern Logistik AG, Logistics)."""
    starts = [*country.stems, *country.last]
    plain = [(start, place) for start in starts for place in range(len(INDUSTRIES))]
    dice.shuffle(plain)
    for start, place in plain:
        yield f"{start} {country.trades[place]} {dice.choice(country.forms)}", INDUSTRIES[place]
    pairs = [(one, other) for one in country.last for other in country.last if one != other]
    rest = [(pair, place) for pair in pairs for place in range(len(INDUSTRIES))]
    dice.shuffle(rest)
    for suffix in ("", *(f" {city}" for city in country.cities)):
        for (one, other), place in rest:
            form = dice.choice(country.forms)
            yield f"{one} & {other} {country.trades[place]}{suffix} {form}", INDUSTRIES[place]
