"""Names of character sets: those registered with IANA, and those that peers use beside them, with what decodes each.

A table of our own and not Python's, which has codecs that are no character sets, names for the wrong set (``ibm039``,
``x-mac-korean``) and names for any of several (``iso8859``, ``latin``), lacks registered ones, and tries an import for
every name that it does not know, which it remembers for ever.

A set is what its definition says. ISO-8859-1 has control characters where windows-1252 has quotes, though many who name
the one mean the other: nobody can tell. Four names mean a larger set wherever they are used, see WIDER.
"""

from __future__ import annotations

import re
from typing import Final

SETS: Final[dict[str, str]] = {
    # Unicode. The order of octets is :mod:`charset`'s matter.
    "utf_8": "utf-8 utf8 unicode-1-1-utf-8 csutf8 cp65001",
    "utf_8_sig": "utf-8-sig",
    "utf_16": "utf-16 utf16 csutf16",
    "utf_16_be": "utf-16be csutf16be unicodebigunmarked",
    "utf_16_le": "utf-16le csutf16le unicodelittleunmarked",
    "utf_32": "utf-32 utf32 csutf32",
    "utf_32_be": "utf-32be csutf32be",
    "utf_32_le": "utf-32le csutf32le",
    "utf_7": "utf-7 utf7 csutf7 unicode-1-1-utf-7 csunicode11utf7",
    # ISO 646 and ISO 8859, with their names in ISO's own registry (iso-ir).
    "ascii": "us-ascii ascii iso-ir-6 ansi_x3.4-1968 ansi_x3.4-1986 iso_646.irv:1991 iso646-us us ibm367 cp367 csascii",
    "latin_1": "iso-8859-1 iso8859-1 iso88591 iso_8859-1:1987 iso-ir-100 latin1 l1 ibm819 cp819 csisolatin1",
    "iso8859_2": "iso-8859-2 iso8859-2 iso88592 iso_8859-2:1987 iso-ir-101 latin2 l2 csisolatin2",
    "iso8859_3": "iso-8859-3 iso8859-3 iso88593 iso_8859-3:1988 iso-ir-109 latin3 l3 csisolatin3",
    "iso8859_4": "iso-8859-4 iso8859-4 iso88594 iso_8859-4:1988 iso-ir-110 latin4 l4 csisolatin4",
    "iso8859_5": "iso-8859-5 iso8859-5 iso88595 iso_8859-5:1988 iso-ir-144 cyrillic csisolatincyrillic",
    "iso8859_6": "iso-8859-6 iso8859-6 iso88596 iso_8859-6:1987 iso-ir-127 ecma-114 asmo-708 arabic csisolatinarabic "
    "iso-8859-6-e iso-8859-6-i csiso88596e csiso88596i",
    "iso8859_7": "iso-8859-7 iso8859-7 iso88597 iso_8859-7:1987 iso-ir-126 elot_928 ecma-118 greek greek8 "
    "csisolatingreek",
    # -i and -e say in which order right-to-left text stands, not what an octet means (RFC 1556).
    "iso8859_8": "iso-8859-8 iso8859-8 iso88598 iso_8859-8:1988 iso-ir-138 hebrew csisolatinhebrew "
    "iso-8859-8-e iso-8859-8-i csiso88598e csiso88598i",
    "iso8859_9": "iso-8859-9 iso8859-9 iso88599 iso_8859-9:1989 iso-ir-148 latin5 l5 csisolatin5",
    "iso8859_10": "iso-8859-10 iso8859-10 iso885910 iso_8859-10:1992 iso-ir-157 latin6 l6 csisolatin6",
    "iso8859_11": "iso-8859-11 iso8859-11 iso885911 iso_8859-11:2001",
    "iso8859_13": "iso-8859-13 iso8859-13 iso885913 csiso885913 latin7 l7",
    "iso8859_14": "iso-8859-14 iso8859-14 iso885914 iso_8859-14:1998 iso-ir-199 latin8 l8 iso-celtic csiso885914",
    "iso8859_15": "iso-8859-15 iso8859-15 iso885915 latin-9 latin9 l9 csiso885915",
    "iso8859_16": "iso-8859-16 iso8859-16 iso885916 iso_8859-16:2001 iso-ir-226 latin10 l10 csiso885916",
    "tis_620": "tis-620 tis620 tis-620-0 tis-620.2529-0 tis-620.2529-1 iso-ir-166 cstis620",
    "koi8_r": "koi8-r cskoi8r",
    "koi8_u": "koi8-u cskoi8u",
    "koi8_t": "koi8-t",
    "kz1048": "kz-1048 kz1048 strk1048-2002 rk1048 cskz1048",
    "ptcp154": "ptcp154 pt154 cp154 cyrillic-asian csptcp154",
    # Microsoft's.
    "cp1250": "windows-1250 cp1250 x-cp1250 1250 cswindows1250",
    "cp1251": "windows-1251 cp1251 x-cp1251 1251 cswindows1251",
    "cp1252": "windows-1252 cp1252 x-cp1252 1252 cswindows1252",
    "cp1253": "windows-1253 cp1253 x-cp1253 1253 cswindows1253",
    "cp1254": "windows-1254 cp1254 x-cp1254 1254 cswindows1254",
    "cp1255": "windows-1255 cp1255 x-cp1255 1255 cswindows1255",
    "cp1256": "windows-1256 cp1256 x-cp1256 1256 cswindows1256",
    "cp1257": "windows-1257 cp1257 x-cp1257 1257 cswindows1257",
    "cp1258": "windows-1258 cp1258 x-cp1258 1258 cswindows1258",
    "cp874": "windows-874 cp874 dos-874 cswindows874",
    "cp932": "windows-31j windows-932 cswindows31j cp932 ms932 932",
    "cp949": "windows-949 cp949 ms949 uhc 949",
    "cp950": "windows-950 cp950 ms950 950",
    # Of PCs and of IBM's machines, by the numbers of their code pages.
    "cp437": "ibm437 cp437 437 cspc8codepage437",
    "cp720": "cp720",
    "cp737": "cp737 ibm737",
    "cp775": "ibm775 cp775 775 cspc775baltic",
    "cp850": "ibm850 cp850 850 cspc850multilingual",
    "cp852": "ibm852 cp852 852 cspcp852",
    "cp855": "ibm855 cp855 855 csibm855",
    "cp856": "cp856 ibm856",
    "cp857": "ibm857 cp857 857 csibm857",
    "cp858": "ibm00858 ccsid00858 cp00858 pc-multilingual-850+euro ibm858 cp858 858 csibm858 csibm00858",
    "cp860": "ibm860 cp860 860 csibm860",
    "cp861": "ibm861 cp861 861 cp-is csibm861",
    "cp862": "ibm862 cp862 862 cspc862latinhebrew",
    "cp863": "ibm863 cp863 863 csibm863",
    "cp864": "ibm864 cp864 864 csibm864",
    "cp865": "ibm865 cp865 865 csibm865",
    "cp866": "ibm866 cp866 866 csibm866",
    "cp869": "ibm869 cp869 869 cp-gr csibm869",
    "cp1006": "cp1006 ibm1006",
    "cp1125": "cp1125 ibm1125 1125 cp866u ruscii",
    "cp037": "ibm037 cp037 037 ebcdic-cp-us ebcdic-cp-ca ebcdic-cp-wt ebcdic-cp-nl csibm037",
    "cp273": "ibm273 cp273 273 csibm273",
    "cp424": "ibm424 cp424 424 ebcdic-cp-he csibm424",
    "cp500": "ibm500 cp500 500 ebcdic-cp-be ebcdic-cp-ch csibm500",
    "cp875": "cp875 ibm875",
    "cp1026": "ibm1026 cp1026 1026 csibm1026",
    "cp1140": "ibm01140 ccsid01140 cp01140 ebcdic-us-37+euro ibm1140 cp1140 1140 csibm01140",
    # Apple's and Hewlett-Packard's. Apple's East Asian ones are not what their names in Python say.
    "mac_roman": "macintosh mac macroman mac-roman x-mac-roman csmacintosh",
    "mac_arabic": "mac-arabic",
    "mac_croatian": "mac-croatian x-mac-croatian",
    "mac_cyrillic": "mac-cyrillic maccyrillic x-mac-cyrillic",
    "mac_farsi": "mac-farsi",
    "mac_greek": "mac-greek macgreek x-mac-greek",
    "mac_iceland": "mac-iceland maciceland x-mac-icelandic",
    "mac_latin2": "mac-latin2 maclatin2 mac-centeuro maccentraleurope x-mac-ce",
    "mac_romanian": "mac-romanian x-mac-romanian",
    "mac_turkish": "mac-turkish macturkish x-mac-turkish",
    "hp_roman8": "hp-roman8 roman8 r8 cp1051 ibm1051 cshproman8",
    # Chinese. GB 18030 has all of GBK, which has all of GB 2312, at the same places; Python's table of the smallest one
    # differs from it in the middle dot and the dash. The 94x94 set by itself (GB_2312-80) has no letters and no line
    # ends, and who names it sends EUC.
    "gb18030": "gb18030 csgb18030 gb18030-2000 gbk cp936 ms936 windows-936 936 csgbk x-gbk gb2312 csgb2312 gb2312-80 "
    "gb2312-1980 gb_2312-80 gb_2312 chinese csiso58gb231280 iso-ir-58 euc-cn euccn eucgb2312-cn x-euc-cn",
    "hz": "hz-gb-2312 hz hz-gb hzgb",
    "big5": "big5 csbig5 big5-tw cn-big5 x-x-big5",
    "big5hkscs": "big5-hkscs big5hkscs hkscs csbig5hkscs",
    # Japanese.
    "shift_jis": "shift_jis sjis s-jis shiftjis x-sjis ms_kanji mskanji csshiftjis",
    "shift_jis_2004": "shift_jis-2004 shiftjis2004 sjis-2004 s-jis-2004",
    "shift_jisx0213": "shift_jisx0213 shiftjisx0213 sjisx0213 s-jisx0213",
    "euc_jp": "euc-jp eucjp x-euc-jp ujis u-jis cseucpkdfmtjapanese extended_unix_code_packed_format_for_japanese",
    "euc_jis_2004": "euc-jis-2004 euc-jis2004 eucjis2004",
    "euc_jisx0213": "euc-jisx0213 eucjisx0213",
    "iso2022_jp": "iso-2022-jp iso2022-jp iso2022jp csiso2022jp",
    "iso2022_jp_1": "iso-2022-jp-1 iso2022-jp-1 iso2022jp-1",
    "iso2022_jp_2": "iso-2022-jp-2 iso2022-jp-2 iso2022jp-2 csiso2022jp2",
    "iso2022_jp_2004": "iso-2022-jp-2004 iso2022-jp-2004 iso2022jp-2004",
    "iso2022_jp_3": "iso-2022-jp-3 iso2022-jp-3 iso2022jp-3",
    "iso2022_jp_ext": "iso-2022-jp-ext iso2022-jp-ext iso2022jp-ext",
    # Korean. What is said of the Chinese 94x94 set is true of KS C 5601 as well.
    "euc_kr": "euc-kr euckr cseuckr ks_c_5601-1987 ks_c_5601-1989 ks_c_5601 ksc_5601 ksc5601 ks_x_1001 ksx1001 "
    "iso-ir-149 korean csksc56011987",
    "johab": "johab cp1361 ms1361 1361",
    "iso2022_kr": "iso-2022-kr iso2022-kr iso2022kr csiso2022kr",
}
"""Python's codec of each set, and the names of the set in lower case."""

WIDER: Final[dict[str, tuple[str, ...]]] = {
    "shift_jis": ("cp932",),
    "euc_kr": ("cp949",),
    "big5": ("cp950", "big5hkscs"),
    "iso2022_jp": ("iso2022_jp_ext",),
}
"""Sets that text is in which is said to be in a smaller one and has what that does not have: what its sender's system
calls by the smaller one's name (WHATWG Encoding Standard s4.2), asked in this order."""

_between = re.compile(r"[^a-z0-9]+").sub
_LONGEST: Final = 64


def _known_as(name: str) -> str:
    return _between("-", name)


CODECS: Final[dict[str, str]] = {_known_as(name): codec for codec, names in SETS.items() for name in names.split()}
"""Codecs by name, all that is no letter or digit in a name being one dash."""


def codec_of(name: str) -> str | None:
    """The codec of a set by any name of it; None for what is none. Letters of either case, ``-`` for ``_``, ``:``."""
    if len(name) > _LONGEST or not name.isascii():
        return None
    return CODECS.get(_known_as(name.lower()))
