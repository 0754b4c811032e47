"""The whole table of character sets: each is what its definition says, under each of its names.

The samples are octets and characters as the definitions pair them (all that GNU iconv knows was compared with it).
"""

from __future__ import annotations

import codecs

import pytest

from protocols.payload.charset import AS_IT_IS, to_utf8
from protocols.payload.charset_names import CODECS, SETS, WIDER, codec_of
from protocols.payload.errors import PayloadError

JP = "1b2442306c1b2842"  # ESC $ B 0 l ESC ( B
SAMPLES: dict[str, tuple[str, str]] = {
    "utf_8": ("c3a9", "é"),
    "utf_8_sig": ("efbbbfc3a9", "é"),
    "utf_16": ("00e9", "é"),
    "utf_16_be": ("00e9", "é"),
    "utf_16_le": ("e900", "é"),
    "utf_32": ("000000e9", "é"),
    "utf_32_be": ("000000e9", "é"),
    "utf_32_le": ("e9000000", "é"),
    "utf_7": ("2b414f6b2d", "é"),
    "ascii": ("61", "a"),
    "latin_1": ("aacddeee", "ªÍÞî"),
    "iso8859_2": ("a1bfd3e8", "ĄżÓč"),
    "iso8859_3": ("a1c4d8eb", "ĦÄĜë"),
    "iso8859_4": ("a1bed2e7", "ĄžŌį"),
    "iso8859_5": ("a1b9d0e7", "ЁЙач"),
    "iso8859_6": ("c1cad3e1", "ءتسف"),
    "iso8859_7": ("aac9dbec", "ͺΙΫμ"),
    "iso8859_8": ("b5e6edf4", "µזםפ"),
    "iso8859_9": ("aacddeee", "ªÍŞî"),
    "iso8859_10": ("a1bbd2e8", "ĄŧŌč"),
    "iso8859_11": ("a1afbdcb", "กฏฝห"),
    "iso8859_13": ("a8cadced", "ØŹÜķ"),
    "iso8859_14": ("a1bdd3e9", "ḂẄÓé"),
    "iso8859_15": ("a4a6c8db", "€ŠÈÛ"),
    "iso8859_16": ("a1c1d5e9", "ĄÁŐé"),
    "tis_620": ("a1afbdcb", "กฏฝห"),
    "koi8_r": ("a3cedeee", "ёнчН"),
    "koi8_u": ("a4c8daec", "єхзЛ"),
    "koi8_t": ("a1cde0f3", "ӯмЮС"),
    "kz1048": ("a1c6ddf4", "ҰЖЭф"),
    "ptcp154": ("a1c6e1fc", "ЎЖбь"),
    "cp1250": ("a1c8ddf1", "ˇČÝń"),
    "cp1251": ("a1c6ddf4", "ЎЖЭф"),
    "cp1252": ("809394e2", "€“”â"),
    "cp1253": ("a2c9dbec", "ΆΙΫμ"),
    "cp1254": ("aacfdef4", "ªÏŞô"),
    "cp1255": ("b5e4ecf4", "µהלפ"),
    "cp1256": ("aacedfef", "ھخكï"),
    "cp1257": ("a8cadced", "ØŹÜķ"),
    "cp1258": ("aaced0f3", "ªÎĐó"),
    "cp874": ("80a1afcb", "€กฏห"),
    "cp932": ("88ea8740", "一①"),
    "cp949": ("b0a18141", "가갂"),
    "cp950": ("a440f9d6", "一碁"),
    "cp437": ("a0e4818d", "áΣüì"),
    "cp720": ("a0acea89", "بشمë"),
    "cp737": ("a0e1f58f", "ιάΫΠ"),
    "cp775": ("a0d1e98b", "Āčķŗ"),
    "cp850": ("a0d3e98b", "áËÚï"),
    "cp852": ("a0c7e889", "áăŔë"),
    "cp855": ("a0d1ed89", "аЛьЅ"),
    "cp856": ("e6868d94", "µזםפ"),
    "cp857": ("a0d3ec8e", "áËìÄ"),
    "cp858": ("a0d3d58c", "áË€î"),
    "cp860": ("a0e4828f", "áΣéÂ"),
    "cp861": ("a0e58390", "áσâÉ"),
    "cp862": ("a0e4818d", "áΣבם"),
    "cp863": ("a2e88492", "óΦÂÊ"),
    "cp864": ("a2c6d8ee", "ﺂﺋﻅﻍ"),
    "cp865": ("a0e58390", "áσâÉ"),
    "cp866": ("a0e2f48e", "атЇО"),
    "cp869": ("a0bde1f6", "ϊΞηψ"),
    "cp1006": ("afc3d7eb", "ﺁﺣﻉﻣ"),
    "cp1125": ("a0e2f48c", "атЄМ"),
    "cp037": ("a0c9e283", "µISc"),
    "cp273": ("a0c7df83", "µGÿc"),
    "cp424": ("a0c5d985", "µERe"),
    "cp500": ("a0c9e283", "µISc"),
    "cp875": ("a2b9d489", "sώMi"),
    "cp1026": ("a0c9e083", "µIüc"),
    "cp1140": ("a0c99f83", "µI€c"),
    "mac_roman": ("a7d9f48d", "ßŸÙç"),
    "mac_arabic": ("c1d3ea88", "ءسيà"),
    "mac_croatian": ("a7d0f68d", "ßĐˆç"),
    "mac_cyrillic": ("a2ceef88", "ҐќпИ"),
    "mac_farsi": ("c1d3ea88", "ءسيà"),
    "mac_greek": ("a1c1e4fa", "ΓΝδζ"),
    "mac_iceland": ("a0d9f28c", "ÝŸÚå"),
    "mac_latin2": ("a2cdf087", "ĘÕūá"),
    "mac_romanian": ("a7d9f48d", "ßŸÙç"),
    "mac_turkish": ("a7daf28d", "ßĞÚç"),
    "hp_roman8": ("a1bed0e1", "ÀƒÅÃ"),
    "gb18030": ("d2bbe946a1a4a1aaa2e3", "一镕·—€"),
    "hz": ("7e7b523b7e7d", "一"),
    "big5": ("a440", "一"),
    "big5hkscs": ("a440", "一"),
    "shift_jis": ("88ea8160", "一\u301c"),
    "shift_jis_2004": ("88ea", "一"),
    "shift_jisx0213": ("88ea", "一"),
    "euc_jp": ("b0ec", "一"),
    "euc_jis_2004": ("b0ec", "一"),
    "euc_jisx0213": ("b0ec", "一"),
    "iso2022_jp": (JP, "一"),
    "iso2022_jp_1": (JP, "一"),
    "iso2022_jp_2": (JP, "一"),
    "iso2022_jp_2004": (JP, "一"),
    "iso2022_jp_3": (JP, "一"),
    "iso2022_jp_ext": (JP, "一"),
    "euc_kr": ("b0a1", "가"),
    "johab": ("8861", "가"),
    "iso2022_kr": ("1b2429430e30210f", "가"),
}


