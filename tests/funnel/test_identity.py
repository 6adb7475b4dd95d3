"""E-mail addresses as they are compared, and whom a claim means."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from funnel.identity import Claim, identify, normal_email
from tests import factories as make

WORD = st.text("abAB019.+_-", min_size=1, max_size=70)
LABEL = st.text("abzAZ09-", min_size=1, max_size=66)
TOP = st.sampled_from(["com", "COM", "test", "local", "de", "c", "c1", "xn--p1ai", "onion", ""])


@given(WORD, st.lists(LABEL, min_size=1, max_size=4), TOP)
@example("a..b", ["c"], "com")
@example("a.", ["c"], "com")
@example("a", ["xn--a"], "com")
@example("a", ["ab--c"], "com")
@example("a", ["-b"], "com")
@example("a" * 65, ["b"], "com")
@example("a", ["b" * 63] * 4, "com")
def test_an_address_is_accepted_exactly_where_the_validator_accepts_it(local, labels, top):
    address = f"{local}@{'.'.join([*labels, top])}"
    try:
        expected = validate_email(address.lower(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        with pytest.raises(ValueError, match="is not an e-mail address"):
            normal_email(address)
    else:
        assert normal_email(address) == expected


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Ann.Lee+News@Example.COM\n", "ann.lee+news@example.com"),
        ("ÄNN@münchen.de", "änn@münchen.de"),
        ("ann@xn--mnchen-3ya.de", "ann@münchen.de"),
    ],
)
def test_an_address_is_trimmed_lowered_and_otherwise_left_alone(text, address):
    assert normal_email(text) == address
    assert normal_email(address) == address


@pytest.mark.parametrize(
    "text", ["", "ann", "ann@", "@example.com", "ann@example", "a b@example.com", "ann@b.test", "a@b@c.com"]
)
def test_what_is_no_address_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match="is not an e-mail address: "):
        normal_email(text)


@pytest.mark.django_db
def test_claims_mean_people_by_certainty_email_and_key_and_later_ones_see_earlier_ones():
    ann, bob = make.person(email="ann@example.com"), make.person(email="bob@example.com")
    bob.keys.create(source="crm", external_id="7")
    claims = [
        Claim(email="ann@example.com", key="8"),
        Claim(key="7"),
        Claim(key="8"),
        Claim(email="new@example.com", key="9"),
        Claim(key="9"),
        Claim(email="new@example.com"),
        Claim(person_id=bob.pk, email="ann@example.com"),
    ]
    found = identify(claims, source="crm", change_email=True)
    new = claims[3].person_id
    assert [claim.person_id for claim in claims] == [ann.pk, bob.pk, ann.pk, new, new, new, bob.pk]
    assert found.new == {new: "new@example.com"}
    assert found.keys == [("8", ann.pk), ("9", new)]
    assert found.emails == {}
    assert claims[6].warnings == ["ann@example.com is the e-mail of another person; it was not taken over."]


@pytest.mark.django_db
@pytest.mark.parametrize("change_email", [True, False])
def test_a_person_found_by_key_takes_the_other_email_only_from_who_may_say_so(change_email):
    bob = make.person(email="bob@example.com")
    bob.keys.create(source="crm", external_id="7")
    found = identify([Claim(email="rob@example.com", key="7")], source="crm", change_email=change_email)
    assert found.emails == ({bob.pk: "rob@example.com"} if change_email else {})


@pytest.mark.django_db
def test_a_person_without_an_email_gets_the_first_one_that_is_told():
    bob = make.person(email="")
    bob.keys.create(source="crm", external_id="7")
    found = identify([Claim(email="bob@example.com", key="7")], source="crm", change_email=False)
    assert found.emails == {bob.pk: "bob@example.com"}


@pytest.mark.django_db
def test_the_key_of_another_source_is_another_key():
    make.person(email="bob@example.com").keys.create(source="crm", external_id="7")
    found = identify([Claim(key="7")], source="erp", change_email=True)
    assert len(found.new) == 1
