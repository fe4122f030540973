"""HTML made ready for a translator and put together again: everything but the text stays as it was sent."""

import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.text.html import prepare_html, visible_text
from models.text.normalization import normalize
from models.text.symbols import SYMBOLS

NONSENSE = "Ve <b>sonra</b> &amp; \ue000 gitti."


def repeat(read: str) -> str:
    return read


def nonsense(_read: str) -> str:
    return NONSENSE


def translated(source: str, translator: Callable[[str], str] = repeat, language: str = "en", target: str = "en") -> str:
    parts = prepare_html(source, language).parts
    return "".join(
        part if isinstance(part, str) else part.render([[translator(read)] for read in part.inputs()], target)
        for part in parts
    )


def inputs(source: str) -> list[str]:
    return [text for sentence in prepare_html(source, "en").sentences for text in sentence.inputs()]


class _Events(HTMLParser):
    """A document as its tags, comments and text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.events: list[tuple[str, object]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.events.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.events.append((tag, "end"))

    def handle_comment(self, data: str) -> None:
        self.events.append(("comment", data))

    def handle_data(self, data: str) -> None:
        self.events.append(("text", data))

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        return self.parse_bogus_comment(i)


def tags(source: str) -> list[tuple[str, object]]:
    return [(kind, value) for kind, value in _Events(source).events if kind != "text"]


def texts(source: str) -> list[str]:
    """The words between tags, each tag a separator."""
    joined = "".join(str(value) if kind == "text" else "\0" for kind, value in _Events(source).events)
    return normalize(joined.replace("\0", " \0 ")).split()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>Hello there.</p>", ["Hello there."]),
        ("<p><b>Hello <!-- so -->there.</b></p>", ["Hello", "there."]),
        ("<b>Hello there.</b> <i>Come in!</i>", ["Hello there.", "Come in!"]),
        ("Where\n  is it?", ["Where", "is it?"]),
        ("<p>Where\n  is it?<p>One.\nTwo.\n\nthree", ["Where is it?", "One.", "Two.", "three"]),
        ("<li>one<li>two", ["one", "two"]),
        ("one<br>two<hr/>three", ["one", "two", "three"]),
        ("Hello <em>dear</em> friend", ["Hello", "dear", "friend"]),
        ("Fish &lt; chips&nbsp;here", ["Fish < chips here"]),
        ("Fish &amp; chips&nbsp;here", ["Fish", "chips here"]),
        ("<p>broken <b>tag", ["broken", "tag"]),
        ("<td>cell</div><td>two</em>", ["cell", "two"]),
        ("<my-tag>Hello there.</my-tag>", ["Hello there."]),
        ("<title>Hello</title><style>p { x }</style><p>there", ["Hello", "there"]),
    ],
)
def test_what_is_read(source: str, expected: list[str]) -> None:
    assert inputs(source) == expected


@pytest.mark.parametrize(
    "element",
    [
        "<code>a <b>word</b></code>", "<pre>a\n  word</pre>", "<script>if (a < b) word()</script>",
        "<style>p > a { }</style>", "<kbd>Enter</kbd>", "<samp>word</samp>", "<var>word</var>", "<!-- a word -->",
        '<span translate="no">a <i>word</i></span>', "<SPAN TRANSLATE=NO>a word</SPAN>", "<textarea>word</textarea>",
        '<code translate="yes">word</code>', '<img alt="a word" src="x?a=1&b=2">',
        "<p translate='no'>a word<div></div>",
        "<b translate=no><code>a</b> word</code>",
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "Open {} now.", "<p>{}</p>", "<p>One {}, <b>two {}</b>."])
def test_what_is_not_translated(element: str, around: str) -> None:
    source = around.replace("{}", element)
    assert translated(source) == source
    result = translated(source, nonsense)
    assert result.count(element) == source.count(element)
    assert tags(result) == tags(source)
    assert all("word" not in read for read in inputs(source))


def test_inside_of_what_is_not_translated_something_may_be() -> None:
    assert inputs('<div translate="no">Ada <p translate="yes">says</p> no</div> yes') == ["says", "yes"]
    assert inputs("<p translate=no>Ada<p>says") == ["says"]
    assert inputs("</p></b><b>says</b>") == ["says"]


@pytest.mark.parametrize(
    ("source", "said", "expected"),
    [
        ("<p>Fish &lt; chips</p>", "Balık & cips", "<p>Balık &amp; cips</p>"),
        ("<p>Fish < chips</p>", "<b>Balık</b>", "<p>&lt;b&gt;Balık&lt;/b&gt;</p>"),
        ("Fish < chips", "Balık & cips", "Balık & cips"),
        ("\u00a0Fish < chips\n", "Balık", "\u00a0Balık\n"),
        ("Fish < chips", "<b>Balık", "&lt;b&gt;Balık"),
        ("Fish < chips", "Balık &amp cips", "Balık &amp;amp cips"),
        ("<p>Fish &amp; chips</p>", "Balık", "<p>Balık &amp; balık</p>"),
        ("<p>Fish & chips, R&D</p>", "Balık", "<p>Balık &amp; balık, R&amp;D</p>"),
        ("Fish & chips", "Balık", "Balık & balık"),
        ("1 &lt; 2 is so", "öyle", "1 &lt; 2 öyle"),
        ("<p> Hello\n<b> there </b>\n</p> ", "Evet", "<p> Evet\n<b> evet </b>\n</p> "),
        ("<h1>HELLO THERE</h1>", "iyi", "<h1>İYİ</h1>"),
        ("Hello \ue000 <b>there</b>", "Evet", "Evet \ue000 <b>evet</b>"),
        (
            "<p>see {name} at <a href=x>https://example.com</a>",
            "bak",
            "<p>bak {name} bak <a href=x>https://example.com</a>",
        ),
    ],
)
def test_put_together(source: str, said: str, expected: str) -> None:
    assert translated(source, lambda _: said, target="tr") == expected


@pytest.mark.parametrize(
    "source",
    [
        "<", "<b", "a <b", "a <b c='", "<!--", "<!-- open", "<![foo> bar", "<![CDATA[x]]>", "</", "</>", "<>", "<?x ?>",
        "&", "&#", "&#x;", "&bogus;", "a < b > c", "<b></i></b></b>", "<script>", "<!doctype html><html><body>x</body>",
        "", " ", "\n", "<br/>", "x</b", "a &amp b <i>c &copy d</i>", "<p/>text", "</>text", "a</>b",
    ],
)  # fmt: skip
def test_broken_html_is_answered(source: str) -> None:
    assert unescape(translated(source)) == unescape(source)
    assert tags(translated(source, nonsense)) == tags(source)


def test_the_text_without_tags() -> None:
    assert visible_text('<p>Fish &amp; <b>chips</b><br>here<code>x</code></p><a href="y"> </a>') == "Fish & chips\nhere"
    assert visible_text("plain & simple") == "plain & simple"
    assert visible_text("<img src=x>") == ""


PIECES = st.sampled_from(
    [
        "<p>", "</p>", "<b>", "</b>", "<i class='a b'>", "</i>", "<br/>", "<code>", "</code>", "<div translate=no>",
        "</div>", "<a href='x?y=1&amp;z'>", "</a>", "<!-- no -->", "<li>", "</ul>", "<script>", "</script>", "<![x>",
        "</>", "<img alt='a>b'>", "&amp;", "&lt;b&gt;", "&nbsp;", "&", "<", " > ", "The old station. ", "WHERE IS it",
        "is open", "güzel", ", ", "!", " ", "\n", "\n\n", "\r\n", "{name}", "14:30", "3,5 kg", "\ue000", "\u200b",
        "\u0301", "-", '"',
    ]
)  # fmt: skip
DOCUMENTS = st.lists(PIECES, max_size=25).map("".join)
ANY = st.text(st.characters(codec="utf-8") | st.sampled_from("ab &;#<>/!-='\"\n"), max_size=60)


@given(source=DOCUMENTS | ANY)
def test_a_translator_that_repeats_its_input_returns_an_equivalent_document(source: str) -> None:
    result = translated(source)
    assert tags(result) == tags(source)
    assert texts(result) == texts(source)


@given(source=DOCUMENTS | ANY)
def test_tags_stay_whatever_the_model_says(source: str) -> None:
    result = translated(source, nonsense, target="tr")
    assert tags(result) == tags(source)
    assert len(result) <= 6 * len(source) + sum(6 * len(NONSENSE) for _ in inputs(source))
    assert len(inputs(source)) <= 2 * len(source)


def chosen(source: str, *hypotheses: str) -> str:
    """The translation of one sentence whose tags are symbols, from a search's hypotheses; fragments stay."""
    (sentence,) = prepare_html(source, "en", symbols=True).sentences
    _, *fragments = sentence.inputs()
    hypotheses_of_all = [list(hypotheses), *([fragment] for fragment in fragments)]
    return "".join(
        part if isinstance(part, str) else part.render(hypotheses_of_all, "en")
        for part in prepare_html(source, "en", symbols=True).parts
    )


