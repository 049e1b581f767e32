"""How well an encoder finds passages in each script: a small built-in test, run once per encoder.

An encoder that never saw Chinese gives vectors for it all the same, and its ranking is near chance. Search weighs the
vectors by what this probe measures. The pairs were written for this purpose; nothing else uses them.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from inglenook.core.errors import StoreDamagedError
from inglenook.index.files import read_arrays, write_arrays

PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "latin": (
        (
            "When does the warranty on the washing machine end?",
            "The manufacturer repairs faults free of charge for twenty-four months after delivery of the washer.",
        ),
        ("Who wrote the annual report?", "The yearly summary was prepared by Maria Keller of the finance department."),
        (
            "How do I reset my password?",
            "Choose 'forgotten credentials' on the sign-in page; a link to set new ones is mailed to you.",
        ),
        ("What is the capital of the province?", "The regional government sits in Harrowgate, its largest city."),
        (
            "Why did the bridge collapse?",
            "Engineers found that corrosion had weakened the main cables long before the accident.",
        ),
        (
            "Which vitamin prevents scurvy?",
            "Sailors who ate citrus fruit stayed free of the disease because of ascorbic acid.",
        ),
        (
            "How fast can a cheetah run?",
            "The spotted cat reaches over one hundred kilometres per hour in short bursts.",
        ),
        (
            "What does the function return on failure?",
            "If the call does not succeed, a null pointer is given back and errno is set.",
        ),
        ("When was the castle built?", "Construction of the fortress began in 1248 and took forty years."),
        ("How many guests can the hotel take?", "The inn has ninety rooms with beds for two hundred people."),
        ("What should I feed a young rabbit?", "Kits need plenty of hay, some pellets and fresh water every day."),
        ("Is smoking allowed in the flat?", "The lease forbids tobacco inside the apartment and on the balcony."),
        ("Who discovered penicillin?", "Alexander Fleming noticed that a mould killed the bacteria in his dish."),
        ("How is the engine cooled?", "Air is drawn over fins on the cylinders by a fan driven from the crankshaft."),
        (
            "What causes the tides?",
            "The gravity of the moon pulls the oceans towards it, so the water rises and falls.",
        ),
        (
            "How long should the bread bake?",
            "Leave the loaf in a hot oven for thirty-five minutes until the crust is brown.",
        ),
        ("Which language do they speak on the island?", "Most inhabitants use a dialect of Portuguese at home."),
        ("How much does the ticket cost?", "Admission is twelve euros for adults and free for children."),
        (
            "What happened at the meeting on Monday?",
            "At the start of the week the board voted to close the northern office.",
        ),
        ("Where is the water shut-off valve?", "You can turn off the supply in the cellar, left of the boiler."),
        ("How do bees communicate?", "A worker returning to the hive dances to tell others where nectar is."),
        (
            "What limits the range of the electric car?",
            "Cold weather and high speed drain the battery and shorten the distance it can go.",
        ),
        ("When must the tax return be filed?", "The declaration of income is due by the thirty-first of July."),
        (
            "Which software licence applies?",
            "The program may be copied and changed under the terms of the MIT agreement.",
        ),
    ),
    "han": (
        ("洗衣机的保修期到什么时候？", "制造商在送货后二十四个月内免费修理洗涤设备的故障。"),
        ("年度报告是谁写的？", "这份全年总结由财务部的李明负责撰写。"),
        ("怎样重置密码？", "在登录页面点击“忘记口令”，系统会发邮件让您重新设定。"),
        ("这个省的首府在哪里？", "省政府设在全省最大的城市青川。"),
        ("大桥为什么倒塌？", "工程师发现主缆早已因锈蚀而强度不足。"),
        ("哪种维生素可以预防坏血病？", "吃柑橘的水手因为抗坏血酸而没有患病。"),
        ("猎豹跑得有多快？", "这种带斑点的大猫短距离时速超过一百公里。"),
        ("函数失败时返回什么？", "如果调用不成功，则给出空指针并设置错误码。"),
        ("城堡是什么时候建造的？", "要塞于一二四八年动工，历时四十年完成。"),
        ("酒店能住多少客人？", "旅馆共有九十间房，床位可供二百人使用。"),
        ("小兔子应该喂什么？", "幼兔每天需要大量干草、少许颗粒料和清水。"),
        ("公寓里可以抽烟吗？", "租约禁止在屋内和阳台上吸食烟草。"),
        ("谁发现了青霉素？", "弗莱明注意到霉菌杀死了培养皿里的细菌。"),
        ("发动机怎样冷却？", "曲轴带动风扇，把空气吹过气缸上的散热片。"),
        ("潮汐是怎么形成的？", "月球的引力牵动海洋，使海水涨落。"),
        ("面包要烤多长时间？", "放进热烤箱三十五分钟，直到外皮变成棕色。"),
        ("岛上的人说什么语言？", "大多数居民在家讲葡萄牙语的一种方言。"),
        ("门票多少钱？", "成人入场费十二元，儿童免费。"),
        ("星期一的会议上发生了什么？", "本周伊始，董事会投票决定关闭北方办事处。"),
        ("自来水的总阀门在哪里？", "可以在地下室锅炉左边关掉供水。"),
        ("蜜蜂怎样交流？", "工蜂回巢后跳舞，告诉同伴哪里有花蜜。"),
        ("什么限制了电动车的续航？", "寒冷天气和高速行驶会耗费电池，缩短行程。"),
        ("报税的截止日期是哪天？", "收入申报最晚要在七月三十一日提交。"),
        ("软件采用什么许可？", "程序可以按照 MIT 协议的条款复制和修改。"),
    ),
}


class Encoder(Protocol):
    """What search needs of a sentence encoder."""

    @property
    def identity(self) -> str: ...  # noqa: D102 - see inglenook.embed.sentences
    def encode(self, texts: Sequence[str], /) -> Any: ...  # noqa: D102


def measure_ability(encoder: Encoder) -> dict[str, float]:
    """Return, per script, the share of the probe's questions whose passage is nearest among the script's passages.

    Encodes about a hundred short texts: some tenths of a second.
    """
    ability = {}
    for script, pairs in PAIRS.items():
        vectors = np.asarray(encoder.encode([text for pair in pairs for text in pair]))
        nearest = (vectors[0::2] @ vectors[1::2].T).argmax(axis=1)
        ability[script] = float((nearest == np.arange(len(pairs))).mean())
    return ability


def known_ability(encoder: Encoder, path: Path) -> dict[str, float]:
    """Return `measure_ability(encoder)`, remembered in the file at `path` where that can be written."""
    with suppress(OSError, StoreDamagedError):
        remembered = read_arrays(path)[0]
        if remembered.get("encoder") == encoder.identity:
            return dict(remembered["ability"])
    ability = measure_ability(encoder)
    with suppress(OSError):
        write_arrays(path, {"encoder": encoder.identity, "ability": ability}, {})
    return ability
