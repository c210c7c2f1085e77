"""Rules documents by YAML's own grammar, up to the 8 KB of a parameter: anchors, aliases, merge keys and tags, in keys and
in values, as blocks and in flow style; and chains of anchors, each of which holds the one before it several times."""

import json
from collections.abc import Callable

from hypothesis import strategies as st

MOST_BYTES = 8192
_WORDS = (
    "rules",
    "match",
    "job",
    "experiments",
    "objective",
    "routes",
    "to",
    "alerts",
    "failed",
    "quiet_hours",
    "owners",
)
_PLAIN = ("1", "0x1f", "0o7", "1e400", ".inf", ".nan", "~", "null", "yes", "a", "2026-13-45", "1:59:59", "=", "churn-*")
_TAGS = ("!!str", "!!int", "!!float", "!!bool", "!!null", "!!seq", "!!map", "!!set", "!!omap", "!!pairs", "!!binary")
_ODD_TAGS = ("!!timestamp", "!!merge", "!!python/object:os.system", "!own", "!<tag:yaml.org,2002:str>", "!", "!<%FF>")
_ESCAPES = ("\\0", "\\x41", "\\u263a", "\\ud83d\\ude00", "\\ud83d", "\\U0001F600", "\\UFFFFFFFF", "\\N", "\\q", "\\x4")
_DIRECTIVES = ("%YAML 1.1", "%YAML 9.9", f"%YAML 1.{'9' * 5000}", "%TAG ! tag:example.com:", "%TAG ! %FF", "%OTHER a b")
Draw = Callable[[st.SearchStrategy[str]], str]


class _Document:
    """A document while it is written: the anchors that it has by now, and how much may follow."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw
        self.anchors: list[str] = []
        self.left = 60  # nodes

    def pick(self, *texts: str) -> str:
        """One of the texts."""
        return self.draw(st.sampled_from(texts))

    def count(self, most: int) -> int:
        """How many there are of something."""
        return self.draw(st.integers(0, most))

    def happens(self, of: int = 3) -> bool:
        """True once in so many times."""
        return self.count(of - 1) == 0

    def marks(self) -> str:
        """A node's tag and anchor, or one of them, or none."""
        tag = f"{self.pick(*_TAGS, *_ODD_TAGS)} " if self.happens(4) else ""
        if not self.happens(3):
            return tag
        self.anchors.append(f"a{len(self.anchors)}")
        return f"{tag}&{self.anchors[-1]} " if self.happens(2) else f"&{self.anchors[-1]} {tag}"

    def scalar(self) -> str:
        """A scalar, plain or quoted."""
        text = self.pick(*_WORDS, *_PLAIN)
        escaped = f'"{"".join(self.pick(*_ESCAPES) for _ in range(self.count(3)))}"'
        return {0: text, 1: json.dumps(text), 2: f"'{text}'", 3: escaped}[self.count(3)]

    def alias(self) -> str:
        """A node that stands in the document already; at times one that does not, or the one that is being written."""
        return f"*{self.pick(*self.anchors, 'nowhere')}" if self.anchors else self.scalar()

    def key(self, depth: int) -> str:
        """A key: a word, a merge, an alias, or any node."""
        kind = self.count(7)
        if kind < 4:
            return self.pick(*_WORDS)
        if kind == 4:
            return "<<"
        if kind == 5:
            return f"{self.alias()} "
        return f"? {self.node(depth + 1)} " if kind == 6 else f"{self.marks()}{self.scalar()}"

    def node(self, depth: int = 0) -> str:
        """A node in flow style."""
        self.left -= 1
        kind = self.count(4) if depth < 6 and self.left > 0 else 0
        if kind == 0:
            return f"{self.marks()}{self.scalar()}"
        if kind == 1:
            return self.alias()
        marks = self.marks()
        if kind == 2:
            return f"{marks}[{', '.join([self.node(depth + 1)] * self.pick_count())}]"
        pairs = [f"{self.key(depth)}: {self.node(depth + 1)}" for _ in range(self.count(3))]
        return f"{marks}{{{', '.join(pairs * (self.pick_count() if self.happens(4) else 1))}}}"

    def pick_count(self) -> int:
        """How often an entry is repeated: a few times, or as often as a document has room for."""
        return int(self.pick("0", "1", "1", "2", "9", "100"))

    def chain(self) -> list[str]:
        """Anchors each of which holds the one before it several times: written out, they are endless."""
        width, form = int(self.pick("1", "2", "9", "40")), self.count(4)
        lines = ["c0: &c0 {a: 1}" if form == 3 else "c0: &c0 [a]"]
        for level in range(1, int(self.pick("2", "8", "30"))):
            before = ", ".join([f"*c{level - 1}"] * width)
            lines.append(
                f"c{level}: &c{level} "
                + {
                    0: f"[{before}]",
                    1: f"{{a: [{before}]}}",
                    2: f"{{? [{before}] : 1}}",
                    3: f"{{<<: [{before}]}}",
                    4: f"!!set {{? [{before}] }}",
                }[form]
            )
        self.anchors.append(f"c{len(lines) - 1}")
        return lines

    def block(self, indent: int = 0) -> list[str]:
        """A mapping or list over several lines."""
        before, lines = " " * indent, []
        for _ in range(1 + self.count(3)):
            self.left -= 1
            head = "- " if self.happens(4) and indent else f"{self.key(4)}: "
            if self.happens(3) and indent < 20 and self.left > 0:
                lines += [f"{before}{head}{self.marks()}".rstrip(), *self.block(indent + 2)]
            elif self.happens(6):
                lines += [f"{before}{head}|", f"{before}  text"]
            else:
                lines.append(f"{before}{head}{self.node(3)}")
        return lines

    def text(self) -> str:
        """The document."""
        lines = [*(self.chain() if self.happens(2) else []), *self.block()]
        nested = int(self.pick("0", "0", "0", "20", "2000"))
        if nested:
            lines.append(f"deep: {'[' * nested}{']' * nested}" if self.happens(2) else f"deep: {'{a: ' * nested}")
        if self.happens(6):
            lines = [self.pick(*_DIRECTIVES), "---", *lines]
        return "\n".join(lines)[:MOST_BYTES]


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Documents that YAML's grammar makes, cut where they pass a parameter's 8 KB."""
    return _Document(draw(st.data())).text()