A, B, C, D = SYMBOLS[:4]


@pytest.mark.parametrize(
    ("source", "hypothesis", "expected"),
    [
        ("see <b>Where</b> is it?", f"gör {A}{B} nerede?", "gör <b>nerede</b>?"),
        ("see <b>Where</b> is it?", f"gör {A} {B}nerede?", "gör <b>nerede</b>?"),
        ("see <b>Where</b> is it?", f"gör{A}{B} nerede?", "gör <b>nerede</b>?"),
        ("see <b>Where</b> is it?", f"nerede o {A}{B}?", "nerede <b>o</b>?"),
        ("see <b>Where</b> is it?", f'gör {A}{B} "nerede"?', 'gör "<b>nerede</b>"?'),
        ("see <b>a<i class=x>b</i></b> is it?", f"gör {A}{B}{C} nerede?", "gör <b><i class=x>nerede</i></b>?"),
        ("see <b></b> is it?", f"gör {A} nerede?", "gör <b></b> nerede?"),
        ("Where</b> is it?", f"{A} nerede?", "Nerede</b>?"),
        ("Where</i></b> is it?", f"{A} nerede o?", "Nerede</i></b> o?"),
        ("Where <b>is it?", f"nerede {A}?", "<b>nerede?"),
        ("Where <b>is <i>it?", f"o nerede {A}{B}?", "O <b><i>nerede?"),
        ("see <b>!</b> is it?", f"gör {A}!{B} nerede?", "gör <b>!</b> nerede?"),
        ("see <b>14:30</b> is it?", f"gör {A}{B}{C} nerede?", "gör <b>14:30</b> nerede?"),
        ("see <b>x</b><i>y</i> is it", f"{A}{B}{C} ne", "see <b>x</b><i>y</i> is it"),
    ],
)
def test_an_element_that_held_words_is_not_empty(source: str, hypothesis: str, expected: str) -> None:
    """It gets the nearest word; where there is none beside it, the texts between the tags are translated."""
    assert chosen(source, hypothesis) == expected


