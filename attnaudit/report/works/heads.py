"""What heads do, and what the states of deep models are still about."""

from __future__ import annotations

from attnaudit.report.literature import Work

WORKS: tuple[Work, ...] = (
    Work(
        "Michel et al. 2019",
        "inproceedings",
        ("Paul Michel", "Omer Levy", "Graham Neubig"),
        "Are Sixteen Heads Really Better than One?",
        2019,
        "Advances in Neural Information Processing Systems",
        volume="32",
        url="https://arxiv.org/abs/1905.10650",
    ),
    Work(
        "Voita et al. 2019",
        "inproceedings",
        ("Elena Voita", "David Talbot", "Fedor Moiseev", "Rico Sennrich", "Ivan Titov"),
        "Analyzing Multi-Head Self-Attention: Specialized Heads Do the Heavy Lifting, the Rest Can"
        " Be Pruned",
        2019,
        "Proceedings of the 57th Annual Meeting of the Association for Computational Linguistics",
        pages="5797--5808",
        doi="10.18653/v1/P19-1580",
    ),
    Work(
        "Kovaleva et al. 2019",
        "inproceedings",
        ("Olga Kovaleva", "Alexey Romanov", "Anna Rogers", "Anna Rumshisky"),
        "Revealing the Dark Secrets of BERT",
        2019,
        "Proceedings of the 2019 Conference on Empirical Methods in Natural Language Processing and"
        " the 9th International Joint Conference on Natural Language Processing",
        pages="4365--4374",
        doi="10.18653/v1/D19-1445",
    ),
    Work(
        "Geva et al. 2023",
        "inproceedings",
        ("Mor Geva", "Jasmijn Bastings", "Katja Filippova", "Amir Globerson"),
        "Dissecting Recall of Factual Associations in Auto-Regressive Language Models",
        2023,
        "Proceedings of the 2023 Conference on Empirical Methods in Natural Language Processing",
        pages="12216--12235",
        doi="10.18653/v1/2023.emnlp-main.751",
    ),
    Work(
        "Lu et al. 2021",
        "inproceedings",
        ("Kaiji Lu", "Zifan Wang", "Piotr Mardziel", "Anupam Datta"),
        "Influence Patterns for Explaining Information Flow in BERT",
        2021,
        "Advances in Neural Information Processing Systems",
        volume="34",
        url="https://arxiv.org/abs/2011.00740",
    ),
)
