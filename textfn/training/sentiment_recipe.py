"""Every hyper-parameter of the sentiment classifier's training, one recipe per stage."""

import dataclasses

from textfn.training.sentiment_data import LEVEL_TARGETS


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Every hyper-parameter of one training stage; shares are drawn anew each epoch."""

    epochs: int
    learning_rate: float = 8e-5  # in the top encoder layer
    head_learning_rate: float = 5e-4
    layer_decay: float = 0.9  # learning rate factor from one layer to the one below it
    weight_decay: float = 0.01
    warmup: float = 0.06  # share of the steps
    last_rate: float = 0.0  # learning rate factor at the end of the linear decay
    batch: int = 32
    max_tokens: int = 72
    dropout: float = 0.1
    rdrop: float = 0.0  # weight of the KL term between two dropout passes (Liang et al. 2021)
    clip: float = 1.0
    ema_decay: float = 0.98  # per update
    ema_every: int = 10  # steps
    sentence_share: float = 1.0
    phrase_share: float = 0.4  # share of the polar phrases
    neutral_share: float = 0.15  # share of the neutral phrases
    plain_share: float = 0.5  # share of the treebank texts in ordinary spelling
    own_copies: int = 3  # copies of each own sentence per epoch
    level_targets: tuple[float, ...] = LEVEL_TARGETS
    review_share: float = 0.0
    review_prior: float = 0.7  # added to the teacher's logit by a review's label


STAGES = {
    "reviews": Recipe(
        epochs=1,
        learning_rate=1e-4,
        head_learning_rate=1e-3,
        max_tokens=80,
        ema_decay=0.0,  # too few steps for an average to forget the first ones
        ema_every=1,
        sentence_share=0.0,
        phrase_share=0.0,
        neutral_share=0.0,
        own_copies=0,
        review_share=1.0,
    ),
    "treebank": Recipe(epochs=3, rdrop=1.0),
    # Harder labels and all phrases: it makes other errors, which an average of models evens out.
    "sharp": Recipe(
        epochs=2,
        learning_rate=1e-4,
        head_learning_rate=1e-3,
        rdrop=1.0,
        phrase_share=1.0,
        neutral_share=0.1,
        own_copies=2,
        level_targets=(0.01, 0.06, 0.5, 0.94, 0.99),
    ),
    "distil": Recipe(epochs=3, review_share=0.25),
    # The rate is constant, because the average of the weights is kept, not the last weights.
    "refine": Recipe(
        epochs=2,
        last_rate=1.0,
        ema_decay=0.99,
        phrase_share=0.25,
        own_copies=2,
        review_share=0.4,
    ),
}