WORDS = st.sampled_from(["see", "the", "old", "station", "ne", "güzel", "o'nun"])
TAGS = st.sampled_from(["b", "i", "em", "a href='x?y=1'", 'span class="a b"', "strong id=z"])


@given(data=st.data())
def test_no_element_loses_its_last_word(data: st.DataObject) -> None:
    """Whatever order of words and tags a model writes; elements may have none, and stand in one another."""
    elements = data.draw(st.lists(st.tuples(TAGS, st.lists(WORDS, max_size=2), st.booleans()), min_size=1, max_size=4))
    pieces, closing = [data.draw(st.sampled_from(["see", ""]))], ""
    for number, (tag, words, nested) in enumerate(elements):
        pieces.append(f'<{tag} n="{number}">' + " ".join(words))
        closing = f"</{tag.split()[0]}>{closing}"
        if not nested:
            pieces.append(f"{closing} the")
            closing = ""
    source = " ".join([*pieces, closing, data.draw(st.sampled_from(["so", ""]))])
    sentences = prepare_html(source, "en", symbols=True).sentences
    assume(len(sentences) == 1)
    (sentence,) = sentences
    # tags that stand around the whole sentence are no symbols of it, and only a word can fill them
    words = data.draw(st.lists(WORDS, min_size=0 if sentence.items else 1, max_size=6))
    written = [*SYMBOLS[: len(sentence.items)], *words]
    joint = data.draw(st.sampled_from(["", " "]))
    result = chosen(source, *(joint.join(data.draw(st.permutations(written))) for _ in range(3)))
    assert sorted(map(str, tags(result))) == sorted(map(str, tags(source)))
    assert with_words(source) <= with_words(result)


def with_words(source: str) -> set[str]:
    """The numbers of the elements that have words."""
    opened: list[str] = []
    filled: set[str] = set()
    for kind, value in _Events(source).events:
        if kind == "text":
            filled.update(opened if re.search(r"\w", str(value)) else ())
        elif value == "end":
            opened.pop()
        else:
            opened.append(str(value))
    return filled
