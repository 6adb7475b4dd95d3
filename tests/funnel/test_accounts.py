"""Accounts by e-mail domain and by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnel.accounts import FREE_MAIL, by_domain, by_name, domain_of, name_key, normal_domain
from tests import factories as make


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Acme, Inc.", "acme"),
        ("ACME Corporation", "acme"),
        ("Müller & Söhne GmbH & Co. KG", "muller sohne"),
        ("Muller and Sohne", "muller sohne"),
        ("Société Générale S.A.", "societe generale"),
        ("Dupont S.à r.l.", "dupont"),
        ("O'Reilly Media", "oreilly media"),
        ("The A.B.C. Company S.A.", "the abc"),
        ("株式会社トヨタ", "株式会社トヨタ"),
        ("AG", "ag"),
        ("Co. Ltd.", "co"),
        ("  ", ""),
        ("!!!", "!!!"),
        ("GTX Pro", "gtx pro"),
        ("GTXPro", "gtxpro"),
    ],
)
def test_names_are_compared_without_case_accents_punctuation_and_legal_form(name, key):
    assert name_key(name) == key


@given(st.text(max_size=400))
def test_a_key_is_its_own_key_and_fits_its_column(name):
    key = name_key(name)
    assert len(key) <= 300
    assert name_key(key.upper()) == name_key(name_key(key.upper()))


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("acme.com", "acme.com"),
        ("https://www.Acme.com/about?x=1", "acme.com"),
        ("ann@mail.acme.co.uk", "mail.acme.co.uk"),
        ("http://user:secret@acme.com:8080/", "acme.com"),
        ("acme.com.", "acme.com"),
        ("MÜNCHEN.de", "münchen.de"),
        ("xn--mnchen-3ya.de", "münchen.de"),
        ("acme", ""),
        ("x_y.com", ""),
        ("-acme.com", ""),
        ("10.0.0.1", ""),
        ("", ""),
        ("not a domain", ""),
    ],
)
def test_a_domain_is_read_from_what_people_write(text, domain):
    assert normal_domain(text) == domain


def test_free_mail_is_nobodys_domain():
    assert domain_of("ann@gmail.com") == ""
    assert domain_of("ann@acme.com") == "acme.com"
    assert all(normal_domain(domain) == domain for domain in FREE_MAIL)


@pytest.mark.django_db
def test_an_account_is_found_by_its_domain_or_the_nearest_above(django_assert_num_queries):
    acme, uk = make.account(name="Acme"), make.account(name="Acme UK")
    acme.domains.create(domain="acme.com")
    uk.domains.create(domain="uk.acme.com")
    with django_assert_num_queries(1):
        found = by_domain(["acme.com", "mail.acme.com", "x.uk.acme.com", "gmail.com", "notacme.com", ""])
    assert found == {"acme.com": acme.pk, "mail.acme.com": acme.pk, "x.uk.acme.com": uk.pk}


@pytest.mark.django_db
def test_names_mean_the_nearest_accounts(django_assert_num_queries):
    keyed, exact, alike, twin = (make.account(name=name) for name in ("Keyed", "Acme Inc.", "ACME Corporation", "Twin"))
    for account in (keyed, exact, alike, twin):
        account.name_key = name_key(account.name)
        account.save()
    second = make.account(name="Twin")
    keyed.keys.create(source="crm", external_id="7")
    with django_assert_num_queries(1):
        found = by_name(["7", "Acme Inc.", "acme", "Twin", "Nobody", "AG"], source="crm")
    assert found == {
        "7": [keyed.pk],
        "Acme Inc.": [exact.pk],
        "acme": [exact.pk, alike.pk],
        "Twin": [twin.pk, second.pk],
    }
    assert by_name(["7"], source="erp") == {}
