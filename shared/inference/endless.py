"""Words without end."""

import string

# A text, in characters, that costs more than to look for what makes its words endless.
ENDLESS = 65_536

# To WordPiece a word of more than `max_input_chars_per_word` is unknown, and BERT's normalization
# takes characters one by one: letters stay, blanks divide, marks and format characters vanish or
# stay. So a run of one class is as good as its beginning, if that alone is such a word.
_BLANKS, _MARKS = " \t\n\r", "\u0300-\u036f\ufe00-\ufe0f"
_FORMATS = "\u200b-\u200f\u202a-\u202e\u2060-\u2064"


def _is_bracketed(token: str) -> bool:
    return token[0] in string.punctuation and token[-1] in string.punctuation
