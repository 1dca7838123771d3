"""Hold the model to the laws: vmap-conformance run --subjects conformance_subjects --subject 'my-*'"""

from model import AttentionBlock, GRUEncoder, similarity

from conformance import own

SUBJECTS = [
    own.module("my-block", AttentionBlock(width=4), [("length", 4)]),
    own.module("my-encoder", GRUEncoder(20, features=3), [own.indices("length", below=20)]),
    own.function("my-similarity", similarity, [("n",), ("n",)]),
]
