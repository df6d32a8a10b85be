"""Bodies that two parsers could read in two ways, and those that only look like it."""

from collections.abc import Iterator

from tests.hardening.bodies.document import (
    BODY_MAX,
    FLASH,
    FOUR,
    NOT_UNDERSTOOD,
    ONE,
    TOO_LARGE,
    TWO,
    Document,
    made,
)

WATCHED = {
    "model": '"gemini-3.1-flash-image-preview"',
    "size": '"1K"',
    "resolution": '"1K"',
    "n": "1",
    "num_images": "1",
    "quality": '"low"',
    "images": '["a"]',
    "image": '"a"',
    "input_references": '["a"]',
    "provider": "{}",
    "sequential_image_generation": '"disabled"',
}


def _escaped(name: str, at: int, form: str = "04x") -> str:
    return f"{name[:at]}\\u{ord(name[at]):{form}}{name[at + 1 :]}"


def twice() -> Iterator[Document]:
    """A watched member twice at the top, however it is spelt and even if both agree."""
    for name, value in WATCHED.items():
        spellings = (
            name,
            _escaped(name, 0),
            _escaped(name, len(name) - 1, "04X"),
            "".join(_escaped(char, 0) for char in name),
        )
        bodies = [
            *(f'{{"{name}": {value}, "{again}": {value}}}' for again in dict.fromkeys(spellings)),
            f'{{"{name}": null, "prompt": "x", "{name}": {value}}}',
            f'{{"{_escaped(name, 0)}": {value}, "{_escaped(name, 0, "04X")}": null}}',
        ]
        yield from made("a watched member twice", FLASH, NOT_UNDERSTOOD, dict.fromkeys(bodies))
        yield from made(
            "a watched member once, escaped", FLASH, ONE, [f'{{"{_escaped(name, 0)}": {value}}}']
        )


def _fullwidth(name: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if char.isalpha() else char for char in name)


def near() -> Iterator[Document]:
    """A name that equals a watched one only after NFKC case folding."""
    for name, value in WATCHED.items():
        spellings = (
            *(name.upper(), name.title(), _fullwidth(name), f"{name[0]}\u200b{name[1:]}"),
            *(
                f"{name}\u00ad",
                f"\ufeff{name}",
                name.replace("s", "\u017f"),
                name.replace("i", "\u2170"),
            ),
        )
        twins = [each for each in dict.fromkeys(spellings) if each != name]
        bodies = [f'{{"prompt": "x", "{each}": {value}}}' for each in twins]
        yield from made("a twin of a watched member", FLASH, NOT_UNDERSTOOD, bodies)
    pairs = (
        '"size": "1K", "Size": "4K"',
        '"SIZE": "4K", "size": "1K"',
        '"\u017fize": "4K", "size": "1K"',
    )
    yield from made(
        "a twin of a watched member", FLASH, NOT_UNDERSTOOD, (f"{{{each}}}" for each in pairs)
    )
    strangers = (
        "sizes",
        "size_",
        "si-ze",
        "_size",
        "size ",
        "s\u0131ze",
        "größe",
        "サイズ",
        "Prompt",
        "N.",
        "",
    )
    bodies = [f'{{"size": "2K", "{each}": "4K"}}' for each in strangers]
    yield from made("a member that is no twin", FLASH, TWO, bodies)


def passing() -> Iterator[Document]:
    """Duplicates and oddities that cannot move the price pass byte for byte."""
    yield from made("what cannot move the price", FLASH, TWO, (
        '{"prompt": "a", "prompt": "b", "size": "2K"}',
        '{"seed": 1, "Seed": 2, "SEED": 3, "size": "2K"}',
        '{"size": "2K", "meta": {"size": "1K", "size": "4K"}}',
        '{"size": "2K", "meta": [{"n": 1, "n": 9, "Size": 1}]}',
        '{"size": "2K", "a": 1e400, "b": -0.0, "c": 1E-400, "d": 123456789012345678901234567890}',
        '{"size": "2K", "a": "\\ud800", "b": "\\udc00\\ud800", "c": "\\u0000"}',
        '{"size": "2K", "prompt": "\U0001f600 \u0000\u2028\u2029"}'.replace("\u0000", ""),
        '{"size": "2K", "prompt": "{\\"size\\": \\"4K\\"}"}',
        '{"size": "2K", "prompt": "size\\": \\"4K"}',
        '\r\n\t {"size" :\t"2K"\n}\r\n \t',
        '{"size":"2K","user":"' + "\u00e9" * 2000 + '"}',
    ))  # fmt: skip


