"""Whether somebody can be called now, by the clocks where they are. Pure, apart from the tables of the zone database.

Where somebody is follows from their country, else from the prefix of their telephone number. A country with several
zones is callable while all of them are within hours, and not while none is; in between, and where nothing is known, the
answer is that it is not known, never a guess.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

FROM, TO = time(9), time(17)  # hours at which one calls, there
_FRIDAY_SATURDAY: Final = frozenset(
    ("BH", "DZ", "EG", "IL", "IQ", "JO", "KW", "LY", "OM", "QA", "SA", "SD", "SY", "YE")
)

# How people write what the ISO table calls otherwise.
_ALSO: Final[Mapping[str, str]] = {
    "uk": "GB", "united kingdom": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "usa": "US", "u.s.": "US", "u.s.a.": "US", "united states of america": "US",
    "america": "US", "deutschland": "DE", "österreich": "AT", "schweiz": "CH", "suisse": "CH", "svizzera": "CH",
    "italia": "IT", "españa": "ES", "méxico": "MX", "brasil": "BR", "czechia": "CZ", "czech republic": "CZ",
    "holland": "NL", "the netherlands": "NL", "nederland": "NL", "belgique": "BE", "belgië": "BE", "norge": "NO",
    "sverige": "SE", "danmark": "DK", "suomi": "FI", "polska": "PL", "magyarország": "HU", "türkiye": "TR",
    "korea": "KR", "south korea": "KR", "republic of korea": "KR", "russian federation": "RU", "viet nam": "VN",
    "uae": "AE", "united arab emirates": "AE", "hong kong": "HK", "macao": "MO", "macedonia": "MK",
    "bosnia and herzegovina": "BA", "ivory coast": "CI", "slovak republic": "SK", "ireland": "IE", "éire": "IE",
}  # fmt: skip

# Prefix of the number -> countries that share it (ITU-T E.164). Of +1 all who share it: the number alone tells no more.
_PREFIXES: Final[Mapping[str, str]] = {
    "1": "US CA BS BB AI AG VG VI KY BM GD TC MS GU AS SX LC DM VC PR DO TT KN JM", "7": "RU KZ",
    "20": "EG", "211": "SS", "212": "MA EH", "213": "DZ", "216": "TN", "218": "LY", "220": "GM", "221": "SN",
    "222": "MR", "223": "ML", "224": "GN", "225": "CI", "226": "BF", "227": "NE", "228": "TG", "229": "BJ", "230": "MU",
    "231": "LR", "232": "SL", "233": "GH", "234": "NG", "235": "TD", "236": "CF", "237": "CM", "238": "CV", "239": "ST",
    "240": "GQ", "241": "GA", "242": "CG", "243": "CD", "244": "AO", "245": "GW", "248": "SC", "249": "SD", "250": "RW",
    "251": "ET", "252": "SO", "253": "DJ", "254": "KE", "255": "TZ", "256": "UG", "257": "BI", "258": "MZ", "260": "ZM",
    "261": "MG", "262": "RE YT", "263": "ZW", "264": "NA", "265": "MW", "266": "LS", "267": "BW", "268": "SZ",
    "269": "KM", "27": "ZA", "291": "ER", "297": "AW", "298": "FO", "299": "GL", "30": "GR", "31": "NL", "32": "BE",
    "33": "FR", "34": "ES", "350": "GI", "351": "PT", "352": "LU", "353": "IE", "354": "IS", "355": "AL", "356": "MT",
    "357": "CY", "358": "FI AX", "359": "BG", "36": "HU", "370": "LT", "371": "LV", "372": "EE", "373": "MD",
    "374": "AM", "375": "BY", "376": "AD", "377": "MC", "378": "SM", "380": "UA", "381": "RS", "382": "ME", "385": "HR",
    "386": "SI", "387": "BA", "389": "MK", "39": "IT VA", "40": "RO", "41": "CH", "420": "CZ", "421": "SK", "423": "LI",
    "43": "AT", "44": "GB GG JE IM", "45": "DK", "46": "SE", "47": "NO SJ", "48": "PL", "49": "DE", "501": "BZ",
    "502": "GT", "503": "SV", "504": "HN", "505": "NI", "506": "CR", "507": "PA", "509": "HT", "51": "PE", "52": "MX",
    "53": "CU", "54": "AR", "55": "BR", "56": "CL", "57": "CO", "58": "VE", "591": "BO", "592": "GY", "593": "EC",
    "594": "GF", "595": "PY", "596": "MQ", "597": "SR", "598": "UY", "60": "MY", "61": "AU", "62": "ID", "63": "PH",
    "64": "NZ", "65": "SG", "66": "TH", "670": "TL", "673": "BN", "675": "PG", "679": "FJ", "687": "NC", "81": "JP",
    "82": "KR", "84": "VN", "852": "HK", "853": "MO", "855": "KH", "856": "LA", "86": "CN", "880": "BD", "886": "TW",
    "90": "TR", "91": "IN", "92": "PK", "93": "AF", "94": "LK", "95": "MM", "960": "MV", "961": "LB", "962": "JO",
    "963": "SY", "964": "IQ", "965": "KW", "966": "SA", "967": "YE", "968": "OM", "970": "PS", "971": "AE", "972": "IL",
    "973": "BH", "974": "QA", "975": "BT", "976": "MN", "977": "NP", "98": "IR", "992": "TJ", "993": "TM", "994": "AZ",
    "995": "GE", "996": "KG", "998": "UZ",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class There:
    """The time where somebody is. callable: within hours; None: not known. said: "14:05 there", or a range."""

    callable: bool | None
    said: str


NOT_KNOWN: Final = There(None, "time there not known")


def there(country: str, phone: str, *, now: datetime) -> There:
    """What the clocks say where somebody is, and whether one calls then. country: a name or an ISO code."""
    return _there(_places(country, phone), now.replace(second=0, microsecond=0))


def callable_now(now: datetime) -> tuple[list[str], list[str]]:
    """Who can be called now, for a query: how their country may be written, in small letters; prefixes of numbers."""
    # Every clock on earth is some quarters of an hour from UTC, so that hours begin and end nowhere in between.
    names, prefixes = _callable_at(now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0))
    return list(names), list(prefixes)


def prefix_of(phone: str) -> str:
    """The country prefix of a number that is written with one (+43 ..., 0043 ...); blank of any other."""
    digits = re.sub(r"[^\d+]", "", phone)
    bare = digits[1:] if digits.startswith("+") else digits[2:] if digits.startswith("00") else ""
    return next((bare[:size] for size in (1, 2, 3) if bare[:size] in _PREFIXES), "")


def _places(country: str, phone: str) -> tuple[str, ...]:
    if country.strip():
        code = _names().get(country.strip().lower())
        return (code,) if code else ()  # a place that we cannot read is not made up for by a number
    return tuple(_PREFIXES.get(prefix_of(phone), "").split())


@lru_cache(maxsize=2)
def _callable_at(quarter: datetime) -> tuple[tuple[str, ...], tuple[str, ...]]:
    here = {
        code: {_within(code, quarter.astimezone(ZoneInfo(zone))) for zone in zones} for code, zones in _zones().items()
    }
    names = [name for name, code in _names().items() if here.get(code) == {True}]
    prefixes = [
        prefix
        for prefix, codes in _PREFIXES.items()
        if set().union(*(here.get(code, set()) for code in codes.split())) == {True}
    ]
    return tuple(sorted(names)), tuple(sorted(prefixes))


@cache
def _names() -> dict[str, str]:
    """Every way of writing a country, in small letters -> its ISO code."""
    names: dict[str, str] = {}
    for line in _table("iso3166.tab"):
        code, name = line.split("\t")[:2]
        names |= {code.lower(): code, name.lower(): code, re.sub(r"\s*\(.*\)", "", name).lower(): code}
    return names | dict(_ALSO)


@cache
def _zones() -> dict[str, tuple[str, ...]]:
    """The zones of each country, by its ISO code."""
    found: dict[str, list[str]] = {}
    for line in _table("zone1970.tab"):
        codes, _place, zone = line.split("\t")[:3]
        for code in codes.split(","):
            found.setdefault(code, []).append(zone)
    return {code: tuple(zones) for code, zones in found.items()}


def _table(name: str) -> Iterable[str]:
    text = files("tzdata").joinpath("zoneinfo", name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@lru_cache(maxsize=1024)  # the rows of a page are in few countries
def _there(codes: tuple[str, ...], now: datetime) -> There:
    here = [(code, now.astimezone(ZoneInfo(zone))) for code in codes for zone in _zones().get(code, ())]
    if not here:
        return NOT_KNOWN
    open_ = {_within(code, local) for code, local in here}
    offsets = sorted({local.utcoffset() or timedelta() for _code, local in here})
    times = [(now.astimezone(ZoneInfo("UTC")) + offset).strftime("%H:%M") for offset in offsets]
    said = f"{times[0]} there" if len(times) == 1 else f"{times[0]} to {times[-1]} there"
    return There(open_.pop() if len(open_) == 1 else None, said)


def _within(code: str, local: datetime) -> bool:
    weekend = (4, 5) if code in _FRIDAY_SATURDAY else (5, 6)
    return local.weekday() not in weekend and FROM <= local.time() < TO
