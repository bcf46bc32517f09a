import pytest

from hayakoe_engine.text.delivery import Delivery, MoraDelivery
from hayakoe_engine.text.reading import AccentPhrase, Reader

READER = Reader()


def test_what_is_read_can_be_given_back_phrase_by_phrase():
    reading = READER.read("明日は、晴れですか？")
    devoiced = [n for n, phones in enumerate(reading.mora_phones) if phones[-1] in "AIUEO"]
    again = READER.read_phrases(reading.accent_phrases, devoiced=devoiced, is_question=True)
    assert again.mora_phones == reading.mora_phones
    assert again.accent_phrases == reading.accent_phrases
    assert again.is_question
    assert again.text == "アシタワ、ハレデスカ？"


def test_a_vowel_is_whispered_only_where_it_is_asked_for():
    phrases = [AccentPhrase(("デ", "ス"), 1)]
    assert READER.read_phrases(phrases).mora_phones == (("d", "e"), ("s", "u"))
    assert READER.read_phrases(phrases, devoiced=[1]).mora_phones == (("d", "e"), ("s", "U"))


def test_every_mora_has_one_vowel_and_what_comes_before():
    assert READER.read("キャッチ、コーン").mora_phones == (
        *(("ky", "a"), ("cl",), ("ch", "i")),
        *(("k", "o"), ("o",), ("N",)),
    )


@pytest.mark.parametrize(
    "text",
    [
        "ーア",
        "ンっ'a'ーイ",
        "ァッ/ーヮ",
        "漢ーイヮ・",
        "ぁゎ",
        "キャ'ーキャ",
        "ー〜ーンー、漢",
        "ー。",
    ],
)
def test_moras_are_those_that_are_spoken(text):
    reading = READER.read(text)
    moras = [mora for phrase in reading.accent_phrases for mora in phrase.moras]
    assert len(moras) == len(reading.mora_phones) == len(reading.mora_spans)
    assert all(phrase.accent <= len(phrase.moras) for phrase in reading.accent_phrases)


def test_a_delivery_is_given_for_every_phone():
    delivery = Delivery((MoraDelivery(0.1, 0.05, 2.0), MoraDelivery(0.2)))
    assert delivery.phone_lengths_s == (0.05, 0.1, 0.2)
    assert delivery.phone_pitch_factors == (2.0, 2.0, 1.0)
    assert delivery.changes_pitch
    assert not Delivery((MoraDelivery(0.1),)).changes_pitch
