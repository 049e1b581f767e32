"""What kind of answer a question asks for, and which words of a sentence could be one.

Rules by regular expression for English and Chinese: they need no weights, and the trained scoring learns how far to trust
them. Does not parse; a question whose kind it cannot tell is `OTHER`. The kinds follow Li and Roth 2002, coarse classes.
"""

import re
from enum import IntEnum

from inglenook.answer.terms import FUNCTION_WORDS, is_chinese, simplify

Span = tuple[int, int]


class Kind(IntEnum):
    """The kind of answer a question asks for."""

    OTHER = 0
    PERSON = 1
    PLACE = 2
    TIME = 3
    NUMBER = 4
    REASON = 5
    MANNER = 6
    YES_NO = 7


_KINDS_EN = [
    (Kind.REASON, r"\bwhy\b|\bwhat (?:was |is )?(?:the )?(?:reason|cause)s?\b|\bfor what reason"),
    (
        Kind.NUMBER,
        r"\bhow (?:many|much|long|old|tall|high|deep|wide|large|big|far|often|fast|heavy)\b|\bwhat (?:is |was |are )?(?:the )?(?:[a-z]+ )?(?:number|percentage|percent|population|proportion|amount|fraction|size|length|height|cost|price|rate|ratio|temperature|speed|distance|age)\b",
    ),
    (
        Kind.TIME,
        r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|century|decade|time|period|era|season)s?\b|\bhow (?:recently|soon)\b",
    ),
    (
        Kind.PLACE,
        r"\bwhere\b|\b(?:what|which) (?:[a-z]+ )?(?:countr(?:y|ies)|cit(?:y|ies)|place|location|town|state|continent|region|province|river|area|village|island|building)s?\b",
    ),
    (
        Kind.PERSON,
        r"\bwho(?:m|se)?\b|\b(?:what|which) (?:[a-z]+ )?(?:person|people|man|woman|king|queen|emperor|president|scientist|author|leader|ruler|actor|general|philosopher|inventor)\b|\bwhat (?:was|is) (?:[a-z]+ )?(?:the )?names? of the (?:person|man|woman)",
    ),
    (Kind.MANNER, r"\bhow\b"),
    (Kind.YES_NO, r"^(?:is|are|was|were|do|does|did|can|could|has|have|had|will|would|should)\b"),
]
_KINDS_ZH = [
    (Kind.REASON, "为什么|为何|为啥|原因|何故|缘由|因为什么"),
    (
        Kind.NUMBER,
        "多少|几(?:个|人|名|位|次|种|座|公里|米|岁|届|部|所|条|家|层|天|分|度|成|间|句|倍|大|只|支|张|块|级|集)|多(?:高|长|大|远|深|宽|重|快)|多久|百分之几|比例|人口数|数量|面积|高度|长度",
    ),
    (
        Kind.TIME,
        "何时|什么时候|什么时间|哪(?:一)?(?:年|天|日|个月|月|个年代|个世纪|个朝代|段时间)|几(?:年|月|号|日|世纪|点|时)|何年|何月|哪个时期|什么年代|什么时期|时间是|日期|何世纪",
    ),
    (
        Kind.PLACE,
        "哪里|哪儿|何处|何地|什么地方|位于哪|哪(?:一)?(?:个|座)?(?:国家|国|城市|地区|地方|省|市|县|州|岛|洲|处|地|区|村|镇|河|山)|什么(?:城市|国家|地区)|地点",
    ),
    (Kind.PERSON, "谁|何人|哪位|哪一位|哪(?:一)?(?:个)?(?:人|名)|什么人|哪些人|人物"),
    (Kind.MANNER, "如何|怎么|怎样|怎麼|什么方式|什么方法|何种方式|什么手段"),
]


def kind_of(question: str) -> Kind:
    """Return the kind of answer `question` asks for.

    >>> kind_of("In what year was the bridge built?").name, kind_of("谁设计了这座桥？").name
    ('TIME', 'PERSON')
    """
    folded = simplify(question.strip()).lower()
    for kind, pattern in _KINDS_ZH if is_chinese(question) else _KINDS_EN:
        if re.search(pattern, folded):
            return kind
    return Kind.OTHER


