import pytest
import yaml

from hayakoe_engine.voices.facts import VoiceFacts
from hayakoe_engine.voices.model_card import read_card, write_card

FACTS = VoiceFacts(
    title="はな: #1",
    licence="CC BY-SA 4.0",
    credit='"花" — JVNV',
    url="https://creativecommons.org/licenses/by-sa/4.0/",
    version="1.0",
)


@pytest.fixture
def card_of(tmp_path):
    def card_of(content):
        path = tmp_path / "README.md"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_card(path)

    return card_of


@pytest.mark.parametrize("facts", [FACTS, VoiceFacts(licence="花の利用規約"), VoiceFacts()])
def test_what_is_written_is_read(card_of, facts):
    text = write_card(facts, name="hana", uri="hf://me/my-voices", styles=["Neutral", "悲しい"])
    assert card_of(text) == facts


def header_of(facts):
    text = write_card(facts, name="hana", uri="s3://a/b c", styles=["Neutral"])
    return yaml.safe_load(text.split("---\n")[1])


def test_the_hub_finds_the_licence_in_it():
    assert header_of(FACTS)["license"] == "cc-by-sa-4.0"
    header = header_of(VoiceFacts(licence="花の利用規約", url="https://a.example/"))
    assert header["license"] == "other"
    assert header["license_name"] == "花の利用規約"
    assert header["license_link"] == "https://a.example/"
    assert header["language"] == "ja"
    assert header["pipeline_tag"] == "text-to-speech"


def test_people_find_licence_credit_and_use_in_it():
    text = write_card(FACTS, name="hana", uri="s3://a/b c", styles=["Neutral", "悲しい"])
    assert "# はな: #1\n" in text
    assert "[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/)" in text
    assert '- Credit: "花" — JVNV\n- Styles: Neutral, 悲しい\n' in text
    settings = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    assert settings == {"voices": {"hana": {"source": "s3://a/b c"}}}
    code = text.split("```python\n")[1].split("```")[0]
    compile(code, "card", "exec")
    assert 'load("hana", source="s3://a/b c")' in code


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# A voice\n",
        b"---\nlicense: mit\n---\n",
        b"---\nvoice: 7\n---\n",
        b"---\nvoice: [a]\n---\n",
        b"---\n- a\n---\n",
        b"---\nvoice: {\n---\n",
        b"---\nvoice: !!python/object/apply:os.abort []\n---\n",
        b"---\n" + b"[" * 60_000,
        b"\xff\xfe\x00" * 100,
    ],
)
def test_other_files_say_nothing(card_of, content):
    assert card_of(content) is None


def test_no_card_says_nothing(tmp_path):
    assert read_card(tmp_path / "README.md") is None
    assert read_card(tmp_path) is None


def test_what_is_said_is_harmless(card_of):
    facts = card_of(
        '---\nvoice:\n  title: |\n    a\n    b\n  licence: [1]\n  credit: "x\\e[31my\\u202E"\n'
        "  url: javascript:alert(1)\n  other: 1\n---\n"
    )
    assert facts == VoiceFacts(title="a b", credit="x[31my")
    assert card_of("---\nvoice:\n  url: 'https://a.example/ b'\n---\n") == VoiceFacts()
    assert card_of(f"---\nvoice:\n  title: {'あ' * 500}\n---\n").title == "あ" * 199 + "…"
