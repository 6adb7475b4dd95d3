"""Accounts from what is known of a person or a name: e-mail domains (free mail set aside) and names as compared."""

import re
import unicodedata
from collections.abc import Collection, Iterable

import idna
from django.db import connection

from funnel import staging

# Domains where anybody can have an address: they say nothing about the company.
_FREE_MAIL = """
    gmail.com googlemail.com
    outlook.com outlook.de outlook.fr outlook.es outlook.it outlook.jp outlook.in outlook.com.br
    hotmail.com hotmail.co.uk hotmail.de hotmail.fr hotmail.it hotmail.es hotmail.nl hotmail.be hotmail.se
    live.com live.co.uk live.de live.fr live.it live.nl live.be live.ca live.com.au live.com.mx msn.com passport.com
    yahoo.com yahoo.co.uk yahoo.co.in yahoo.in yahoo.de yahoo.fr yahoo.es yahoo.it yahoo.ca yahoo.com.au yahoo.com.br
    yahoo.com.mx yahoo.com.ar yahoo.co.jp yahoo.co.id yahoo.com.sg yahoo.com.ph ymail.com rocketmail.com
    aol.com aol.de aol.co.uk aim.com netscape.net
    icloud.com me.com mac.com
    gmx.de gmx.net gmx.com gmx.at gmx.ch gmx.fr web.de t-online.de freenet.de arcor.de online.de email.de mail.de
    posteo.de posteo.net mailbox.org tutanota.com tutanota.de tuta.io tutamail.com keemail.me
    proton.me protonmail.com protonmail.ch pm.me
    mail.com email.com usa.com inbox.com fastmail.com fastmail.fm hushmail.com hey.com zoho.com zohomail.com
    mail.ru bk.ru inbox.ru list.ru internet.ru rambler.ru yandex.ru yandex.com ya.ru ukr.net i.ua
    orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr numericable.fr
    libero.it virgilio.it alice.it tin.it tiscali.it fastwebnet.it
    telefonica.net terra.es terra.com.br uol.com.br bol.com.br ig.com.br globo.com globomail.com r7.com
    btinternet.com sky.com virginmedia.com ntlworld.com talktalk.net blueyonder.co.uk tiscali.co.uk o2.co.uk
    comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net optonline.net
    rogers.com shaw.ca sympatico.ca bell.net videotron.ca telus.net
    bigpond.com bigpond.net.au optusnet.com.au iinet.net.au xtra.co.nz
    ziggo.nl kpnmail.nl planet.nl xs4all.nl home.nl chello.nl hetnet.nl upcmail.nl telenet.be skynet.be proximus.be
    bluewin.ch hispeed.ch sunrise.ch aon.at chello.at
    telia.com comhem.se bredband.net spray.se online.no mail.dk
    wp.pl o2.pl onet.pl interia.pl op.pl poczta.onet.pl seznam.cz centrum.cz email.cz post.cz azet.sk
    freemail.hu citromail.hu abv.bg mail.bg sapo.pt
    qq.com foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com tom.com aliyun.com 139.com 189.cn
    naver.com hanmail.net daum.net nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp nifty.com
    rediffmail.com sify.com indiatimes.com
    walla.com walla.co.il netvision.net.il
    mailinator.com guerrillamail.com 10minutemail.com temp-mail.org yopmail.com trashmail.com
"""
FREE_MAIL = frozenset(_FREE_MAIL.split())
_FORMS = """
    inc incorporated corp corporation co company llc lllp llp lp pllc plc ltd limited pty pte pvt
    gmbh mbh ag kg kgaa ohg gbr ug eg ev se sa sas sarl sasu eurl scs snc spa srl sapa sl slu slne
    bv nv vof cv ab as asa oy oyj aps ks hf ehf doo dd ad sro spol zrt kft nyrt bt rt sia uab ou
    ltda eireli sadecv cv kk gk bhd sdn tbk pt jsc ooo oao zao pjsc
"""
_LEGAL_FORMS = frozenset(_FORMS.split())
_DOTTED = re.compile(r"\b(?:\w\.){2,}")
_OTHERS = re.compile(r"[\W_]+")
_BEFORE_HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*://)?(?:[^@/]*@)?(?:www\.)?")
_DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def name_key(name: str) -> str:
    """A company's name as it is compared: no case, accents, punctuation, "and" or legal form at the end.

    "Müller & Söhne GmbH & Co. KG" becomes "muller sohne". A name that is nothing but a legal form or marks
    keeps them.
    """
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = _DOTTED.sub(lambda match: match.group().replace(".", ""), plain).replace("'", "").replace("’", "")
    words = [word for word in _OTHERS.sub(" ", plain).split() if word != "and"]
    while size := _legal_form(words):
        del words[-size:]
    return (" ".join(words) or plain.strip())[:300]