def text(octets: bytes, name: str) -> str:
    return to_utf8(octets, f"text/plain;charset={name}")[0].decode()


def refusal(octets: bytes, name: str) -> int:
    with pytest.raises(PayloadError) as caught:
        text(octets, name)
    return caught.value.code


def test_every_set_of_the_table_has_a_sample() -> None:
    assert set(SAMPLES) == set(SETS)


@pytest.mark.parametrize("name", [name for names in SETS.values() for name in names.split()])
def test_each_name_of_a_set_reads_its_octets_as_its_definition_does(name: str) -> None:
    codec = codec_of(name)
    assert codec is not None
    assert name in SETS[codec].split()  # and no other set has the name as well
    octets, meant = (bytes.fromhex(SAMPLES[codec][0]), SAMPLES[codec][1])
    assert text(octets, name) == meant
    assert text(octets, name.upper().replace("-", "_")) == meant


def test_a_name_is_that_of_one_set() -> None:
    assert len(CODECS) == len({name for names in SETS.values() for name in names.split()})


def test_every_codec_is_one_of_text() -> None:
    for codec in (*SETS, *(wider for each in WIDER.values() for wider in each)):
        assert codecs.lookup(codec)._is_text_encoding


@pytest.mark.parametrize(
    ("name", "octets", "meant"),
    [
        ("utf-16", "041f04400438", "При"),  # RFC 2781 s4.3: big endian
        ("utf-16", "feff041f04400438", "При"),
        ("utf-16", "fffe1f0440043804", "При"),
        ("utf-16", "d83dde00", "\U0001f600"),
        ("utf-16", "", ""),
        ("utf-16", "feff", ""),
        ("utf-16", "0061feff0062", "a\ufeffb"),
        ("utf-32", "0000041f", "П"),
        ("utf-32", "0000feff0000041f", "П"),
        ("utf-32", "fffe00001f040000", "П"),
        ("utf-16be", "feff0061", "\ufeffa"),  # s4.1: here it is a character of the text
        ("utf-16le", "fffe6100", "\ufeffa"),
        ("utf-32le", "fffe000061000000", "\ufeffa"),
        ("utf-7", "48692b4647412d21", "Hi\u1460!"),
        ("hz-gb-2312", "7e7e7e7b523b7e7d61", "~一a"),
        ("iso-2022-jp", "1b284a5c7e1b2842", "¥\u203e"),  # JIS X 0201 Roman
        ("shift_jis", "5c7eb1", "\\~\uff71"),
        ("iso-2022-kr", "610e30210f", "a가"),  # RFC 1557: nothing else could be meant
        ("iso-8859-1", "93", "\x93"),
        ("windows-1252", "93", "“"),
    ],
)
def test_the_definition_decides_and_not_the_machine_or_the_library(name: str, octets: str, meant: str) -> None:
    assert text(bytes.fromhex(octets), name) == meant


