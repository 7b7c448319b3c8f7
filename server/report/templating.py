"""The templates' environment: what they can ask to have values shown.

A report has many thousands of pages that are made of the same small parts. So these are remembered as they were shown,
by the values that they were made of.
"""

import functools
import html
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup, escape

from server.report import asks, text
from server.report.filing import bug_text
from server.report.model import Ask, Line, count
from server.report.sparkline import sparkline

PARTS = 2_000
"""Of each small part, and of labels, those that are remembered."""

LONG = 1000
"""Characters of a label beyond which it is not remembered."""

SMALL = ("kind", "place", "cell", "source", "tile")
"""The small parts that are filters: of what is known beforehand they are shown when templates are compiled."""

_NAME = "0123456789abcdef"
"""A name in whose place others are put."""

MARKUP = frozenset((*SMALL, "marks", "strip", "show", "label", "time", "thousands", "questions", "asks_named"))
"""Filters that give markup whatever they are given: pages hold what these say as it is."""

_is_plain = re.compile(r"[\w./:+ -]{0,200}", re.ASCII).fullmatch
"""Whether a text is one in which there is nothing to escape and nothing that is hidden: names, nearly all, are."""

Shown = Callable[..., str]
"""What shows values as markup, which need not be known for markup by its type."""


def _escape(value: Any) -> str:
    """The value as markup, for a page to hold and for nobody to look at: so it need not be known for markup."""
    if type(value) is Markup:
        return value
    return html.escape(value) if type(value) is str else str(value if type(value) is int else escape(value))


class _Template(jinja2.Template):
    """A template that escapes all that is not markup, as any does, but faster."""

    @classmethod
    def from_code(cls, *positional: Any, **named: Any) -> jinja2.Template:
        """The template of compiled code, which has the function by that name among its globals."""
        made = super().from_code(*positional, **named)
        made.root_render_func.__globals__["escape"] = _escape
        return made

    @functools.cached_property
    def _plain_globals(self) -> dict[str, Any]:
        """Copied for each page: a chain of dictionaries takes long to copy."""
        return dict(self.globals)

    def new_context(self, vars: Any = None, shared: bool = False, locals: Any = None) -> jinja2.runtime.Context:
        """What a page is rendered with; macros and parts that are included see what they always do."""
        if shared or locals:
            return super().new_context(vars, shared, locals)
        return super().new_context(self._plain_globals | (vars or {}), shared=True)


class _Code(CodeGenerator):
    """Python out of a template, in which `line.name` asks for the attribute and for nothing else.

    What lacks it is an error at once, as with `StrictUndefined`; a mapping's items are asked for in brackets. What a
    filter says that gives markup is not looked at again.
    """

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        """Write what reads an attribute."""
        self.visit(node.node, frame)
        self.write(f".{node.attr}")

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if _gives_markup(node):
            self.write("(")
        else:
            super()._output_child_pre(node, frame, finalize)

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if _gives_markup(node):
            return str(node.as_const(frame.eval_ctx))
        return super()._output_child_to_const(node, frame, finalize)


def _gives_markup(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Filter) and node.name in MARKUP


class _Environment(jinja2.Environment):
    template_class = _Template
    code_generator_class = _Code


@functools.cache
def template(name: str) -> jinja2.Template:
    """A template by its name, without a look at whether it is still the same."""
    return environment().get_template(name)


@functools.cache
def environment() -> jinja2.Environment:
    """The same each time."""
    made = _Environment(
        loader=jinja2.PackageLoader("server.report"),
        autoescape=jinja2.select_autoescape(disabled_extensions=("txt.j2",), default=True),
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "pieces": text.pieces,
        "plain": text.plain,
        "count": count,
        "moment": _moment,
        "bug_text": bug_text,
        "sparkline": sparkline,
        "thousands": _thousands,
        "asks": asks.signature,
        "ask_bug": asks.bug,
    }
    made.filters["show"] = _show(made)
    made.filters["label"] = _label(made.filters["show"])
    _add_parts(made)
    return made


