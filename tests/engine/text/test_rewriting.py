import pytest
from hypothesis import given
from hypothesis import strategies as st

from hayakoe_engine.text.rewriting import Replacement, Rewritten


def test_a_change_keeps_the_place_it_came_from():
    once = Rewritten.original("外は-3℃です").replaced([Replacement(2, 3, "マイナス", "minus")])
    assert once.text == "外はマイナス3℃です"
    assert once.origin(2, 6) == (2, 3)
    assert once.origin(6, 7) == (3, 4)
    twice = once.replaced([Replacement(6, 8, "3度", "unit")])
    assert twice.text == "外はマイナス3度です"
    assert twice.origin(6, 8) == (3, 5)
    assert twice.origin(2, 8) == (2, 5)
    assert twice.rules[:7] == (None, None, "minus", "minus", "minus", "minus", "unit")


def test_changes_that_overlap_are_refused():
    text = Rewritten.original("abcd")
    with pytest.raises(ValueError, match="does not fit"):
        text.replaced([Replacement(0, 2, "x", "r"), Replacement(1, 3, "y", "r")])
    with pytest.raises(ValueError, match="does not fit"):
        text.replaced([Replacement(3, 5, "x", "r")])


@given(st.text(max_size=20), st.data())
def test_what_is_not_changed_keeps_its_origin(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=2)))
    change = Replacement(cuts[0], cuts[1], data.draw(st.text(max_size=5)), "rule")
    rewritten = Rewritten.original(text).replaced([change])
    assert rewritten.text == text[: change.start] + change.text + text[change.stop :]
    for char, (start, stop), rule in zip(
        rewritten.text, rewritten.origins, rewritten.rules, strict=True
    ):
        if rule is None:
            assert text[start:stop] == char
