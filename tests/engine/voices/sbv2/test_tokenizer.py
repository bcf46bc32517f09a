import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.text.reading import Reader
from hayakoe_engine.voices.sbv2.phones import phones_of
from hayakoe_engine.voices.sbv2.tokenizer import Tokenizer

ENTRIES = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "▁", *map(chr, range(0x3041, 0x3094))]
ENTRIES += [*"ー、。.,?!'-", "\u2028", "\x85", "A", "雨", "今", "日"]
UNKNOWN = 3


@pytest.fixture
def load(tmp_path):
    def load(content):
        path = tmp_path / "vocab.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Tokenizer.load(path)

    return load


TOKENIZER = Tokenizer(ENTRIES)


def test_a_character_is_numbered_by_its_line(load):
    tokenizer = load("\n".join(ENTRIES) + "\n")
    assert tokenizer.size == len(ENTRIES)
    ids = tokenizer.ids("今日は雨。")
    assert ids.dtype == np.int64
    assert ids.tolist() == [1, *map(ENTRIES.index, "今日は雨。"), 2]
    assert tokenizer.ids("").tolist() == [1, 2]


def test_marks_of_the_model_are_found_where_they_are(load):
    others = [entry for entry in ENTRIES if not entry.startswith("[")]
    ids = load("\n".join([*others, "[UNK]", "[SEP]", "[CLS]"])).ids("あ龘")
    assert ids.tolist() == [len(others) + 2, others.index("あ"), len(others), len(others) + 1]


@pytest.mark.parametrize(
    ("text", "entry"), [("Ａ", "A"), ("ﾊ", None), ("か", "か"), ("㌔", None), ("\u2028", "\u2028")]
)
def test_a_character_is_looked_up_in_its_ordinary_form(text, entry):
    expected = UNKNOWN if entry is None else ENTRIES.index(entry)
    assert TOKENIZER.ids(text).tolist() == [1, expected, 2]


@pytest.mark.parametrize(
    "written",
    [
        "\r\n".join(ENTRIES),
        "\ufeff" + "\n".join(ENTRIES),
        "\n".join(ENTRIES),
        "\r\n".join(ENTRIES) + "\r\n",
    ],
)
def test_a_vocabulary_may_come_from_another_system(load, written):
    tokenizer = load(written)
    assert tokenizer.size == len(ENTRIES)
    assert tokenizer.ids("雨\u2028\x85").tolist() == TOKENIZER.ids("雨\u2028\x85").tolist()


@given(st.text(max_size=30))
def test_every_character_has_one_number(text):
    ids = TOKENIZER.ids(text)
    assert len(ids) == len(text) + 2
    assert 0 <= ids.min() <= ids.max() < TOKENIZER.size


def test_tokens_and_phones_fit_together():
    sequence = phones_of(Reader().read("「ﾌﾞｰﾝ㌔」…龘、Ａか？"))
    assert len(TOKENIZER.ids(sequence.text)) == len(sequence.word2ph)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "lacks"),
        ("\n".join(ENTRIES[:2] + ENTRIES[3:]), r"lacks \[SEP\]"),
        ("\n".join(ENTRIES[:40]), "lacks .: it is damaged"),
        ("\n".join([*ENTRIES, "##です"]), "parts of words"),
        ("[CLS]\n[SEP]\n[UNK]\nhello\nworld", "lacks あ"),
        (b"\xff\xfe\x00", "utf-8"),
        (b"x" * 5_000_000, "larger"),
    ],
)
def test_another_file_is_refused(load, content, reason):
    with pytest.raises(BadVoiceFiles, match=rf"vocab\.txt.*{reason}"):
        load(content)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadVoiceFiles, match=r"vocab\.txt: cannot be read: No such file"):
        Tokenizer.load(tmp_path / "vocab.txt")
