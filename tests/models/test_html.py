"""HTML made ready for a translator and put together again: everything but the text stays as it was sent."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.text.alignment import Alignment
from models.text.front import Aligner, Piece, Sentence, prepare
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
        ("<p><b>Hello <!-- so -->there.</b></p>", ["Hello there."]),
        ("<b>Hello there.</b> <i>Come in!</i>", ["Hello there.", "Come in!"]),
        ("Where\n  is it?", ["Where", "is it?"]),
        ("<p>Where\n  is it?<p>One.\nTwo.\n\nthree", ["Where is it?", "One.", "Two.", "three"]),
        ("<p>Mr. <b>Smith</b> is <i>here</i>, un<u>happy</u>.", ["Mr. Smith is here, unhappy."]),
        ("<p>Where\n<b>\n is</b>  <i> it </i>?", ["Where is it ?"]),
        ("<p>See <b>this</b>. <img> Come <i>in</i>!", ["See this.", "Come in!"]),
        ("<b>See</b> <a><img></a> this<wbr>", ["See", "this"]),
        ("<li>one<li>two", ["one", "two"]),
        ("one<br>two<hr/>three", ["one", "two", "three"]),
        ("Hello <em>dear</em> friend", ["Hello dear friend"]),
        ("Fish &lt; chips&nbsp;here", ["Fish < chips here"]),
        ("Fish &amp; chips&nbsp;here", ["Fish", "chips here"]),
        ("<p>broken <b>tag", ["broken tag"]),
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
    assert "".join(translated(source).split()) == "".join(source.split())
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
        ("<p> Hello\n<b> there </b>\n</p> ", "Evet", "<p> <b>Evet</b> \n</p> "),
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
    # a mark behind a tag is composed with the letter before it, as in plain text
    assume(not any(map(unicodedata.combining, re.findall(r"(?s)>(.)", source))))
    result = translated(source)
    assert tags(result) == tags(source)
    assert texts(result) == texts(source)


@given(source=DOCUMENTS | ANY)
def test_tags_stay_whatever_the_model_says(source: str) -> None:
    result = translated(source, nonsense, target="tr")
    assert tags(result) == tags(source)
    assert len(result) <= 6 * len(source) + sum(6 * len(NONSENSE) for _ in inputs(source))
    assert len(inputs(source)) <= 2 * len(source)


def aligned(links: Iterable[tuple[int, int]], weight: float = 1.0) -> Aligner:
    """Words that belong together, by their places in the source and in the translation."""

    def align(piece: Piece) -> Alignment:
        source, target = spans(piece.source), spans(piece.text)
        weights = [[weight * ((at, to) in links) for at in range(len(source))] for to in range(len(target))]
        return Alignment(source, target, weights)

    links = set(links)
    return align


def spans(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]


def placed(source: str, said: str, align: Aligner) -> str:
    """The translation of one sentence, which the model says as a whole."""
    return "".join(
        part
        if isinstance(part, str)
        else part.render([[as_read(said, part)] for _ in part.inputs()], "tr", align=align)
        for part in prepare_html(source, "en", symbols=True).parts
    )


def as_read(text: str, sentence: Sentence) -> str:
    """With symbols for the items of a sentence."""
    for item, symbol in zip(sentence.items, SYMBOLS, strict=False):
        text = text.replace(item, symbol, 1)
    return text


@pytest.mark.parametrize(
    ("source", "said", "links", "expected"),
    [
        ("where is the <b>station</b>?", "istasyon nerede?", "30 01", "<b>istasyon</b> nerede?"),
        ("<b>where</b> is the station?", "istasyon nerede?", "30 01", "istasyon <b>nerede</b>?"),
        (
            "<i class='x y'>where</i> is the <b>station?</b>", "istasyon nerede?", "30 01",
            "<b>istasyon</b> <i class='x y'>nerede</i>?",
        ),
        ("<b>where is <i>the station</i></b>?", "istasyon nerede?", "30 01", "<b><i>istasyon</i> nerede</b>?"),
        ("<b>where is <i>the station</i>?</b>", "istasyon nerede?", "30 01", "<b><i>istasyon</i> nerede?</b>"),
        ("the <b>old</b> <i>house</i>", "eski ev", "10 21", "<b>eski</b> <i>ev</i>"),
        ("un<b>happy</b> people", "mutsuz insanlar", "00 11", "<b>mutsuz</b> insanlar"),
        ("see <b>the</b> house", "evi gör", "10 20 01", "<b>evi</b> gör"),
        ("see <b>in the</b> house today", "bugün evde gör", "12 03", "bugün evde <b>gör</b>"),
        ("see <b></b>the house", "evi gör", "01 10 20", "<b></b>evi gör"),
        ("see<b></b> the house", "evi gör", "01 20", "evi gör<b></b>"),
        ("see<b> </b>the house", "evi gör", "01 10 20", "<b></b>evi gör"),
        ("see <!-- so --> the <b>house</b>", "evi gör", "01 20", "<b>evi</b> gör<!-- so -->"),
        ("see <b>Tom Smith</b> today", "bugün Tom Smith'i gör", "05 11 22 30", "bugün <b>Tom Smith'i</b> gör"),
        ("at <b>14:30</b> see", "gör 14:30 diye", "", "gör <b>14:30</b> diye"),
        (
            "see <a><i>https://</i>a.example<u>/x</u></a> now", "şimdi https://a.example/x gör", "",
            "şimdi <a><i>https://</i>a.example<u>/x</u></a> gör",
        ),
        ("@<b>ada</b> see", "gör @ada", "", "gör @<b>ada</b>"),
        ("see <b>\U0001f600</b> now", "şimdi \U0001f600 gör", "", "şimdi <b>\U0001f600</b> gör"),
        (
            "see <b>it <i>now</b> or</i> then", "gör onu şimdi veya sonra", "00 11 22 33 44",
            "gör <b>onu <i>şimdi</b> veya</i> sonra",
        ),
        ("see</b> the <i>house", "evi gör", "01 20", "evi gör</b><i>"),
        ("<b>see</b><i>!</i>", "gör!", "00", "<b>gör</b><i>!</i>"),
        ("<b>SEE</b> THE HOUSE", "evi gör", "01 20", "EVİ <b>GÖR</b>"),
    ],
)  # fmt: skip
def test_tags_go_with_their_words(source: str, said: str, links: str, expected: str) -> None:
    pairs = [(int(pair[0]), int(pair[1])) for pair in links.split()]
    assert placed(f"<p>{source}</p>", said, aligned(pairs)) == f"<p>{expected}</p>"


WORDS = st.sampled_from(["see", "the", "old", "station", "ne", "güzel", "o'nun", "14:30", "a@b.example", "(so)", "!"])
KEPT = ("14:30", "a@b.example")
TAGS = st.sampled_from(["b", "i", "em", "a href='x?y=1'", 'span class="a b"', "strong id=z"])
ELEMENTS = st.recursive(
    st.lists(WORDS, max_size=3).map(" ".join),
    lambda inner: st.lists(
        st.one_of(
            inner, st.tuples(TAGS, inner).map(lambda pair: f"<{pair[0]}>{pair[1]}</{pair[0].split()[0]}>"),
            st.just("<!-- c -->"), st.just("<wbr>"),
        ),
        max_size=4,
    ).map(lambda parts: "|".join(parts).replace("|", " ", 2).replace("|", "")),
    max_leaves=8,
)  # fmt: skip


@given(data=st.data(), source=ELEMENTS, said=st.lists(WORDS, min_size=1, max_size=7).map(" ".join))
def test_the_text_is_that_of_the_plain_translation(data: st.DataObject, source: str, said: str) -> None:
    """Whatever the attention; tags are each there once, well nested, and at the ends of words."""

    def align(piece: Piece) -> Alignment:
        source, target = spans(piece.source), spans(piece.text)
        row = st.lists(st.floats(0, 1), min_size=len(source), max_size=len(source))
        return Alignment(source, target, data.draw(st.lists(row, min_size=len(target), max_size=len(target))))

    html = f"see {source} so."
    result = placed(html, said, align)
    stripped = re.sub(r"<[^>]*>", "", html)
    (plain,) = prepare(" ".join(stripped.split()), "en", symbols=True).sentences
    expected = plain.render([[as_read(said, plain)] for _ in plain.inputs()], "tr")
    assert unescape(re.sub(r"<[^>]*>", "", result)).split() == expected.split()
    assert sorted(map(str, tags(result))) == sorted(map(str, tags(html)))
    opened: list[str] = []
    for kind, value in tags(result):
        if value == "end":
            assert opened.pop() == kind
        elif kind not in ("wbr", "comment"):
            opened.append(kind)
    for inside in re.finditer(r"(\w+)(?:<[^>]*>)+(\w+)", result):
        # what is kept is a word by itself, also where nothing stands between it and the next one
        beside = result[: inside.end(1)].endswith(KEPT) or result[inside.start(2) :].startswith(KEPT)
        assert beside or inside[1] + inside[2] in stripped


@given(count=st.integers(1, 5), data=st.data())
def test_no_element_loses_its_words(count: int, data: st.DataObject) -> None:
    """Of a translation with a word for each."""
    source = " ".join(f'<b n="{index}">se{"e" * index}</b>' for index in range(count))
    said = " ".join(f"gör{'e' * index}" for index in range(count))
    order = data.draw(st.permutations(range(count)))
    result = placed(f"<p>the {source} so", f"{said} o", aligned([(at + 1, to) for at, to in enumerate(order)]))
    for at, to in enumerate(order):
        assert f'<b n="{at}">gör{"e" * to}</b>'.lower() in result.lower()


@pytest.mark.parametrize("depth", [4_000])
def test_many_tags_take_no_time(depth: int) -> None:
    for source in ("<b>" * depth + "see" + "</b>" * depth + " so", "see <b>" * depth, "</b> see" * depth):
        assert tags(translated(source)) == tags(source)