_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_NUMBER_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|half|dozen|quarter|third|twice"
_HAN_NUMBER = "[0-9０-９零〇一二三四五六七八九十百千万亿两数半]+(?:[.．][0-9]+)?"
_FINDERS_EN = {
    Kind.TIME: re.compile(
        rf"\b(?:{_MONTHS})\b(?: \d{{1,2}}\b)?(?:,? \d{{4}})?|\b1\d{{3}}s?\b|\b20\d\d\b|\b\d{{1,2}}(?:st|nd|rd|th)[ -]century|\b(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|\w+teenth|twentieth) century|\b(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|spring|summer|autumn|winter)\b|\b\d+ (?:AD|BC|BCE|CE)\b"
    ),
    Kind.NUMBER: re.compile(rf"[$£€]?\b\d[\d,.]*\d\b%?|[$£€]?\b\d\b%?|\b(?:{_NUMBER_WORDS})\b", re.IGNORECASE),
    Kind.PERSON: re.compile(
        r"\b[A-Z][\w’'-]+(?: (?:[A-Z][\w’'.-]*|of|the|de|van|von|bin|al))*(?: [A-Z][\w’'-]+)|\b[A-Z][\w’'-]+"
    ),
    Kind.REASON: re.compile(
        r"\b(?:because|due to|owing to|since|so that|in order to|as a result|caused by|reason|to (?:avoid|prevent|protect|help|allow|make|reduce|increase|provide|ensure|keep|support))\b",
        re.IGNORECASE,
    ),
    Kind.MANNER: re.compile(r"\b(?:by|through|via|using|with|in which)\b", re.IGNORECASE),
}
_FINDERS_EN[Kind.PLACE] = _FINDERS_EN[Kind.PERSON]
_FINDERS_ZH = {
    Kind.TIME: re.compile(
        rf"{_HAN_NUMBER}(?:年代?|月|日|世纪|号|时|点|小时)|(?:公元|西元|民国|唐|宋|元|明|清|汉|秦|周|商|隋)(?:前|朝|代|初|末)|春季|夏季|秋季|冬季|[上下]半年|年间|时期|同年|翌年"
    ),
    Kind.NUMBER: re.compile(rf"{_HAN_NUMBER}[^\W\d_]|[0-9][0-9,.]*%?"),
    Kind.PERSON: re.compile(
        r"[^\W\d_]{1,6}[·‧・][^\W\d_]{1,8}|[赵钱孙李周吴郑王冯陈卫蒋沈韩杨朱秦许何吕张孔曹严金魏姜谢邹柏章苏潘葛范彭鲁韦马苗方俞任袁柳史唐薛雷贺汤罗毕郝安常齐梁杜蓝季贾江郭梅林徐邱骆高夏蔡田胡霍万卢丁邓洪包左石崔吉龚程邢裴陆荣翁侯宓段焦巴谷车伊宁仇甘戴宋庞熊纪舒项祝董关叶司黎白蒲赖武乔谭温庄晏柴瞿阎充慕连茹习艾容向古易廖居步耿满匡国文寇广欧沃利越隆师巩聂晁勾敖融冷辛那简饶曾毋沙丰盖查红游权肖刘黄尹岳][^\W\d_]{1,2}|先生|女士|教授|博士|总统|国王|皇帝|主席|将军|人员|[王帝后公侯]"
    ),
    Kind.PLACE: re.compile(
        r"[^\W\d_]{1,6}(?:[省市县区国州镇乡村岛山河江湖海洋路街道寺庙港洲站城府]|大学|学院|地区|半岛)"
    ),
    Kind.REASON: re.compile("因为|因此|由于|由於|为了|因而|原因|导致|以致|使得|因|所以|故"),
    Kind.MANNER: re.compile("通过|透过|利用|使用|采用|借助|以.{1,12}方式|方法|将|以"),
}


def answer_spans(sentence: str, kind: Kind) -> list[Span]:
    """Return the spans of `sentence` that could answer a question of this kind; empty for kinds without a rule."""
    finders = _FINDERS_ZH if is_chinese(sentence) else _FINDERS_EN
    finder = finders.get(kind)
    if finder is None:
        return []
    spans = [match.span() for match in finder.finditer(simplify(sentence))]
    if kind in {Kind.PERSON, Kind.PLACE} and finders is _FINDERS_EN:
        spans = [(start, end) for start, end in spans if sentence[start:end].lower() not in FUNCTION_WORDS]
    return spans