NOT_JSON = (
    b"", b" ", b"\0", b"null", b"true", b"1", b'"size"', b"[]", b"[{}]", b"{", b"}", b"{}x",
    b"{}{}", b"{}\0", b"{},", b"{}]", b"{} //", b"/**/{}", b"#\n{}", b"{a: 1}", b"{'a': 1}",
    b'{"a": 1,}', b'{,"a": 1}', b'{"a" 1}', b'{"a":: 1}', b'{"a": }', b'{"a"}', b"{1: 1}",
    b"{null: 1}", b'{"a": 1 "b": 2}', b'{"a": [1,]}', b'{"a": [,1]}', b'{"a": [1 2]}',
    b'{"a": [1}', b'{"a": 1]', b'{"a": "b}', b'{"a": tru}', b'{"a": True}', b'{"a": None}',
    b'{"a": undefined}', b'{"a": NaN}', b'{"size": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}',
    b'{"n": NaN}', b'{"a": [NaN]}', b'{"a": +1}', b'{"a": 01}', b'{"a": -01}', b'{"a": 1.}',
    b'{"a": .5}', b'{"a": 1e}', b'{"a": 1e+}', b'{"a": 0x1}', b'{"a": 1_0}', b'{"a": -}',
    b'{"a": - 1}', b'{"a": "\n"}', b'{"a": "\t"}', b'{"a": "\0"}', b'{"a": "\x1f"}',
    b'{"a": "\\x41"}', b'{"a": "\\u12"}', b'{"a": "\\u12G4"}', b'{"a": "\\\'"}', b'{"a": "\\"}',
    b'{"\n": 1}', b"size=4K&n=1", b"<a/>", b'\x0b{"a": 1}', b'\xc2\xa0{"a": 1}', b'{"a": 1}\x0c',
    b'{"a":\x0b1}', b'\x1e{"a": 1}', b"8\r\n{}",
    b'--x\r\nContent-Disposition: form-data; name="size"\r\n\r\n4K\r\n--x--\r\n',
)  # fmt: skip

UTFS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be")
NOT_UTF8 = (
    b'\xef\xbb\xbf{"a": 1}', b'{"a": "\xff"}', b'{"a": "\xc0\xaf"}', b'{"a": "\xe0\x80\xaf"}',
    b'{"a": "\xed\xa0\x80"}', b'{"a": "\xed\xbf\xbf"}', b'{"a": "\xf4\x90\x80\x80"}',
    b'{"a": "\xc3"}', b'{"a": "\xf8\x88\x80\x80\x80"}', b'{"\xff": 1}', b'{"a": "caf\xe9"}',
    b'{"siz\xe5": 1}', b"\x1f\x8b\x08\x00",
    *('{"a": 1}'.encode(coding) for coding in UTFS),
    '{"a": 1}'.encode("utf-8-sig"), b"+AHsAfQ-",
)  # fmt: skip


def unreadable() -> Iterator[Document]:
    yield from made("not one JSON object", FLASH, NOT_UNDERSTOOD, NOT_JSON)
    yield from made("not UTF-8", FLASH, NOT_UNDERSTOOD, dict.fromkeys(NOT_UTF8))


def _nested(depth: int, opening: str, closing: str, inner: str = "1") -> str:
    """An object whose deepest value lies that deep, the object counted."""
    return '{"a":' + opening * (depth - 1) + inner + closing * (depth - 1) + "}"


def sized(text: str, size: int) -> str:
    """The object with a prompt that makes it exactly so many bytes."""
    bare = f'{{{text}, "prompt": ""}}'
    return bare[:-2] + "x" * (size - len(bare)) + '"}'


def large() -> Iterator[Document]:
    for opening, closing, inner in (("[", "]", "1"), ('{"b":', "}", "1"), ('[{"c":', "}]", "[]")):
        step = 2 if opening.startswith("[{") else 1
        fits = (64 - 1) // step + (step == 1) - (step == 2)
        yield from made("depth", FLASH, ONE, [_nested(fits, opening, closing, inner)])
        deep = (65, 1_000, 20_000, 100_000)
        bodies = [_nested(depth, opening, closing, inner) for depth in deep]
        yield from made("depth", FLASH, NOT_UNDERSTOOD, bodies)
    yield from made("depth", FLASH, NOT_UNDERSTOOD, ['{"a":' * 100_000, '{"a":' + "[" * 100_000])
    yield from made("breadth", FLASH, ONE, ['{"a": [' + "[]," * 9_000 + "[]]}"])
    digits = ['{"seed": ' + "1" * 4_000 + "}", '{"seed": 1.' + "1" * 9_000 + "}"]
    yield from made("digits", FLASH, ONE, digits)
    yield from made("digits", FLASH, NOT_UNDERSTOOD, ['{"seed": ' + "1" * 5_000 + "}"])
    yield from made("many members", FLASH, FOUR, [
        "{" + "".join(f'"a{i}": {i}, ' for i in range(20_000)) + '"size": "4K"}'
    ])  # fmt: skip
    yield from made("size", FLASH, TWO, [sized('"size": "2K"', BODY_MAX)])
    yield from made(
        "size", FLASH, TOO_LARGE, [sized('"size": "2K"', BODY_MAX + n) for n in (1, BODY_MAX)]
    )
