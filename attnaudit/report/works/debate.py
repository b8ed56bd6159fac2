"""The debate on attention, and what came after it."""

from __future__ import annotations

from attnaudit.report.literature import Work

_ACL = "Proceedings of the {} Annual Meeting of the Association for Computational Linguistics"
_NAACL = (
    "Proceedings of the 2019 Conference of the North American Chapter of the Association for"
    " Computational Linguistics: Human Language Technologies"
)

WORKS: tuple[Work, ...] = (
    Work(
        "Jain & Wallace 2019",
        "inproceedings",
        ("Sarthak Jain", "Byron C. Wallace"),
        "Attention is not Explanation",
        2019,
        _NAACL,
        pages="3543--3556",
        doi="10.18653/v1/N19-1357",
    ),
    Work(
        "Wiegreffe & Pinter 2019",
        "inproceedings",
        ("Sarah Wiegreffe", "Yuval Pinter"),
        "Attention is not not Explanation",
        2019,
        "Proceedings of the 2019 Conference on Empirical Methods in Natural Language Processing"
        " and the 9th International Joint Conference on Natural Language Processing",
        pages="11--20",
        doi="10.18653/v1/D19-1002",
    ),
    Work(
        "Serrano & Smith 2019",
        "inproceedings",
        ("Sofia Serrano", "Noah A. Smith"),
        "Is Attention Interpretable?",
        2019,
        _ACL.format("57th"),
        pages="2931--2951",
        doi="10.18653/v1/P19-1282",
    ),
    Work(
        "Pruthi et al. 2020",
        "inproceedings",
        (
            "Danish Pruthi",
            "Mansi Gupta",
            "Bhuwan Dhingra",
            "Graham Neubig",
            "Zachary C. Lipton",
        ),
        "Learning to Deceive with Attention-Based Explanations",
        2020,
        _ACL.format("58th"),
        pages="4782--4793",
        doi="10.18653/v1/2020.acl-main.432",
    ),
    Work(
        "DeYoung et al. 2020",
        "inproceedings",
        (
            "Jay DeYoung",
            "Sarthak Jain",
            "Nazneen Fatema Rajani",
            "Eric Lehman",
            "Caiming Xiong",
            "Richard Socher",
            "Byron C. Wallace",
        ),
        "ERASER: A Benchmark to Evaluate Rationalized NLP Models",
        2020,
        _ACL.format("58th"),
        pages="4443--4458",
        doi="10.18653/v1/2020.acl-main.408",
    ),
    Work(
        "Jacovi & Goldberg 2020",
        "inproceedings",
        ("Alon Jacovi", "Yoav Goldberg"),
        "Towards Faithfully Interpretable NLP Systems: How Should We Define and Evaluate"
        " Faithfulness?",
        2020,
        _ACL.format("58th"),
        pages="4198--4205",
        doi="10.18653/v1/2020.acl-main.386",
    ),
    Work(
        "Mohankumar et al. 2020",
        "inproceedings",
        (
            "Akash Kumar Mohankumar",
            "Preksha Nema",
            "Sharan Narasimhan",
            "Mitesh M. Khapra",
            "Balaji Vasan Srinivasan",
            "Balaraman Ravindran",
        ),
        "Towards Transparent and Explainable Attention Models",
        2020,
        _ACL.format("58th"),
        pages="4206--4216",
        doi="10.18653/v1/2020.acl-main.387",
    ),
    Work(
        "Chandrahas et al. 2018",
        "inproceedings",
        ("Chandrahas", "Aditya Sharma", "Partha Talukdar"),
        "Towards Understanding the Geometry of Knowledge Graph Embeddings",
        2018,
        _ACL.format("56th"),
        pages="122--131",
        doi="10.18653/v1/P18-1012",
    ),
    Work(
        "Brunner et al. 2020",
        "inproceedings",
        (
            "Gino Brunner",
            "Yang Liu",
            "Damián Pascual",
            "Oliver Richter",
            "Massimiliano Ciaramita",
            "Roger Wattenhofer",
        ),
        "On Identifiability in Transformers",
        2020,
        "8th International Conference on Learning Representations",
        url="https://openreview.net/forum?id=BJg1f6EFDB",
    ),
    Work(
        "Abnar & Zuidema 2020",
        "inproceedings",
        ("Samira Abnar", "Willem Zuidema"),
        "Quantifying Attention Flow in Transformers",
        2020,
        _ACL.format("58th"),
        pages="4190--4197",
        doi="10.18653/v1/2020.acl-main.385",
    ),
    Work(
        "Kobayashi et al. 2021",
        "inproceedings",
        ("Goro Kobayashi", "Tatsuki Kuribayashi", "Sho Yokoi", "Kentaro Inui"),
        "Incorporating Residual and Normalization Layers into Analysis of Masked Language Models",
        2021,
        "Proceedings of the 2021 Conference on Empirical Methods in Natural Language Processing",
        pages="4547--4568",
        doi="10.18653/v1/2021.emnlp-main.373",
    ),
    Work(
        "Bhardwaj et al. 2021",
        "inproceedings",
        ("Rishabh Bhardwaj", "Navonil Majumder", "Soujanya Poria", "Eduard Hovy"),
        "More Identifiable yet Equally Performant Transformers for Text Classification",
        2021,
        "Proceedings of the 59th Annual Meeting of the Association for Computational Linguistics"
        " and the 11th International Joint Conference on Natural Language Processing",
        pages="1172--1182",
        doi="10.18653/v1/2021.acl-long.94",
    ),
    Work(
        "Naim & Asher 2024",
        "inproceedings",
        ("Omar Naim", "Nicholas Asher"),
        "On Explaining with Attention Matrices",
        2024,
        "Proceedings of the 27th European Conference on Artificial Intelligence (ECAI 2024)",
        doi="10.3233/FAIA240594",
    ),
)
