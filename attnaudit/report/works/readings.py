"""What of the attention is shown: rollout, norms, effective attention, contributions, relevance."""

from __future__ import annotations

from attnaudit.report.literature import Work

_EMNLP = "Conference on Empirical Methods in Natural Language Processing"

WORKS: tuple[Work, ...] = (
    Work(
        "Kobayashi et al. 2020",
        "inproceedings",
        ("Goro Kobayashi", "Tatsuki Kuribayashi", "Sho Yokoi", "Kentaro Inui"),
        "Attention is Not Only a Weight: Analyzing Transformers with Vector Norms",
        2020,
        f"Proceedings of the 2020 {_EMNLP}",
        url="https://arxiv.org/abs/2004.10102",
    ),
    Work(
        "Sun & Marasovic 2021",
        "inproceedings",
        ("Kaiser Sun", "Ana Marasovic"),
        "Effective Attention Sheds Light On Interpretability",
        2021,
        "Findings of the Association for Computational Linguistics: ACL-IJCNLP 2021",
        url="https://arxiv.org/abs/2105.08855",
    ),
    Work(
        "Mohebbi et al. 2023",
        "inproceedings",
        ("Hosein Mohebbi", "Willem Zuidema", "Grzegorz Chrupała", "Afra Alishahi"),
        "Quantifying Context Mixing in Transformers",
        2023,
        "Proceedings of the 17th Conference of the European Chapter of the Association for"
        " Computational Linguistics",
        url="https://arxiv.org/abs/2301.12971",
    ),
    Work(
        "Ferrando et al. 2022",
        "inproceedings",
        ("Javier Ferrando", "Gerard I. Gállego", "Marta R. Costa-jussà"),
        "Measuring the Mixing of Contextual Information in the Transformer",
        2022,
        f"Proceedings of the 2022 {_EMNLP}",
        url="https://arxiv.org/abs/2203.04212",
    ),
    Work(
        "Modarressi et al. 2023",
        "inproceedings",
        (
            "Ali Modarressi",
            "Mohsen Fayyaz",
            "Ehsan Aghazadeh",
            "Yadollah Yaghoobzadeh",
            "Mohammad Taher Pilehvar",
        ),
        "DecompX: Explaining Transformers Decisions by Propagating Token Decomposition",
        2023,
        "Proceedings of the 61st Annual Meeting of the Association for Computational Linguistics",
        url="https://arxiv.org/abs/2306.02873",
    ),
    Work(
        "Chefer et al. 2021",
        "inproceedings",
        ("Hila Chefer", "Shir Gur", "Lior Wolf"),
        "Generic Attention-model Explainability for Interpreting Bi-Modal and Encoder-Decoder"
        " Transformers",
        2021,
        "Proceedings of the IEEE/CVF International Conference on Computer Vision",
        url="https://arxiv.org/abs/2103.15679",
    ),
    Work(
        "Edin et al. 2024",
        "inproceedings",
        (
            "Joakim Edin",
            "Maria Maistro",
            "Lars Maaløe",
            "Lasse Borgholt",
            "Jakob Drachmann Havtorn",
            "Tuukka Ruotsalo",
        ),
        "An Unsupervised Approach to Achieve Supervised-Level Explainability in Healthcare Records",
        2024,
        f"Proceedings of the 2024 {_EMNLP}",
        url="https://aclanthology.org/2024.emnlp-main.280/",
    ),
    Work(
        "Hao et al. 2021",
        "inproceedings",
        ("Yaru Hao", "Li Dong", "Furu Wei", "Ke Xu"),
        "Self-Attention Attribution: Interpreting Information Interactions Inside Transformer",
        2021,
        "Proceedings of the AAAI Conference on Artificial Intelligence",
        url="https://arxiv.org/abs/2004.11207",
    ),
    Work(
        "Edin et al. 2025",
        "inproceedings",
        (
            "Joakim Edin",
            "Andreas Geert Motzfeldt",
            "Casper L. Christensen",
            "Tuukka Ruotsalo",
            "Lars Maaløe",
            "Maria Maistro",
        ),
        "Normalized AOPC: Fixing Misleading Faithfulness Metrics for Feature Attributions"
        " Explainability",
        2025,
        "Proceedings of the 63rd Annual Meeting of the Association for Computational Linguistics",
        pages="1715--1730",
        url="https://arxiv.org/abs/2408.08137",
    ),
    Work(
        "Hsia et al. 2024",
        "inproceedings",
        ("Jennifer Hsia", "Danish Pruthi", "Aarti Singh", "Zachary Lipton"),
        "Goodhart's Law Applies to NLP's Explanation Benchmarks",
        2024,
        "Findings of the Association for Computational Linguistics: EACL 2024",
        pages="1322--1335",
        url="https://aclanthology.org/2024.findings-eacl.88/",
    ),
    Work(
        "Zhao & Aletras 2023",
        "inproceedings",
        ("Zhixue Zhao", "Nikolaos Aletras"),
        "Incorporating Attribution Importance for Improving Faithfulness Metrics",
        2023,
        "Proceedings of the 61st Annual Meeting of the Association for Computational Linguistics",
        url="https://arxiv.org/abs/2305.10496",
    ),
    Work(
        "Huang & Chan 2026",
        "misc",
        ("Xin Huang", "Antoni B. Chan"),
        "Grad-ELLM: Gradient-based Explanations for Decoder-only LLMs",
        2026,
        "arXiv",
        url="https://arxiv.org/abs/2601.03089",
    ),
)