@pytest.mark.parametrize(
    ("name", "octets", "meant"),
    [
        ("shift_jis", "87408aed", "①器"),  # NEC's row 13
        ("ms_kanji", "fbfc", "髙"),
        ("ks_c_5601-1987", "8141c8ab", "갂홍"),
        ("euc-kr", "94ee", "뷁"),
        ("gb2312", "e946", "镕"),
        ("GB_2312-80", "d2bb", "一"),
        ("big5", "f9d6", "碁"),
        ("big5", "8862", "Ê̄"),  # Hong Kong
        ("iso-2022-jp", "1b2849311b2842", "\uff71"),
    ],
)
def test_what_the_field_puts_into_a_set_by_a_smaller_ones_name_is_read(name: str, octets: str, meant: str) -> None:
    assert text(bytes.fromhex(octets), name) == meant


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        *(("utf-16", "61"), ("utf-16", "d83d"), ("utf-16", "fffe61"), ("utf-32", "00110000"), ("utf-32", "0061")),
        *(("utf-16le", "feff0061"), ("utf-16be", "fffe6100"), ("utf-32be", "fffe0000"), ("utf-7", "2b4a4a")),
        *(
            ("shift_jis", "ff"),
            ("shift_jis", "80"),
            ("shift_jis", "f040"),
            ("euc-kr", "ff"),
            ("big5", "ff"),
            ("gb2312", "80"),
        ),
        *(
            ("iso-2022-jp", "1b2442"),
            ("iso-2022-kr", "0e30"),
            ("iso-2022-kr", "0eff"),
            ("hz", "7e7b52"),
            ("iso-8859-7", "d2"),
            ("cp1252", "81"),
        ),
    ],
)
def test_without_an_honest_reading_it_is_415(name: str, octets: str) -> None:
    if (name, octets) == ("iso-2022-jp", "1b2442"):
        assert text(bytes.fromhex(octets), name) == ""  # a shift and nothing after it is no text, and no fault
    else:
        assert refusal(bytes.fromhex(octets), name) == 415


@pytest.mark.parametrize(
    "name",
    [
        *("iso8859", "latin", "8859", "utf", "646", "koi8", "unicode", "thai", "ibm039", "iso-10646-ucs-2", "ucs-2"),
        *("x-mac-korean", "x-mac-japanese", "x-mac-trad-chinese", "x-mac-simp-chinese", "utf8_ucs2", "utf-9", "idna"),
        *("jis_x0201", "iso-2022-cn", "euc-tw", "locale", "mbcs", "string_escape", "utf-16-", "é-utf-8", "utf\u017f-8"),
        *("utf-8\udc80", "utf-8\0", "a" * 1000, "-", ""),
    ],
)
def test_names_that_could_mean_several_sets_or_none_are_415(name: str) -> None:
    assert refusal(b"x", f'"{name}"') == 415


def test_ascii_with_eighth_bits_goes_on_as_it_is() -> None:
    """Nothing is claimed of it: octets and name are its sender's, and who reads UTF-8 reads it."""
    for codec in AS_IT_IS:
        for name in SETS[codec].split():
            assert to_utf8(b"\xc3\xa9\xff", f"text/plain;charset={name}") == (
                b"\xc3\xa9\xff",
                f"text/plain;charset={name}",
            )