def _add_parts(made: jinja2.Environment) -> None:
    """The small parts: those that show one value as filters, the others as what templates call."""
    module: Any = made.get_template("_small.j2").module
    marks, strip = _remembered(module.marks), _remembered(module.strip)

    def marks_of(line: Line) -> str:
        return marks(line.new, line.differs, line.open_bugs > 0, line.closed_bugs > 0, line.suppressed)

    def strip_of(line: Line, branches: tuple[tuple[str, str], ...]) -> str:
        return strip(line.branches, branches)

    made.filters |= {name: _remembered(getattr(module, name)) for name in SMALL}
    made.filters |= {"marks": marks_of, "strip": strip_of, "time": _time(module.time)}
    heads = {name: _remembered(getattr(module, name)) for name in ("assets", "top", "programs")}
    made.filters["asks_named"] = _asks_named(str(module.answers(asks.named(_NAME))))
    made.filters["questions"] = _questions(module.questions, made.filters["show"])
    made.globals |= {"ask_list": asks.listed(), "ask_unfiled": asks.unfiled(), "ask_bugs": asks.bugs()}
    made.globals["heads"] = SimpleNamespace(**heads)


def _asks_named(template: str) -> Shown:
    """The commands that differ in the signature's name only, which is 16 hex digits."""
    return lambda name: template.replace(_NAME, name)


def _remembered(part: Shown) -> Shown:
    return functools.lru_cache(PARTS)(part)


def _pieces(shown: str, *texts: str) -> list[str]:
    """What a part shows before, between and behind these texts, each of which it shows once, in their order."""
    found, rest = [], shown
    for one in texts:
        before, _, rest = rest.partition(one)
        found.append(before)
    return [*found, rest]


def _show(made: jinja2.Environment) -> Shown:
    """The macro that shows text, less its cost for what pages are full of: texts in which nothing is hidden."""
    macro: Shown = made.get_template("_text.j2").module.show  # type: ignore[attr-defined]
    before, after = _pieces(macro("text"), "text")

    def show(words: str, limit: int = 0) -> str:
        if limit and len(words) > limit:
            return macro(words, limit)
        if _is_plain(words):
            return f"{before}{words}{after}"
        return f"{before}{html.escape(words)}{after}" if text.harmless(words) else macro(words)

    return show


def _label(show: Shown) -> Shown:
    """The same for what stands on many pages."""
    remembered = _remembered(show)

    def label(words: str, limit: int = 0) -> str:
        return remembered(words, limit) if len(words) <= LONG else show(words, limit)

    return label


def _time(macro: Shown) -> Shown:
    """The macro that shows a document's time, less its cost for times as they should be: nearly each is another one."""
    example = "2026-11-22T06:10:03.123Z"
    before, between, after = _pieces(macro(example), example, _moment(example))

    def time(when: str) -> str:
        if len(when) > len(example) or not _is_plain(when):
            return macro(when)
        return f"{before}{when}{between}{_moment(when)}{after}"

    return time


def _questions(macro: Shown, show: Shown) -> Shown:
    """The macro that shows commands, less its cost: each page has its own. What stands behind them is markup."""
    example = Ask("a name", "a word", "a command")
    begin, end = _pieces(macro((), "more"), "more")
    one = str(macro((example,), "more")).removeprefix(begin).removesuffix(f"more{end}")
    before, between, behind, after = _pieces(one, example.name, example.about, show(example.command))

    def answer(ask: Ask) -> str:
        return f"{before}{html.escape(ask.name)}{between}{html.escape(ask.about)}{behind}{show(ask.command)}{after}"

    def questions(found: Sequence[Ask], more: str = "") -> str:
        return f"{begin}{''.join(map(answer, found))}{more}{end}"

    return questions


@functools.lru_cache(PARTS)
def _thousands(number: int) -> str:
    """A number as people read it."""
    return f"{number:,}"


def _moment(when: str) -> str:
    """A document's time as people read it, to the minute, in UTC."""
    return when[:16].replace("T", " ")
