import re

from hayakoe_engine import errors


def _leaves(kind):
    children = kind.__subclasses__()
    return [kind] if not children else [leaf for child in children for leaf in _leaves(child)]


def test_every_error_has_a_code_of_its_own():
    kinds = [getattr(errors, name) for name in errors.__all__]
    codes = [kind.code for kind in kinds]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", code) for code in codes)


def test_every_error_is_in_the_tree_of_the_documentation():
    for leaf in _leaves(errors.HayakoeError):
        if leaf.__module__ == errors.__name__:
            assert leaf.__name__ in errors.__doc__


def test_an_error_says_what_to_do():
    error = errors.BusyError("too much", hint="wait")
    assert str(error) == "too much"
    assert error.hint == "wait"
    assert isinstance(error, errors.HayakoeError)
