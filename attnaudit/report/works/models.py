"""Models, how they are trained and judged, and other measures of which words matter."""

from __future__ import annotations

from attnaudit.report.literature import Work

_NAACL = (
    "Proceedings of the 2019 Conference of the North American Chapter of the Association for"
    " Computational Linguistics: Human Language Technologies"
)

WORKS: tuple[Work, ...] = (
    Work(
        "Bahdanau et al. 2015",
        "inproceedings",
        ("Dzmitry Bahdanau", "Kyunghyun Cho", "Yoshua Bengio"),
        "Neural Machine Translation by Jointly Learning to Align and Translate",
        2015,
        "3rd International Conference on Learning Representations",
        url="https://arxiv.org/abs/1409.0473",
    ),
    Work(
        "Vaswani et al. 2017",
        "inproceedings",
        (
            "Ashish Vaswani",
            "Noam Shazeer",
            "Niki Parmar",
            "Jakob Uszkoreit",
            "Llion Jones",
            "Aidan N. Gomez",
            "Łukasz Kaiser",
            "Illia Polosukhin",
        ),
        "Attention Is All You Need",
        2017,
        "Advances in Neural Information Processing Systems",
        volume="30",
        url="https://arxiv.org/abs/1706.03762",
    ),
    Work(
        "Devlin et al. 2019",
        "inproceedings",
        ("Jacob Devlin", "Ming-Wei Chang", "Kenton Lee", "Kristina Toutanova"),
        "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
        2019,
        _NAACL,
        pages="4171--4186",
        doi="10.18653/v1/N19-1423",
    ),
    Work(
        "Prechelt 1998",
        "inproceedings",
        ("Lutz Prechelt",),
        "Early Stopping - But When?",
        1998,
        "Neural Networks: Tricks of the Trade, Lecture Notes in Computer Science",
        volume="1524",
        pages="55--69",
        doi="10.1007/3-540-49430-8_3",
    ),
    Work(
        "Zhang et al. 2017",
        "inproceedings",
        ("Chiyuan Zhang", "Samy Bengio", "Moritz Hardt", "Benjamin Recht", "Oriol Vinyals"),
        "Understanding Deep Learning Requires Rethinking Generalization",
        2017,
        "5th International Conference on Learning Representations",
        url="https://arxiv.org/abs/1611.03530",
    ),
    Work(
        "Sundararajan et al. 2017",
        "inproceedings",
        ("Mukund Sundararajan", "Ankur Taly", "Qiqi Yan"),
        "Axiomatic Attribution for Deep Networks",
        2017,
        "Proceedings of the 34th International Conference on Machine Learning, Proceedings of"
        " Machine Learning Research",
        volume="70",
        pages="3319--3328",
        url="https://proceedings.mlr.press/v70/sundararajan17a.html",
    ),
    Work(
        "Lyness 1969",
        "article",
        ("James N. Lyness",),
        "Notes on the Adaptive Simpson Quadrature Routine",
        1969,
        "Journal of the ACM",
        volume="16",
        number="3",
        pages="483--495",
        doi="10.1145/321526.321537",
    ),
    Work(
        "Samek et al. 2017",
        "article",
        (
            "Wojciech Samek",
            "Alexander Binder",
            "Grégoire Montavon",
            "Sebastian Lapuschkin",
            "Klaus-Robert Müller",
        ),
        "Evaluating the Visualization of What a Deep Neural Network Has Learned",
        2017,
        "IEEE Transactions on Neural Networks and Learning Systems",
        volume="28",
        number="11",
        pages="2660--2673",
        doi="10.1109/TNNLS.2016.2599820",
    ),
    Work(
        "Hooker et al. 2019",
        "inproceedings",
        ("Sara Hooker", "Dumitru Erhan", "Pieter-Jan Kindermans", "Been Kim"),
        "A Benchmark for Interpretability Methods in Deep Neural Networks",
        2019,
        "Advances in Neural Information Processing Systems",
        volume="32",
        url="https://arxiv.org/abs/1806.10758",
    ),
    Work(
        "Okabe & Ito 2008",
        "misc",
        ("Masataka Okabe", "Kei Ito"),
        "Color Universal Design (CUD): How to Make Figures and Presentations That Are Friendly to"
        " Colorblind People",
        2008,
        "J*FLY Data Depository for Drosophila Researchers",
        url="https://jfly.uni-koeln.de/color/",
    ),
)