def _legal_form(words: list[str]) -> int:
    """How many words at the end are a legal form, spelled apart ("s a r l") or not; never the whole name."""
    for size in range(min(4, len(words) - 1), 0, -1):
        if "".join(words[-size:]) in _LEGAL_FORMS:
            return size
    return 0


def normal_domain(text: str) -> str:
    """The bare domain of a domain, address or web address as people write them; empty when it is none.

    International domains are kept in their own letters, as normalised e-mail addresses keep them.
    """
    host = _BEFORE_HOST.sub("", text.strip().lower(), count=1)
    host = re.split(r"[/:?#]", host, maxsplit=1)[0].rstrip(".")
    if host.isascii() and "xn--" not in host:
        return host if _DOMAIN.fullmatch(host) else ""
    try:
        coded = idna.encode(host, uts46=True).decode("ascii")
        return idna.decode(coded) if _DOMAIN.fullmatch(coded) else ""
    except idna.IDNAError:
        return ""


def domain_of(email: str) -> str:
    """The domain of a normalised e-mail address; empty for free mail, which belongs to no company."""
    domain = normal_domain(email.rpartition("@")[2])
    return "" if domain in FREE_MAIL else domain


def _itself_and_above(domain: str) -> list[str]:
    """uk.mail.acme.com, mail.acme.com, acme.com: the domain and those above it, the nearest first."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


def by_domain(domains: Iterable[str]) -> dict[str, int]:
    """The account of each e-mail domain that has one: its own domain, else the nearest above it. One query."""
    wanted = {domain: _itself_and_above(domain) for domain in domains if domain and domain not in FREE_MAIL}
    known = staging.find(
        "funnel_accountdomain", "domain", {name for names in wanted.values() for name in names}, "account_id"
    )
    return {
        domain: known[nearest]
        for domain, names in wanted.items()
        if (nearest := next((name for name in names if name in known), None))
    }


def by_name(names: Collection[str], *, source: str) -> dict[str, list[int]]:
    """The accounts that each name may mean: by their key in the source, else by exact name, else by name as compared.

    One query. More than one id means the name alone does not tell.
    """
    if not names:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH wanted AS (SELECT * FROM unnest(%s::text[], %s::text[]) AS w(name, key)),
            found AS (
                SELECT w.name, k.account_id, 1 AS place
                FROM wanted w JOIN funnel_accountkey k ON k.source = %s AND k.external_id = w.name
                UNION ALL
                SELECT w.name, a.id, CASE WHEN a.name = w.name THEN 2 ELSE 3 END
                FROM wanted w JOIN funnel_account a ON a.name_key = w.key
            )
            SELECT name, array_agg(account_id ORDER BY account_id) FROM (
                SELECT *, min(place) OVER (PARTITION BY name) AS nearest FROM found
            ) ranked WHERE place = nearest GROUP BY name
            """,
            [list(names), [name_key(name) for name in names], source],
        )
        return dict(cursor.fetchall())


def people_of(account_ids: Collection[int]) -> list[int]:
    """The people of these accounts, by id."""
    if not account_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM funnel_person WHERE account_id = ANY(%s) ORDER BY id", [list(account_ids)])
        return [pk for (pk,) in cursor.fetchall()]


def match_people() -> list[int]:
    """Give every person without an account the one that their e-mail's domain belongs to. Returns who got one.

    For after a load of accounts: people may have come first. An account given or set by somebody is never changed.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT split_part(email, '@', 2) FROM funnel_person WHERE account_id IS NULL AND email <> ''"
        )
        known = by_domain(domain for (domain,) in cursor.fetchall())
        cursor.execute(
            """
            UPDATE funnel_person p SET account_id = m.account_id, account_match = 'domain'
            FROM (
                SELECT p.id, k.account_id
                FROM unnest(%s::text[], %s::bigint[]) AS k(domain, account_id)
                JOIN funnel_person p ON split_part(p.email, '@', 2) = k.domain
                WHERE p.account_id IS NULL AND p.email <> ''
                ORDER BY p.id FOR NO KEY UPDATE OF p
            ) m
            WHERE p.id = m.id
            RETURNING p.id
            """,
            [list(known), list(known.values())],
        )
        return sorted(pk for (pk,) in cursor.fetchall())
