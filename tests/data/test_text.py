import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lunzi.core.errors import (
    FileFormatError,
    KindError,
    LunziError,
    MissingFileError,
    RangeError,
)
from lunzi.data.text import decode_text, read_text

CHINESE = "价格,城市\n3,北京\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (CHINESE.encode(), "utf-8"),
        (CHINESE.encode("utf-8-sig"), "utf-8-sig"),
        (CHINESE.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"), "utf-16"),
        (CHINESE.encode("utf-32"), "utf-32"),
        (CHINESE.encode("gb18030"), "gb18030"),
    ],
)
def test_the_encoding_is_found(content, encoding):
    assert decode_text(content, "a.txt") == (CHINESE, encoding)


@pytest.mark.parametrize("word", ["价格", "联通", "镕基", "𠮷野家"])
def test_a_single_chinese_word_in_gb18030_is_read(word):
    assert decode_text(word.encode("gb18030"), "a.txt") == (word, "gb18030")


def test_traditional_characters_in_gb18030_are_read():
    poem = "牀前看月光，疑是地上霜。舉頭望山月，低頭思故鄉。體會讀書聲裏憂國憂民。"
    assert decode_text(poem.encode("gb18030"), "a.txt").encoding == "gb18030"


def test_a_named_encoding_overrides_what_the_bytes_say():
    assert decode_text("café".encode("latin-1"), "a.txt", "latin-1") == ("café", "iso8859-1")
    assert decode_text(CHINESE.encode("utf-8-sig"), "a.txt", "utf-8") == (CHINESE, "utf-8")


@pytest.mark.parametrize(
    "words",
    [
        "Müller\nJosé\nFrançois",
        "naïve cœur élève",
        "señor mañana niño",
        "Größe, Länge\nfür alle",
        "crème brûlée",
    ],
)
def test_western_european_text_is_not_read_as_chinese(words):
    with pytest.raises(FileFormatError, match=r"neither UTF-8 nor GB18030 .* latin-1"):
        decode_text(words.encode("windows-1252"), "a.txt")


def test_a_damaged_byte_in_utf8_is_named_and_not_read_as_gb18030():
    content = bytearray(CHINESE.encode() * 3)
    place = content.index("北".encode()) + 1
    content[place] = 0xFF
    with pytest.raises(
        FileFormatError, match=r"a\.txt, line 2: byte 16 \(0xE5\) is no utf-8 text"
    ) as caught:
        decode_text(bytes(content), "a.txt")
    assert place == 17  # the character that begins one byte earlier cannot be read
    assert "--encoding" in str(caught.value)


def test_utf8_cut_within_a_character_is_named():
    with pytest.raises(FileFormatError, match=r"line 1: byte 9 .* no utf-8 text"):
        decode_text("价格城市".encode()[:-1], "a.txt")


def test_bytes_that_are_no_text_are_named_with_line_and_byte():
    with pytest.raises(FileFormatError, match=r"line 2: byte 3 \(0xFF\) is neither"):
        decode_text(b"ab\n\xff\xff\xff", "a.txt")


def test_bytes_that_do_not_fit_the_named_encoding_are_named():
    with pytest.raises(FileFormatError, match=r"line 2: byte 2 \(0xE9\) is no ascii text"):
        decode_text(b"a\n\xe9", "a.txt", "ascii")
    with pytest.raises(FileFormatError, match="no utf-16 text"):
        decode_text(b"abc", "a.txt", "utf-16")


def test_utf16_without_its_mark_is_told_from_its_zero_bytes():
    with pytest.raises(FileFormatError, match=r"line 1: there is a zero byte.* utf-16-le"):
        decode_text("a,b\n".encode("utf-16-le"), "a.txt")


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", ""])
def test_an_encoding_that_does_not_exist_is_refused(name):
    with pytest.raises(RangeError, match=f"no text encoding named {name}"):
        decode_text(b"abc", "a.txt", name)


@pytest.mark.parametrize("content", [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
def test_an_empty_file_is_named(content, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.txt is empty"):
        read_text(path)


def test_a_file_in_a_folder_with_a_space_and_chinese_is_read(tmp_path):
    path = tmp_path / "数据 集" / "文本.txt"
    path.parent.mkdir()
    path.write_bytes(CHINESE.encode("gb18030"))
    assert read_text(path).text == CHINESE


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(MissingFileError, match="does not exist"):
        read_text(tmp_path / "none.txt")
    with pytest.raises(FileFormatError, match="is a folder"):
        read_text(tmp_path)


@settings(deadline=None, max_examples=300)
@given(
    content=st.binary(max_size=60)
    | st.text(max_size=20).map(lambda t: t.encode("gb18030", "replace")),
    encoding=st.sampled_from([None, "utf-8", "utf-16", "gb18030", "idna", "punycode", "utf-7"]),
)
def test_only_our_own_errors_come_from_any_bytes(content, encoding):
    try:
        decoded = decode_text(content, "a.txt", encoding)
    except LunziError:
        return
    if encoding is None:
        assert decoded.text.encode(decoded.encoding)


def test_real_texts_are_read(shared_data):
    shakespeare = read_text(shared_data("tinyshakespeare/input.txt"))
    assert (len(shakespeare.text), shakespeare.encoding) == (1_115_394, "utf-8")
    poems = read_text(shared_data("song-ci/song_ci.tsv"))
    assert poems.encoding == "utf-8"
    assert decode_text(poems.text.encode("gb18030"), "poems") == (poems.text, "gb18030")


def test_the_name_of_an_encoding_and_of_a_file_is_text():
    with pytest.raises(KindError, match="encoding is the name of one, got 8"):
        decode_text(b"a", "a.txt", 8)
    with pytest.raises(KindError, match="a file is named by a text or a Path, got 3"):
        read_text(3)
