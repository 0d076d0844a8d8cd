"""Laws of the author's templates: a function of the row, bounded, and never a traceback."""

from __future__ import annotations

import pytest

from evidence.errors import MalformedError
from evidence.text.templating import compile_text, render

ROW = {"prompt": "What?", "answer": "42", "choices": ["a", "b"], "n": 3}

REFUSED = {
    "chance": "{{ choices | random }}",
    "chance in a list": "{{ choices | map('random') | join }}",
    "an address in memory": "{{ choices | map('upper') }}",
    "a text of any length, by a factor": "{{ 'x' * 1000000000 }}",
    "by a list": "{{ [1] * 1000000000 }}",
    "by a power": "{{ 9 ** 99999999 }}",
    "by a filter": "{{ 'x' | center(1000000000) }}",
    "by a method": "{{ prompt.ljust(1000000000) }}",
    "by a form": "{{ '%1000000000d' % 1 }}",
    "by a form of str": "{{ '{:1000000000}'.format(1) }}",
    "by doubling": "{% set x = 'x' %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}",
    "a macro that calls itself": "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
    "nested brackets": "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "nested conditions": "{% if n %}" * 1000 + "x" + "{% endif %}" * 1000,
    "a loop over any number": "{% for i in range(1000000000) %}x{% endfor %}",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_function_of_the_row_or_grows_without_end_is_refused(name: str) -> None:
    with pytest.raises(MalformedError, match="template error"):
        render(compile_text(REFUSED[name]), ROW)


GIVEN = {
    "{{ prompt }}\n{{ answer }}": "What?\n42",
    "{% for one in choices %}{{ loop.index }}. {{ one }}\n{% endfor %}": "1. a\n2. b\n",
    "{{ choices | join(', ') }}": "a, b",
    "{{ choices | map('upper') | join }}": "AB",
    "{{ choices | map('upper') | list }}": "['A', 'B']",
    "{{ n * 2 }} {{ n ** 2 }} {{ n % 2 }}": "6 9 1",
    "{% set asked = prompt | trim %}{{ asked }}": "What?",
    "{{ choices[n % 2] | default('none') }}": "b",
    "{{ choices }}": "['a', 'b']",
}


@pytest.mark.parametrize("source", GIVEN)
def test_what_people_write_is_rendered(source: str) -> None:
    assert render(compile_text(source), ROW) == GIVEN[source]
